"""Taking snapshots in: how many a second and how soon acknowledged, what a kill loses, what hostile bodies cost."""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from tonewheel.feedback.store import Store
from tonewheel.manifest.stem_snapshot import LARGEST_BYTES, LONGEST_FAMILY, LONGEST_STEM
from tonewheel.manifest.stems import STEMS

CONNECTIONS = 8
WARM = 8
SIZES = {"small": (8, 0), "usual": (128, 64), "largest": (LONGEST_FAMILY, LONGEST_STEM)}
"""Numbers in each family, and in each stem that a person found right."""
FAMILIES = ("spectral", "temporal", "harmonic", "percussive", "stereo", "energy")
PLAIN = """
import json, sqlite3, sys
import uvicorn
from fastapi import FastAPI, Request
service = FastAPI()
table = sqlite3.connect(sys.argv[1], check_same_thread=False)
table.execute("PRAGMA journal_mode=WAL")
table.execute("PRAGMA synchronous=FULL")
table.execute("CREATE TABLE snapshots (id TEXT PRIMARY KEY, payload TEXT)")

@service.post("/stem-separation")
async def take(request: Request):
    values = json.loads(await request.body())
    table.execute("INSERT OR IGNORE INTO snapshots VALUES (?, ?)", (values["id"], json.dumps(values)))
    table.commit()
    return {"id": values["id"]}

uvicorn.run(service, port=int(sys.argv[2]), log_level="warning", access_log=False)
"""
"""What a user could write instead: no checks, a commit for each."""


def snapshot(numbers: int, truth: int = 0) -> dict[str, Any]:
    """A snapshot with so many numbers in each family and stem."""

    def some(count: int) -> list[float]:
        return [round(random.random(), 6) for _ in range(count)]

    made: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "timestamp": 1_763_700_000_000,
        "originalAudio": {"duration": 200.0, "sampleRate": 44100, "channels": 2},
        "quantumFeatures": {family: some(numbers) for family in FAMILIES},
        "musicalContext": {
            "key": "A",
            "mode": "minor",
            "bpm": 120,
            "transients": [{"time": round(n / 2, 3), "strength": 0.5} for n in range(numbers // 4)],
            "harmonicContent": {"dominantFrequencies": some(10), "tensionLevel": 0.3},
        },
        "metadata": {"classification": "music", "confidence": 0.9, "processingTime": 80},
    }
    if truth:
        made["groundTruthStems"] = {stem: some(truth) for stem in STEMS}
    return made


class Service(NamedTuple):
    process: subprocess.Popen[str]
    url: str

    def processor_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


@contextmanager
def ingest(store: Path) -> Iterator[Service]:
    """`tonewheel stems ingest` as its user starts it, without the limit of one client's rate."""
    command = [sys.executable, "-m", "tonewheel", "stems", "ingest", "--store", str(store)]
    command += ["--port", "0", "--rate", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Service(process, json.loads(process.stdout.readline())["url"])
        finally:
            process.kill()


@contextmanager
def plain(folder: Path) -> Iterator[Service]:
    folder.mkdir(parents=True)
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", PLAIN, str(folder / "plain.sqlite3"), str(port)]
    with subprocess.Popen(command, text=True) as process:
        try:
            while process.poll() is None:
                with suppress(OSError):
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                time.sleep(0.02)
            yield Service(process, f"http://127.0.0.1:{port}/stem-separation")
        finally:
            process.kill()


def request_of(url: str, body: bytes, headers: str = "Content-Type: text/plain\r\n") -> bytes:
    parts = urlsplit(url)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


JSON_HEADERS = "Content-Type: application/json\r\nX-Prime-Fabric-Channel: stem-separation\r\n"


def ask(connection: socket.socket, request: bytes) -> int:
    """The status of an answer that fits one read or some."""
    connection.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer:
        part = connection.recv(65536)
        if not part:
            raise ConnectionError("closed")
        answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    length = next(
        int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
    )
    while len(body) < length:
        part = connection.recv(65536)
        if not part:
            raise ConnectionError("closed")
        body += part
    return int(head.split(b" ", 2)[1])


def connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    assert parts.hostname is not None
    made = socket.create_connection((parts.hostname, parts.port or 80), timeout=60)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


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


def kills(folder: Path, rounds: int) -> None:
    """Kill the service under load, again and again, in one store; then look for what was acknowledged."""
    acknowledged: list[str] = []
    store = folder / "killed"

    def send(url: str) -> None:
        with suppress(OSError, ConnectionError), closing(connected(url)) as connection:
            while True:
                one = snapshot(32)
                if ask(connection, request_of(url, json.dumps(one).encode())) == 201:
                    acknowledged.append(one["id"])

    for number in range(rounds):
        with ingest(store) as service:
            threads = [threading.Thread(target=send, args=(service.url,)) for _ in range(CONNECTIONS)]
            enough = len(acknowledged) + 50 + 50 * (number % 3)
            for thread in threads:
                thread.start()
            while len(acknowledged) < enough:
                time.sleep(0.001)
            service.process.kill()
            for thread in threads:
                thread.join()
    with Store(store) as opened:
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
    held = math.nan
    began = time.perf_counter()
    took: list[float] = []
    with closing(connected(service.url)) as good:
        while connections and time.perf_counter() - began < 30:
            for one in list(connections):
                try:
                    one.sendall(b"P" if math.isnan(held) else b"O")
                    one.setblocking(False)
                    if one.recv(1) == b"":
                        raise ConnectionError("closed")
                except BlockingIOError:
                    one.setblocking(True)
                except OSError:
                    connections.remove(one)
                    one.close()
            asked = time.perf_counter()
            assert ask(good, request_of(service.url, json.dumps(snapshot(8)).encode())) == 201
            took.append(time.perf_counter() - asked)
            time.sleep(0.02)
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
    options = parser.parse_args()
    random.seed(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.quick:
            speed(folder, 40, ["usual"], [CONNECTIONS])
        else:
            speed(folder, options.count, list(SIZES), [CONNECTIONS, 1])
        kills(folder, 1 if options.quick else options.kills)
        defence(folder, 3 if options.quick else 50, 20 if options.quick else 100)


if __name__ == "__main__":
    main()
