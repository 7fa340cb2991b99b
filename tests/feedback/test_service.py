"""What the service takes, what it refuses and with which words, and that nothing it refuses reaches the store."""

from __future__ import annotations

import concurrent.futures
import gzip
import http.client
import json
import math
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.feedback.kinds import Contribution, Kind
from tonewheel.feedback.limits import plain_origin
from tonewheel.manifest.stem_snapshot import LARGEST_BYTES
from tonewheel.manifest.stem_snapshot_check import parse_snapshot

JSON = {"Content-Type": "application/json", "X-Prime-Fabric-Channel": "stem-separation"}
BEACON = {"Content-Type": "text/plain;charset=UTF-8"}
Make = Callable[..., dict[str, Any]]


def test_a_snapshot_is_stored_before_it_is_acknowledged(service: Any, snapshot: Make) -> None:
    sent = snapshot()
    answer = service.post(sent)
    assert answer.status == 201
    (kept,) = service.store.read()
    assert answer.values == {"receipt": kept.pseudonym, "kind": "stems", "outcome": "stored"}
    # What is kept is a snapshot that any reader takes, and nothing but the id has changed.
    mine, theirs = parse_snapshot(kept.payload).to_dict(), parse_snapshot(json.dumps(sent)).to_dict()
    assert mine.pop("id") == kept.pseudonym != theirs.pop("id")
    assert mine == theirs


def test_a_snapshot_is_taken_once_however_often_it_arrives(service: Any, snapshot: Make) -> None:
    sent = snapshot()
    answers = [service.post(sent), service.post(sent), service.post(sent, BEACON)]
    assert [answer.status for answer in answers] == [201, 200, 200]
    assert len({answer.values["receipt"] for answer in answers}) == 1
    assert service.store.count() == {"stems": 1}


def test_the_same_id_with_another_body_changes_nothing(service: Any, snapshot: Make) -> None:
    sent = snapshot()
    service.post(sent)
    before = [one.payload for one in service.store.read()]
    assert service.post({**sent, "timestamp": 1}).status == 409
    assert [one.payload for one in service.store.read()] == before


def test_many_senders_of_one_snapshot_at_once_store_it_once(service: Any, snapshot: Make) -> None:
    sent = snapshot()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: service.post(sent).status, range(40)))
    assert sorted(statuses) == [200] * 39 + [201]


def refusals(snapshot: Make) -> dict[str, tuple[Any, dict[str, str], int, str]]:
    """Hostile and broken requests: body, headers, the status and a word of the answer."""
    whole = snapshot()
    wrong_types = snapshot(quantumFeatures={**whole["quantumFeatures"], "energy": "loud"})
    return {
        "no channel header": (whole, {"Content-Type": "application/json"}, 400, "is missing"),
        "another channel": (whole, {**JSON, "X-Prime-Fabric-Channel": "x"}, 400, "names another channel"),
        "no type": (whole, {"X-Prime-Fabric-Channel": "stem-separation"}, 415, "application/json"),
        "a form": (b"id=1", {**JSON, "Content-Type": "application/x-www-form-urlencoded"}, 415, "expected"),
        "huge, honest about it": (b"x" * (LARGEST_BYTES + 1), JSON, 413, "at most"),
        "huge, without a length": (iter([b"x" * 65536] * 40), JSON, 413, "larger than"),
        "a beacon of 64 KiB and a byte": (json.dumps(whole).encode().ljust(65537), BEACON, 413, "65536"),
        "zip bomb": (gzip.compress(bytes(10**7)), {**JSON, "Content-Encoding": "gzip"}, 415, "compressed"),
        "brotli": (b"\x0b", {**JSON, "Content-Encoding": "br"}, 415, "compressed"),
        "deep array": (b"[" * 200_000, JSON, 422, ""),
        "deep under an unknown key": (b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}", JSON, 422, "deep"),
        "deep objects": (b'{"metadata":' * 30_000, JSON, 422, ""),
        "NaN": (json.dumps(snapshot(timestamp=math.nan)).encode(), JSON, 422, "not JSON"),
        "infinite": (json.dumps(whole).replace("1763700000000", "1e999").encode(), JSON, 422, "timestamp"),
        "wrong types": (wrong_types, JSON, 422, "quantumFeatures.energy"),
        "too many numbers": (
            snapshot(quantumFeatures={**whole["quantumFeatures"], "stereo": [0.5] * 1001}),
            JSON,
            422,
            "quantumFeatures.stereo",
        ),
        "an id that is a path": (snapshot(id="../../etc/passwd"), JSON, 422, "id"),
        "a list": ([whole], JSON, 422, "expected object"),
        "empty": (b"", JSON, 422, "not JSON"),
        "no text": (b"\xff\xfe\x00", JSON, 422, ""),
        "cut short": (json.dumps(whole).encode()[:-20], JSON, 422, "not JSON"),
        "a page that is not listed": (whole, {**JSON, "Origin": "https://evil.example"}, 403, "origin"),
        "a beacon of such a page": (whole, {**BEACON, "Origin": "null"}, 403, "origin"),
    }


def test_what_is_refused_is_told_why_and_never_stored(service: Any, snapshot: Make) -> None:
    wrong = []
    for name, (body, headers, status, word) in refusals(snapshot).items():
        raw = json.dumps(body).encode() if isinstance(body, dict | list) else body
        answer = service.request("POST", "/stem-separation", raw, headers)
        told = answer.values["error"]
        if answer.status != status or word not in told or "\n" in told or len(told) > 300:
            wrong.append((name, answer))
    assert not wrong
    assert service.store.count() == {}
    assert service.post(snapshot()).status == 201, "it goes on after all that"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
            ),
        ).map(lambda value: json.dumps(value).encode()),
    )
)
def test_no_body_brings_it_down(service: Any, body: bytes) -> None:
    assert service.post(body).status == 422


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_to_a_snapshot_brings_it_down(service: Any, snapshot: Make, data: st.DataObject) -> None:
    sent = snapshot()
    where: Any = sent
    while True:
        key = data.draw(st.sampled_from(sorted(where)) if isinstance(where, dict) else st.just(0))
        if isinstance(where[key], dict | list) and where[key] and data.draw(st.booleans()):
            where = where[key]
            continue
        where[key] = data.draw(
            st.sampled_from(
                [None, -1, 1e300, 10**400, "", "x" * 1000, [], {}, [[[]]], True, "\x00", "\ud800"]
            )
        )
        break
    assert service.post(sent).status in (200, 201, 422)


def test_other_paths_and_methods_are_not_there(service: Any) -> None:
    assert service.request("GET", "/stem-separation").status == 405
    for path in ("/", "/docs", "/openapi.json", "/../id.key", "/store/id.key"):
        assert service.request("GET", path).status == 404


def test_pages_of_listed_origins_may_send(run_service: Any, snapshot: Make) -> None:
    studio = "https://studio.example"
    with run_service(origins=[studio]) as service:
        asked = {"Origin": studio, "Access-Control-Request-Method": "POST"}
        headers = {"Access-Control-Request-Headers": "content-type,x-prime-fabric-channel"}
        allowed = service.request("OPTIONS", "/stem-separation", headers=asked | headers)
        assert allowed.status == 200
        assert allowed.headers["access-control-allow-origin"] == studio
        answer = service.post(snapshot(), JSON | {"Origin": studio})
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (201, studio)
        # A refusal can be read by the page as well.
        refused = service.post({}, JSON | {"Origin": studio})
        assert (refused.status, refused.headers["access-control-allow-origin"]) == (422, studio)
        other = service.request(
            "OPTIONS", "/stem-separation", headers=asked | headers | {"Origin": "https://evil.example"}
        )
        assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize(
    "wrong", ["*", "null", "studio.example", "https://a.example/path", "ftp://a", "http://a:x"]
)
def test_an_origin_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(InputError, match="is no origin"):
        plain_origin(wrong)


def test_a_key_is_asked_for_when_one_is_set(run_service: Any, snapshot: Make) -> None:
    keys = ["0123456789abcdef", "fedcba9876543210"]
    with run_service(keys=keys) as service:
        assert service.post(snapshot()).status == 401
        for wrong in (
            "Bearer ",
            "Bearer 0123456789abcde",
            f"Basic {keys[0]}",
            f"bearer {keys[0]}x",
            "Bearer \xff",
        ):
            assert service.post(snapshot(), JSON | {"Authorization": wrong}).status == 401, wrong
        for key in keys:
            assert service.post(snapshot(), JSON | {"Authorization": f"Bearer {key}"}).status == 201
        body = json.dumps(snapshot())
        assert service.request("POST", f"/stem-separation?key={keys[1]}", body, BEACON).status == 201
        assert service.request("POST", "/stem-separation?key=", body, BEACON).status == 401
        assert service.store.count() == {"stems": 3}


def test_a_client_that_sends_too_much_is_told_when_to_come_back(run_service: Any, snapshot: Make) -> None:
    with run_service(rate_per_s=0.01, burst=3) as service:
        answers = [service.post(snapshot()) for _ in range(5)]
        assert [answer.status for answer in answers] == [201] * 3 + [429] * 2
        assert 50 < int(answers[-1].headers["retry-after"]) <= 100


def test_a_full_queue_is_told_and_what_was_taken_is_kept(
    run_service: Any, snapshot: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_service(waiting_most=2) as service:
        disk, busy = threading.Event(), threading.Event()
        put = service.store.put

        def slow(batch: Any) -> Any:
            busy.set()
            assert disk.wait(60)
            return put(batch)

        monkeypatch.setattr(service.store, "put", slow)
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            waiting = [pool.submit(service.post, snapshot())]
            assert busy.wait(20)
            # One is being written and two wait, so that three must be refused while the disk stands still.
            waiting += [pool.submit(service.post, snapshot()) for _ in range(5)]
            answered = concurrent.futures.as_completed(waiting)
            refused = [next(answered).result() for _ in range(3)]
            disk.set()
            answers = [one.result() for one in waiting]
        assert {(answer.status, answer.headers["retry-after"]) for answer in refused} == {(503, "1")}
        assert sorted(answer.status for answer in answers) == [201] * 3 + [503] * 3
        assert service.store.count() == {"stems": 3}


def test_a_failing_disk_is_no_acknowledgement(
    run_service: Any, snapshot: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_service() as service:

        def full(batch: Any) -> Any:
            raise TonewheelError("store: database or disk is full")

        monkeypatch.setattr(service.store, "put", full)
        answer = service.post(snapshot())
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        health = service.request("GET", "/health")
        assert (health.status, health.values["trouble"]) == (503, "store: database or disk is full")
        assert "tonewheel_feedback_failing 1" in service.request("GET", "/metrics").body
        monkeypatch.undo()
        assert service.post(snapshot()).status == 201
        assert service.request("GET", "/health").values == {"status": "ok", "waiting": 0}


def connect(service: Any) -> socket.socket:
    parts = urlsplit(service.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def closed_after_s(one: socket.socket) -> float:
    began = time.monotonic()
    try:
        while one.recv(4096):
            pass
    except ConnectionError:
        pass
    return time.monotonic() - began


def test_slow_heads_and_bodies_are_not_waited_for(run_service: Any, snapshot: Make) -> None:
    with run_service(head_within_s=0.3, body_within_s=0.3) as service:
        head = b"POST /stem-separation HTTP/1.1\r\nHost: x\r\n"
        rest = b"Content-Type: text/plain\r\nContent-Length: 1000\r\n\r\n{"
        with closing(connect(service)) as silent, closing(connect(service)) as dribbling:
            dribbling.sendall(head)
            for one in (silent, dribbling):
                assert closed_after_s(one) < 10
        with closing(connect(service)) as one:
            one.sendall(head + rest)
            assert b"408" in one.recv(100)
            assert closed_after_s(one) < 10
        # The second request of a connection has no more time than the first one.
        with closing(connect(service)) as one:
            body = json.dumps(snapshot()).encode()
            one.sendall(head + b"Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            assert b"201" in one.recv(4096)
            one.sendall(head)
            assert closed_after_s(one) < 10
        assert "slow" in service.request("GET", "/metrics").body


def test_one_address_holds_only_so_many_connections(run_service: Any, snapshot: Make) -> None:
    with run_service(connections_each=4) as service:
        held = [connect(service) for _ in range(4)]
        with closing(connect(service)) as fifth:
            assert closed_after_s(fifth) < 4
        for one in held:
            one.close()
        for _ in range(50):  # the service hears of their leaving in its own time
            try:
                assert service.post(snapshot()).status == 201
                break
            except (ConnectionError, http.client.HTTPException):
                continue


def test_a_body_that_ends_early_is_not_stored(service: Any, snapshot: Make) -> None:
    body = json.dumps(snapshot()).encode()
    with closing(connect(service)) as one:
        one.sendall(b"POST /stem-separation HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n")
        one.sendall(b"Content-Length: %d\r\n\r\n" % (len(body) + 1) + body)
    assert service.request("GET", "/health").status == 200
    assert service.store.count() == {}


def test_metrics_count_what_happened(service: Any, snapshot: Make) -> None:
    service.post(snapshot())
    service.post(b"{}")
    answer = service.request("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.body.splitlines()
    assert 'tonewheel_feedback_answers_total{kind="stems",outcome="stored"} 1' in lines
    assert 'tonewheel_feedback_answers_total{kind="stems",outcome="invalid"} 1' in lines
    assert "tonewheel_feedback_acknowledged_seconds_count 1" in lines
    # The format: every line is a remark, or a name with a number.
    for line in lines:
        assert line.startswith("# ") or float(line.rsplit(" ", 1)[1]) >= 0
    counts = [int(line.rsplit(" ", 1)[1]) for line in lines if "_bucket" in line]
    assert counts == sorted(counts)


def test_another_kind_needs_no_more_than_a_reader(run_service: Any) -> None:
    def read(body: bytes, pseudonym_of: Callable[[str], str]) -> Contribution:
        if not body.startswith(b"yes "):
            raise InputError("confirmation", "expected yes and an id")
        return Contribution("confirmations", pseudonym_of(body[4:].decode()), '{"confirmed":true}')

    with run_service(kinds=[Kind("confirmations", "confirm", 100, read)]) as service:
        headers = {"Content-Type": "application/json", "X-Prime-Fabric-Channel": "confirm"}
        assert service.request("POST", "/confirm", b"yes 1", headers).status == 201
        assert service.request("POST", "/confirm", b"no", headers).status == 422
        assert service.post({}).status == 404
        assert service.store.count() == {"confirmations": 1}
