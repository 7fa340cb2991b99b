"""Taking snapshots in: how many a second and how soon acknowledged, what a kill loses, what hostile bodies cost."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import select
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
from snapshot_traffic import (
    JSON_HEADERS,
    SIZES,
    Service,
    ask,
    connected,
    heard,
    ingest,
    plain,
    request_of,
    snapshot,
)

from tonewheel.feedback.store import Store
from tonewheel.manifest.stem_snapshot import LARGEST_BYTES

CONNECTIONS = 8
WARM = 8
BETWEEN_BYTES_S = 0.02


def load(service: Service, requests: list[bytes], connections: int) -> tuple[float, list[float]]:
    """Send everything over some connections; seconds in all, and until each was acknowledged."""
    took: list[float] = []
    shares = [requests[number::connections] for number in range(connections)]

    def send(share: list[bytes]) -> None:
        with closing(connected(service.url)) as connection:
            for request in share:
                began = time.perf_counter()
                status = ask(connection, request)
                assert status in (200, 201), status
                took.append(time.perf_counter() - began)

    threads = [threading.Thread(target=send, args=(share,)) for share in shares]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(took) == len(requests)
    return time.perf_counter() - began, took


def speed(folder: Path, count: int, sizes: list[str], connections: list[int]) -> None:
    print("body KB  conn.  service              a second   p50 ms   p99 ms   processor ms each   ratio")
    for name in sizes:
        bodies = [json.dumps(snapshot(*SIZES[name])).encode() for _ in range(count)]
        for many in connections:
            least = 0.0
            for title, start in (("plain FastAPI, sqlite3", plain), ("tonewheel stems ingest", ingest)):
                with start(folder / f"{name}-{many}-{title[:5]}") as service:
                    requests = [request_of(service.url, body, JSON_HEADERS) for body in bodies]
                    load(service, requests[:WARM], 1)
                    before_s = service.processor_s()
                    seconds, took = load(service, requests[WARM:], many)
                    each_ms = 1000 * (service.processor_s() - before_s) / len(took)
                rate = len(took) / seconds
                least = least or rate
                p50, p99 = 1000 * np.quantile(took, [0.5, 0.99])
                kb = np.mean([len(body) for body in bodies]) / 1000
                print(
                    f"{kb:7.1f}{many:7d}  {title:<23}{rate:7.0f}{p50:9.2f}{p99:9.2f}{each_ms:20.2f}"
                    f"{rate / least:8.2f}",
                    flush=True,
                )


def kills(folder: Path, rounds: int, database: str | None = None) -> None:
    """Kill the service under load, again and again, in one store; then look for what was acknowledged."""
    acknowledged: list[str] = []
    store = folder / "killed"

    def send(url: str, until: int, enough: threading.Event) -> None:
        with suppress(OSError), closing(connected(url)) as connection:
            while True:
                one = snapshot(32)
                if ask(connection, request_of(url, json.dumps(one).encode())) == 201:
                    acknowledged.append(one["id"])
                if len(acknowledged) >= until:
                    enough.set()

    for number in range(rounds):
        until, enough = len(acknowledged) + 50 + 50 * (number % 3), threading.Event()
        with ingest(store, database) as service:
            threads = [
                threading.Thread(target=send, args=(service.url, until, enough)) for _ in range(CONNECTIONS)
            ]
            for thread in threads:
                thread.start()
            assert enough.wait(120), "nothing more is acknowledged"
            service.process.kill()
            for thread in threads:
                thread.join()
    with Store(store, database) as opened:
        kept = {one.pseudonym for one in opened.read()}
        lost = sum(opened.pseudonyms.of(own_id) not in kept for own_id in acknowledged)
    print(f"\nkill -9 under load: {rounds} kills, {len(acknowledged)} acknowledged, {lost} of them lost")


def hostile(url: str) -> Iterator[tuple[str, bytes]]:
    """Requests that a service on the open net sees sooner or later."""
    good = snapshot(8)
    text = json.dumps(good)
    big = gzip.compress(bytes(50 * 2**20))
    yield "no header", request_of(url, text.encode(), "Content-Type: application/json\r\n")
    yield (
        "a page of another origin",
        request_of(url, text.encode(), f"{JSON_HEADERS}Origin: https://evil.example\r\n"),
    )
    yield f"huge: {LARGEST_BYTES + 1} bytes", request_of(url, b" " * (LARGEST_BYTES + 1), JSON_HEADERS)
    yield "deep: 200,000 brackets", request_of(url, b'{"x":' + b"[" * 200_000, JSON_HEADERS)
    yield "NaN", request_of(url, text.replace("1763700000000", "NaN").encode(), JSON_HEADERS)
    yield "1e999", request_of(url, text.replace("1763700000000", "1e999").encode(), JSON_HEADERS)
    yield (
        "wrong types",
        request_of(url, json.dumps({**good, "quantumFeatures": "loud"}).encode(), JSON_HEADERS),
    )
    yield (
        f"zip bomb: {len(big) // 1000} KB for 52 MB",
        request_of(url, big, f"{JSON_HEADERS}Content-Encoding: gzip\r\n"),
    )
    yield "no JSON", request_of(url, os.urandom(1000), JSON_HEADERS)


def defence(folder: Path, times: int, slow: int) -> None:
    print("\nhostile body                     status   refused   processor ms each")
    with ingest(folder / "hostile") as service:
        for name, request in hostile(service.url):
            before_s = service.processor_s()
            statuses = set()
            for _ in range(times):
                with closing(connected(service.url)) as connection:
                    statuses.add(ask(connection, request))
            each_ms = 1000 * (service.processor_s() - before_s) / times
            refused = "all" if min(statuses) >= 400 else "NOT ALL"
            print(f"{name:<33}{'/'.join(map(str, sorted(statuses))):<9}{refused:<10}{each_ms:9.2f}")
        replayed = request_of(service.url, json.dumps(snapshot(8)).encode())
        with closing(connected(service.url)) as connection:
            replays = [ask(connection, replayed) for _ in range(times)]
        stored = replays.count(201)
        print(f"{'replay':<33}{'201/200':<9}{stored} stored of {times}")
        slow_loris(service, slow)
        print(f"most memory of the service: {service.peak_mb():.0f} MB")


def slow_loris(service: Service, count: int) -> None:
    """Connections that send a byte of a header now and then, beside a client that means well."""
    connections = [connected(service.url) for _ in range(count)]
    began = time.perf_counter()
    took: list[float] = []
    with closing(connected(service.url)) as good:
        while connections and time.perf_counter() - began < 30:
            for one in connections:
                with suppress(OSError):
                    one.sendall(b"P")
            asked = time.perf_counter()
            assert ask(good, request_of(service.url, json.dumps(snapshot(8)).encode())) == 201
            took.append(time.perf_counter() - asked)
            # Until the next byte: whichever of them the service closes is readable, and gives nothing.
            for one in select.select(connections, [], [], BETWEEN_BYTES_S)[0]:
                if not heard(one):
                    connections.remove(one)
                    one.close()
    p99 = 1000 * np.quantile(took, 0.99)
    print(
        f"slow loris: {count} connections were gone after {time.perf_counter() - began:.1f} s, {len(connections)} left;"
        f" meanwhile {len(took)} snapshots acknowledged, p99 {p99:.0f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few snapshots: whether it runs, not how fast")
    parser.add_argument("--count", type=int, default=2000, help="snapshots of each row")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--database", help="only kills, with this PostgreSQL: postgresql://user@host/name")
    options = parser.parse_args()
    random.seed(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.database:
            kills(folder, options.kills, options.database)
            return
        if options.quick:
            speed(folder, 40, ["usual"], [CONNECTIONS])
        else:
            speed(folder, options.count, list(SIZES), [CONNECTIONS, 1])
        kills(folder, 1 if options.quick else options.kills)
        defence(folder, 3 if options.quick else 50, 20 if options.quick else 100)


if __name__ == "__main__":
    main()
