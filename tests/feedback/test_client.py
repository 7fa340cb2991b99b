"""Python's client: it never waits, drops the oldest, tries five times, and gives up on what is refused."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tonewheel.core.errors import InputError
from tonewheel.feedback import delivery
from tonewheel.feedback.client import URL_VARIABLE, WAITING_MOST, SnapshotClient
from tonewheel.feedback.delivery import Courier
from tonewheel.manifest.stem_snapshot_check import parse_snapshot

Make = Callable[..., dict[str, Any]]


class Awkward(BaseHTTPRequestHandler):
    """A service that answers each request with the next of some statuses, once it may."""

    protocol_version = "HTTP/1.1"
    statuses: list[int]
    bodies: list[bytes]
    may_answer: threading.Event
    came: threading.Event
    retry_after = ""

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.came.set()
        self.may_answer.wait(20)
        self.send_response(self.statuses.pop(0) if self.statuses else 201)
        if self.retry_after:
            self.send_header("Retry-After", self.retry_after)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def awkward() -> Iterator[Any]:
    events = {"may_answer": threading.Event(), "came": threading.Event()}
    events["may_answer"].set()
    handler: Any = type("Handler", (Awkward,), {"statuses": [], "bodies": [], **events})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        handler.url = f"http://127.0.0.1:{server.server_address[1]}/"
        yield handler
        events["may_answer"].set()
        server.shutdown()
        thread.join()


def test_snapshots_arrive(run_service: Any, snapshot: Make) -> None:
    with run_service(keys=["0123456789abcdef"]) as service:
        sent = [snapshot() for _ in range(5)]
        with SnapshotClient(f"{service.url}/stem-separation", key="0123456789abcdef") as client:
            for number, one in enumerate(sent):
                ways = (parse_snapshot(json.dumps(one)), one, json.dumps(one).encode())
                assert client.send(ways[number % 3])
            assert client.flush(20)
        assert (client.sent, client.dropped) == (5, 0)
        assert {one.pseudonym for one in service.store.read()} == {
            service.store.pseudonyms.of(one["id"]) for one in sent
        }


def test_it_is_off_unless_a_url_is_set(monkeypatch: pytest.MonkeyPatch, awkward: Any) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    with SnapshotClient() as client:
        assert (client.on, client.send(b"{}"), client.flush(0)) == (False, False, True)
    monkeypatch.setenv(URL_VARIABLE, awkward.url)
    with SnapshotClient() as client:
        assert client.send(b"{}")
    assert awkward.bodies == [b"{}"]


@pytest.mark.parametrize(
    "wrong", ["nonsense", "ftp://a/b", "http://", "http://a:port/", "file:///etc/passwd", "http://a b/"]
)
def test_a_url_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(InputError, match="is no URL"):
        SnapshotClient(wrong)


def test_the_oldest_of_more_than_fifty_is_dropped_and_nobody_waits(awkward: Any) -> None:
    awkward.may_answer.clear()
    with SnapshotClient(awkward.url) as client:
        client.send(b"0")
        assert awkward.came.wait(20)
        began = time.monotonic()
        for number in range(1, 61):
            client.send(str(number).encode())
        assert time.monotonic() - began < 5.0, "the service has not answered at all"
        awkward.may_answer.set()
        assert client.flush(30)
    assert [int(body) for body in awkward.bodies] == [0, *range(61 - WAITING_MOST, 61)]
    assert (client.sent, client.dropped) == (WAITING_MOST + 1, 60 - WAITING_MOST)


def test_five_attempts_with_pauses_that_double(awkward: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    courier = Courier(awkward.url, pause_s=1.0)
    pauses: list[float] = []
    monkeypatch.setattr(courier.hurry, "wait", lambda s: pauses.append(s) or False)
    awkward.statuses += [500, 503, 429, 408]
    assert courier.deliver(b"{}").acknowledged
    for pause_s, middle_s in zip(pauses, (1, 2, 4, 8), strict=True):
        assert 0.75 * middle_s <= pause_s <= 1.25 * middle_s
    awkward.statuses += [503] * 6
    awkward.bodies.clear()
    assert not courier.deliver(b"{}").acknowledged
    assert len(awkward.bodies) == 5
    # A server that says when is believed, within reason.
    awkward.statuses[:] = [503, 503]
    for told, pause_s in (("7", 7.0), ("9999999", delivery.LONGEST_PAUSE_S)):
        awkward.statuses[:] = [503]
        awkward.retry_after = told
        courier.deliver(b"{}")
        assert pauses[-1] == pause_s
    courier.close()


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 409, 413, 415, 422])
def test_a_refusal_is_not_repeated_nor_followed(awkward: Any, status: int) -> None:
    awkward.statuses += [status]
    courier = Courier(awkward.url)
    assert courier.deliver(b"{}")[:2] == (False, status)
    assert len(awkward.bodies) == 1
    courier.close()


def test_a_service_that_is_away_costs_nothing_but_the_snapshot(awkward: Any) -> None:
    with SnapshotClient("http://127.0.0.1:1/", pause_s=0.001) as client:
        client.send(b"{}")
        assert client.flush(20)
        assert (client.sent, client.dropped, client.last and client.last.status) == (0, 1, 0)
    # Leaving does not wait for the pause between attempts.
    client = SnapshotClient("http://127.0.0.1:1/", pause_s=3600.0)
    client.send(b"{}")
    began = time.monotonic()
    client.close()
    assert time.monotonic() - began < 20
    assert client.dropped == 1
    assert not client.send(b"{}"), "it is closed"
