"""Snapshots as requests, and the services that take them: what `ingest.py` measures, without the measuring."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tonewheel.manifest.stem_snapshot import LONGEST_FAMILY, LONGEST_STEM
from tonewheel.manifest.stems import STEMS

SIZES = {"small": (8, 0), "usual": (128, 64), "largest": (LONGEST_FAMILY, LONGEST_STEM)}
"""Numbers in each family, and in each stem that a person found right."""
FAMILIES = ("spectral", "temporal", "harmonic", "percussive", "stereo", "energy")
JSON_HEADERS = "Content-Type: application/json\r\nX-Prime-Fabric-Channel: stem-separation\r\n"
PLAIN = Path(__file__).with_name("plain_service.py")


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
def ingest(store: Path, database: str | None = None) -> Iterator[Service]:
    """`tonewheel stems ingest` as its user starts it, without the limit of one client's rate."""
    command = [sys.executable, "-m", "tonewheel", "stems", "ingest", "--store", str(store)]
    command += ["--port", "0", "--rate", "0", "--json", *(["--database", database] if database else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Service(process, json.loads(process.stdout.readline())["url"])
        finally:
            process.kill()


@contextmanager
def plain(folder: Path) -> Iterator[Service]:
    """What a user could write instead, on a socket that already listens: whoever connects is waited for, not it."""
    folder.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        number, port = listening.fileno(), listening.getsockname()[1]
        command = [sys.executable, str(PLAIN), str(folder / "plain.sqlite3"), str(number)]
        process = subprocess.Popen(command, text=True, pass_fds=[number])
    with process:
        try:
            yield Service(process, f"http://127.0.0.1:{port}/stem-separation")
        finally:
            process.kill()


def request_of(url: str, body: bytes, headers: str = "Content-Type: text/plain\r\n") -> bytes:
    parts = urlsplit(url)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    assert parts.hostname is not None
    made = socket.create_connection((parts.hostname, parts.port or 80), timeout=60)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


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


def heard(connection: socket.socket) -> bytes:
    """What came on a connection; nothing once it is closed."""
    with suppress(OSError):
        return connection.recv(4096)
    return b""
