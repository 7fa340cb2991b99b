"""Other programs are told what plays; none of them can hold the show up."""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewheel.core.errors import InputError
from tonewheel.systems.concert import cue
from tonewheel.systems.concert.cue import Cues, HttpCue, osc_message
from tonewheel.systems.concert.listen import Event


def event(kind: str = "song_start", song: str = "Intro", time_s: float = 83.5) -> Event:
    return Event.from_dict({"time_s": time_s, "event": kind, "song": song, "position_s": 2.25, "score": 0.71})


def osc_decoded(datagram: bytes) -> tuple[str, str, list[object]]:
    """Address, type tags and arguments, read as the OSC 1.0 specification words it."""
    place = 0

    def text() -> str:
        nonlocal place
        end = datagram.index(b"\0", place)
        found = datagram[place:end].decode()
        place = end + 1
        while place % 4:
            assert datagram[place] == 0
            place += 1
        return found

    address, tags = text(), text()
    assert tags[0] == ","
    arguments: list[object] = []
    for tag in tags[1:]:
        if tag == "s":
            arguments.append(text())
        else:
            assert tag == "f"
            arguments.append(struct.unpack(">f", datagram[place : place + 4])[0])
            place += 4
    assert place == len(datagram)
    return address, tags, arguments


def test_osc_arrives_as_one_datagram_an_event() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        with Cues(osc_address=f"127.0.0.1:{receiver.getsockname()[1]}") as cues:
            cues.send(event())
            cues.send(event("position", "Ünïcödé"))
        first, second = (osc_decoded(receiver.recv(4096)) for _ in range(2))
    assert first == ("/tonewheel/song_start", ",sfff", ["Intro", 2.25, 83.5, pytest.approx(0.71)])
    assert second[0] == "/tonewheel/position"
    assert second[2][0] == "Ünïcödé"


@settings(deadline=None)
@given(text=st.text(max_size=2000), number=st.floats(width=32, allow_nan=False))
def test_any_title_makes_a_message_that_can_be_read(text: str, number: float) -> None:
    message = osc_message("/tonewheel/position", text, number)
    assert len(message) % 4 == 0
    assert len(message) < 1400
    _, tags, (title, value) = osc_decoded(message)
    assert (tags, value) == (",sf", number)
    assert text.replace("\0", "").startswith(str(title))


class Receiver(HTTPServer):
    """Keeps what it is sent; answers when it is allowed to."""

    def __init__(self, status: int = 204) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.bodies: list[dict[str, object]] = []
        self.types: list[str | None] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/cue"

    def end(self) -> None:
        self.may_answer.set()
        self.shutdown()
        self.thread.join(5)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(json.loads(body))
        self.server.types.append(self.headers["Content-Type"])
        self.server.may_answer.wait(10)
        try:
            self.send_response(self.server.status)
            self.end_headers()
        except OSError:
            pass  # the sender has gone

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.end()


def test_http_gets_every_event_in_order(receiver: Receiver, capfd: pytest.CaptureFixture[str]) -> None:
    sent = [event(), event("position"), event("song_end", "Ünïcödé\n")]
    with Cues(http_url=receiver.url) as cues:
        for one in sent:
            cues.send(one)
    assert receiver.bodies == [one.to_dict() for one in sent]
    assert set(receiver.types) == {"application/json"}
    assert capfd.readouterr().err == ""


def test_a_receiver_that_does_not_answer_delays_nobody(
    receiver: Receiver, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cue, "LEAVE_WITHIN_S", 0.2)
    monkeypatch.setattr(cue, "WAITING_MOST", 20)
    receiver.may_answer.clear()
    began = time.monotonic()
    with Cues(http_url=receiver.url) as cues:
        for number in range(100):
            cues.send(event(time_s=number))
        sending_s = time.monotonic() - began
    leaving_s = time.monotonic() - began - sending_s
    assert sending_s < 2
    assert leaving_s < 2
    told = capfd.readouterr().err.splitlines()
    assert "100 of 100 events did not reach" in told[-1]
    assert len(told) == 2


@pytest.mark.parametrize("status", [404, 500])
def test_a_receiver_that_refuses_is_told_once_and_counted(
    status: int, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    receiver.status = status
    with Cues(http_url=receiver.url) as cues:
        for _ in range(3):
            cues.send(event())
    told = capfd.readouterr().err.splitlines()
    assert len(told) == 2
    assert f"answers {status}" in told[0]
    assert "3 of 3 events did not reach" in told[1]


def test_a_dead_receiver_is_told_and_the_proxy_is_not_asked(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    monkeypatch.setenv("http_proxy", receiver.url)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused at once
        with Cues(http_url=f"http://127.0.0.1:{taken.getsockname()[1]}/") as cues:
            cues.send(event())
    assert "1 of 1 events did not reach" in capfd.readouterr().err
    assert receiver.bodies == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://host/x",
        "localhost:80",
        "http://",
        "http://host:99999/",
        "http://a b/",
        "",
    ],
)
def test_only_http_urls_are_taken(url: str) -> None:
    with pytest.raises(InputError, match="no http"):
        HttpCue(url)


@pytest.mark.parametrize(
    "address", ["", "localhost", "localhost:", ":9000", "localhost:osc", "localhost:70000"]
)
def test_only_host_and_port_are_taken(address: str) -> None:
    with pytest.raises(InputError, match="HOST:PORT"):
        Cues(osc_address=address)


TELL = "import os, sys; open(sys.argv[1], 'a').write('|'.join(os.environ['TONEWHEEL_' + n] for n in sys.argv[2:]))"


def test_a_command_runs_at_a_songs_start_with_the_event(tmp_path: Path) -> None:
    out = tmp_path / "told here.txt"
    hostile = '"; touch /tmp/owned; $(id) `id`'
    with Cues(f'"{sys.executable}" -c "{TELL}" "{out}" EVENT SONG TIME_S POSITION_S SCORE') as cues:
        cues.send(event("position"))
        cues.send(event(song=hostile))
        cues.send(event("song_end"))
        for receiver in cues._receivers:
            receiver.close(time.monotonic() + 30)  # a loaded machine is slow to start Python
    assert out.read_text() == f"song_start|{hostile}|83.5|2.25|0.71"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("/no/such/program --flag", "/no/such/program: No such file or directory"),
        ("false", "false left with status 1"),
        ("/", "Permission denied"),
    ],
)
def test_a_command_that_fails_is_one_line(command: str, told: str, capfd: pytest.CaptureFixture[str]) -> None:
    with Cues(command) as cues:
        cues.send(event())
        cues._receivers[0].close(time.monotonic() + 30)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert told in lines[0]


def test_a_long_command_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(cue, "LEAVE_WITHIN_S", 0.1)
    monkeypatch.setattr(cue, "COMMANDS_MOST", 2)
    # It runs until its standard input, a pipe of ours, is closed: no sleep that outlives the test.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    began = time.monotonic()
    with Cues(f"cat {pipe}") as cues:
        for _ in range(3):
            cues.send(event())
    assert time.monotonic() - began < 5
    assert "2 commands still run" in capfd.readouterr().err
    with pipe.open("w"):
        pass
    for thread in cues._receivers[0]._running:
        thread.join(10)


@pytest.mark.parametrize("command", ["", "   ", 'echo "unbalanced', "a\0b"])
def test_what_is_no_command_is_refused(command: str) -> None:
    with pytest.raises(InputError, match="--on-song"):
        Cues(command)


def test_what_a_command_prints_stays_out_of_the_events(capfd: pytest.CaptureFixture[str]) -> None:
    with Cues("echo loud") as cues:
        cues.send(event())
        cues._receivers[0].close(time.monotonic() + 30)
    assert "loud" not in capfd.readouterr().out
