"""A snapshot, a store, and the real service on loopback."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from tonewheel.feedback.limits import Limits
from tonewheel.feedback.serve import serving
from tonewheel.feedback.service import create_service
from tonewheel.feedback.store import Store

CHANNEL = {"Content-Type": "application/json", "X-Prime-Fabric-Channel": "stem-separation"}


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str

    @property
    def values(self) -> Any:
        return json.loads(self.body)


class Service(NamedTuple):
    """The service as a client sees it, and its store as its keeper sees it."""

    url: str
    store: Store

    def request(self, method: str, path: str, body: Any = None, headers: Any = None) -> Answer:
        with closing(http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=20)) as connection:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            told = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, told, response.read().decode())

    def post(self, body: Any, headers: Any = None) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", "/stem-separation", raw, CHANNEL if headers is None else headers)


@pytest.fixture
def snapshot() -> Callable[..., dict[str, Any]]:
    """Makes snapshots as browsers send them, each with an id of its own."""

    def make(**changed: Any) -> dict[str, Any]:
        return {
            "id": str(uuid.uuid4()),
            "timestamp": 1_763_700_000_000,
            "originalAudio": {"duration": 12.5, "sampleRate": 44100, "channels": 2},
            "quantumFeatures": {
                name: [0.25, 0.5]
                for name in ("spectral", "temporal", "harmonic", "percussive", "stereo", "energy")
            },
            "musicalContext": {
                "key": "C#",
                "mode": "minor",
                "bpm": 120,
                "transients": [{"time": 0.5, "strength": 0.75}],
                "harmonicContent": {"dominantFrequencies": [110.0], "tensionLevel": 0.25},
            },
            "userCorrections": [
                {
                    "correctedStem": "bass",
                    "correctionType": "boost",
                    "frequencyRange": [40, 120],
                    "strength": 0.5,
                }
            ],
            "metadata": {"classification": "music", "confidence": 0.9, "processingTime": 80},
            **changed,
        }

    return make


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def run_service(tmp_path: Path) -> Callable[..., Any]:
    """`with run_service(keys=..., origins=..., limit=value) as service`."""

    @contextmanager
    def run(*, keys: Any = (), origins: Any = (), kinds: Any = None, **limit: Any) -> Iterator[Service]:
        limits = Limits(**{"rate_per_s": 0.0, **limit})
        more = {} if kinds is None else {"kinds": kinds}
        with Store(tmp_path / "store") as opened:
            made = create_service(opened, limits, keys=keys, origins=origins, **more)
            with serving(made, limits) as url:
                yield Service(url, opened)

    return run


@pytest.fixture
def service(run_service: Callable[..., Any]) -> Iterator[Service]:
    """The service with its defaults, but for the rate."""
    with run_service() as running:
        yield running
