"""One contribution over HTTP, as often as it takes: five attempts, longer and longer apart."""

from __future__ import annotations

import http.client
import json
import random
import threading
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from tonewheel.core.errors import InputError
from tonewheel.feedback.admission import CHANNEL_HEADER

ATTEMPTS = 5
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
TIMEOUT_S = 15.0
LONGEST_ANSWER_BYTES = 2**16
TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that a later attempt may change; any other refusal stays one."""


class Delivery(NamedTuple):
    """What became of one contribution."""

    acknowledged: bool
    status: int
    """HTTP status of the last attempt; 0 when there was no answer."""
    said: str
    """The receipt, or why not."""


class Courier:
    """Delivers bodies to one URL over one connection; not for several threads at once.

    InputError for a URL that is none. `pause_s` is the pause after the first failed attempt; each is twice the one
    before, give or take a quarter, so that many clients do not come back together. A server that says when
    (`Retry-After`) is believed, up to a minute.
    """

    def __init__(
        self,
        url: str,
        *,
        channel: str = "stem-separation",
        key: str | None = None,
        attempts: int = ATTEMPTS,
        pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self._url = _checked(url)
        self._target = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        self._headers = {"Content-Type": "application/json", CHANNEL_HEADER: channel}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"
        self._attempts = attempts
        self._pause_s = pause_s
        self._connection: http.client.HTTPConnection | None = None
        self.hurry = threading.Event()
        """Once set, nothing is waited for: what fails now has failed."""

    def deliver(self, body: bytes) -> Delivery:
        """Send a body until it is acknowledged, refused for good, or has failed too often."""
        for attempt in range(1, self._attempts + 1):
            delivery, wait_s = self._attempt(body)
            if delivery.acknowledged or (delivery.status and delivery.status not in TRY_AGAIN):
                return delivery
            pause_s = self._pause_s * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)
            if attempt == self._attempts or self.hurry.wait(min(max(pause_s, wait_s), LONGEST_PAUSE_S)):
                break
        return delivery

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _attempt(self, body: bytes) -> tuple[Delivery, float]:
        """One attempt, and the seconds after which the server wants the next one."""
        try:
            connection = self._connect()
            connection.request("POST", self._target, body, self._headers)
            response = connection.getresponse()
            answer = response.read(LONGEST_ANSWER_BYTES)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Delivery(False, 0, f"{self._url.netloc}: {error or type(error).__name__}"), 0.0
        if response.will_close or not response.isclosed():
            self.close()
        # A redirection is no acknowledgement: where it leads, nobody has agreed to send anything.
        acknowledged = response.status in (200, 201)
        after = response.headers.get("Retry-After", "")
        said = _said(answer) or f"{self._url.geturl()}: {response.status} {response.reason}".rstrip()
        return Delivery(acknowledged, response.status, said), float(after) if after.isdigit() else 0.0

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            kind = http.client.HTTPSConnection if self._url.scheme == "https" else http.client.HTTPConnection
            self._connection = kind(self._url.hostname or "", self._url.port, timeout=TIMEOUT_S)
        return self._connection


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or not url.isascii() or any(sign.isspace() for sign in url.strip()):
        raise InputError(url[:200], "is no URL such as http://127.0.0.1:8126/stem-separation")
    return parts


def _said(answer: bytes) -> str:
    """The receipt or the error of an answer, as one short line."""
    try:
        values = json.loads(answer)
        text = str(values.get("receipt") or values.get("error") or "")
    except (ValueError, AttributeError, RecursionError):
        text = answer.decode("utf-8", "replace")
    return " ".join(text.split())[:300]
