"""Sends snapshots from Python by the rules of the browser's client: off unless a URL is set, and never in the way."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Self

from tonewheel.core.records import Record
from tonewheel.feedback.delivery import ATTEMPTS, FIRST_PAUSE_S, Courier, Delivery

WAITING_MOST = 50
"""Snapshots that wait to be sent; the oldest is dropped for the next."""
LEAVE_WITHIN_S = 3.0
URL_VARIABLE = "TONEWHEEL_STEMS_EXPORT_URL"
"""Where snapshots go if the program does not say; without it none goes anywhere."""


def _encoded(snapshot: Record | Mapping[str, Any]) -> bytes:
    return (snapshot.to_json() if isinstance(snapshot, Record) else json.dumps(snapshot)).encode()


class SnapshotClient:
    """A queue of 50 and a thread that empties it; a context manager that sends what it still can when left.

    >>> with SnapshotClient(url="") as client:
    ...     client.on, client.send(b"{}")
    (False, False)
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        channel: str = "stem-separation",
        key: str | None = None,
        attempts: int = ATTEMPTS,
        pause_s: float = FIRST_PAUSE_S,
        waiting_most: int = WAITING_MOST,
    ) -> None:
        url = os.environ.get(URL_VARIABLE, "") if url is None else url
        self.sent = 0
        self.dropped = 0
        """Refused, failed too often, or pushed out of the queue."""
        self.last: Delivery | None = None
        """What became of the one before."""
        self._waiting: deque[bytes] = deque()
        self._waiting_most = waiting_most
        self._changed = threading.Condition()
        self._closing = False
        self._busy = False
        self._courier = (
            Courier(url, channel=channel, key=key, attempts=attempts, pause_s=pause_s) if url else None
        )
        self._thread = threading.Thread(target=self._work, name="snapshot client", daemon=True)
        if self._courier is not None:
            self._thread.start()

    @property
    def on(self) -> bool:
        """Whether anything is sent at all."""
        return self._courier is not None

    def send(self, snapshot: Record | Mapping[str, Any] | bytes) -> bool:
        """Put a snapshot (a record, plain values or JSON) into the queue and return at once.

        False when nothing is sent anywhere. What is no snapshot is the service's to refuse (`last`).
        """
        if self._courier is None or self._closing:
            return False
        body = snapshot if isinstance(snapshot, bytes) else _encoded(snapshot)
        with self._changed:
            self._waiting.append(body)
            if len(self._waiting) > self._waiting_most:
                self._waiting.popleft()
                self.dropped += 1
            self._changed.notify_all()
        return True

    def flush(self, within_s: float | None = None) -> bool:
        """Wait until nothing waits any more; False when that took longer than `within_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, within_s)

    def close(self, within_s: float = LEAVE_WITHIN_S) -> None:
        """Send what waits, with one attempt each, for so long; the rest is dropped."""
        if self._courier is None or self._closing:
            return
        deadline = time.monotonic() + within_s
        self._closing = True
        self._courier.hurry.set()
        self.flush(within_s)
        with self._changed:
            self.dropped += len(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        self._thread.join(max(0.0, deadline - time.monotonic()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self) -> None:
        assert self._courier is not None
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    break
                body = self._waiting.popleft()
                self._busy = True
            delivery = self._courier.deliver(body)
            with self._changed:
                self._busy = False
                self.last = delivery
                self.sent += delivery.acknowledged
                self.dropped += not delivery.acknowledged
                self._changed.notify_all()
        self._courier.close()
