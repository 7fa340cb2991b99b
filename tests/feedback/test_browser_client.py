"""The browser's client in a real Chromium, against the real service."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

Make = Callable[..., dict[str, Any]]
MODULES = Path(str(files("tonewheel.feedback") / "browser"))
KEY = "0123456789abcdef"
SENT_WITHIN_MS = 20_000


@pytest.fixture
def origin(browsing: Any, tmp_path: Path) -> Iterator[str]:
    """Where a page is served that has the client's module beside it."""
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "studio.html").write_text("<!doctype html><title>studio</title>")
    with browsing.served({"/": folder, "/modules/": MODULES}) as at:
        yield at


@pytest.fixture
def studio(chromium: Any, origin: str) -> Iterator[Any]:
    page = chromium.open(f"{origin}/studio.html")
    yield page
    page.close()


class Awkward(BaseHTTPRequestHandler):
    """A service that answers each request with the next of some statuses."""

    statuses: list[int]
    bodies: list[bytes]
    came: threading.Event

    def do_OPTIONS(self) -> None:
        self._answer(204)

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(self.statuses.pop(0) if self.statuses else 201)
        self.came.set()

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Headers", "content-type,x-prime-fabric-channel")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def awkward() -> Iterator[Any]:
    handler = type("Handler", (Awkward,), {"statuses": [], "bodies": [], "came": threading.Event()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        handler.url = f"http://127.0.0.1:{server.server_address[1]}/"  # type: ignore[attr-defined]
        yield handler
        server.shutdown()
        thread.join()


def with_client(page: Any, options: dict[str, Any], work: str) -> Any:
    """Run statements with a `client` in the page; they `return` a value."""
    return page.run(
        f"""await (async () => {{
            const {{ SnapshotClient }} = await import("/modules/snapshot-client.js");
            const client = new SnapshotClient({json.dumps(options)});
            globalThis.client = client;
            {work}
        }})()"""
    )


def test_snapshots_of_a_page_arrive(run_service: Any, studio: Any, origin: str, snapshot: Make) -> None:
    sent = [snapshot() for _ in range(3)]
    with run_service(origins=[origin], keys=[KEY]) as service:
        counts = with_client(
            studio,
            {"url": f"{service.url}/stem-separation", "key": KEY},
            f"for (const one of {json.dumps(sent)}) client.send(one);"
            "await client.flush(); return {...client.counts, waiting: client.waiting};",
        )
        assert counts == {"sent": 3, "dropped": 0, "beacons": 0, "waiting": 0}
        assert {one.pseudonym for one in service.store.read()} == {
            service.store.pseudonyms.of(one["id"]) for one in sent
        }


def test_the_key_and_the_origin_are_asked_for(
    run_service: Any, studio: Any, origin: str, snapshot: Make
) -> None:
    send = f"client.send({json.dumps(snapshot())}); await client.flush(); return client.counts;"
    with run_service(origins=[origin], keys=[KEY]) as service:
        options = {"url": f"{service.url}/stem-separation", "key": "a wrong one", "pauseMs": 1}
        assert with_client(studio, options, send)["dropped"] == 1
    with run_service(origins=["https://studio.example"]) as service:
        # The browser hides the answer from such a page, which may try as often as it likes.
        options = {"url": f"{service.url}/stem-separation", "pauseMs": 1}
        assert with_client(studio, options, send) == {"sent": 0, "dropped": 1, "beacons": 0}
        assert service.store.count() == {}


@pytest.mark.parametrize("leave", ["to another page", "by closing"])
def test_what_waits_when_the_page_goes_arrives_by_beacon(
    run_service: Any, chromium: Any, origin: str, snapshot: Make, leave: str
) -> None:
    sent = [snapshot() for _ in range(4)]
    with run_service(origins=[origin], keys=[KEY]) as service:
        page = chromium.open(f"{origin}/studio.html")
        # Nothing gets away before: the page's own way of sending never comes to an end.
        work = f"globalThis.fetch = () => new Promise(() => {{}}); for (const one of {json.dumps(sent)})"
        waiting = with_client(
            page,
            {"url": f"{service.url}/stem-separation", "key": KEY},
            f"{work} client.send(one); return client.waiting;",
        )
        assert waiting == 4
        assert service.store.count() == {}
        if leave == "by closing":
            page.close()
        else:
            page.go(f"{origin}/studio.html?elsewhere")
            page.close()
        wanted = {service.store.pseudonyms.of(one["id"]) for one in sent}
        pause = threading.Event()
        for _ in range(200):
            if {one.pseudonym for one in service.store.read()} == wanted:
                return
            pause.wait(0.05)
        pytest.fail(f"{service.store.count()} of 4 came; {service.request('GET', '/metrics').body}")


def test_it_is_off_unless_a_url_is_set(studio: Any) -> None:
    off = "return [client.on, client.send({}), client.waiting];"
    assert with_client(studio, {}, off) == [False, False, 0]
    studio.run("globalThis.__MIXX_STEM_SEPARATION_EXPORT_URL = 'http://127.0.0.1:1/'")
    assert with_client(studio, {}, "return client.on;") is True


def test_the_oldest_of_more_than_fifty_is_dropped(studio: Any, awkward: Any) -> None:
    # The first is under way while the others come, so that 2 to 11 must make room.
    work = """
        const numbers = [...Array(60).keys()].map((i) => i + 1);
        for (const number of numbers) client.send({ number });
        const full = client.waiting;
        await client.flush();
        return { full, ...client.counts };
    """
    answer = with_client(studio, {"url": awkward.url}, work)
    assert answer == {"full": 50, "sent": 50, "dropped": 10, "beacons": 0}
    assert [json.loads(body)["number"] for body in awkward.bodies] == [1, *range(12, 61)]


def test_it_tries_five_times_with_longer_and_longer_pauses(studio: Any, awkward: Any) -> None:
    awkward.statuses += [503, 500, 429, 502, 201]
    work = """
        const times = [];
        const own = globalThis.fetch;
        globalThis.fetch = (...all) => (times.push(performance.now()), own(...all));
        client.send({ number: 1 });
        await client.flush();
        globalThis.fetch = own;
        return { counts: client.counts, pauses: times.slice(1).map((time, i) => time - times[i]) };
    """
    answer = with_client(studio, {"url": awkward.url, "pauseMs": 20}, work)
    assert answer["counts"]["sent"] == 1
    assert len(answer["pauses"]) == 4
    for pause_ms, least_ms in zip(answer["pauses"], (15, 30, 60, 120), strict=True):
        assert pause_ms >= least_ms
    # The sixth attempt is not made, and the next snapshot has its turn.
    awkward.bodies.clear()
    awkward.statuses += [500] * 5
    work = (
        "client.send({ number: 2 }); client.send({ number: 3 }); await client.flush(); return client.counts;"
    )
    assert with_client(studio, {"url": awkward.url, "pauseMs": 1}, work)["dropped"] == 1
    assert [json.loads(body)["number"] for body in awkward.bodies] == [2] * 5 + [3]


def test_a_refusal_is_not_repeated(studio: Any, awkward: Any) -> None:
    awkward.statuses += [422]
    work = "client.send({ number: 1 }); await client.flush(); return client.counts;"
    assert with_client(studio, {"url": awkward.url}, work)["dropped"] == 1
    assert len(awkward.bodies) == 1
