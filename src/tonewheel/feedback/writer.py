"""One thread that writes: what arrives while the disk is busy is committed together, and acknowledged after."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from contextlib import suppress

from tonewheel.core.errors import TonewheelError
from tonewheel.feedback.kinds import Contribution
from tonewheel.feedback.store import Outcome, Store

MOST_AT_ONCE = 256


class QueueFull(TonewheelError):
    """More is waiting for the disk than may wait."""


class Writer:
    """Puts contributions into a store, in the order in which they came, many to a commit.

    >>> import tempfile
    >>> writer = Writer(Store(tempfile.mkdtemp()))
    >>> writer.submit(Contribution("stems", "a pseudonym", "{}")).result()
    'stored'
    >>> writer.close()
    """

    def __init__(self, store: Store, waiting_most: int = 1000) -> None:
        self._store = store
        self._waiting: queue.Queue[tuple[Contribution, Future[Outcome]] | None] = queue.Queue(waiting_most)
        self.trouble: str | None = None
        """What the last commit failed with, if it did."""
        self._thread = threading.Thread(target=self._work, name="feedback writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many wait for the disk."""
        return self._waiting.qsize()

    @property
    def alive(self) -> bool:
        """Whether anything is written at all."""
        return self._thread.is_alive()

    def submit(self, contribution: Contribution) -> Future[Outcome]:
        """A future that is done once the contribution is on disk; QueueFull when too many wait already."""
        done: Future[Outcome] = Future()
        try:
            self._waiting.put_nowait((contribution, done))
        except queue.Full:
            raise QueueFull(f"{self._waiting.maxsize} contributions are waiting for the disk") from None
        return done

    def close(self) -> None:
        """Write what waits, then end."""
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch = [first]
            last = False
            with suppress(queue.Empty):
                while len(batch) < MOST_AT_ONCE:
                    item = self._waiting.get_nowait()
                    if item is None:
                        last = True
                        break
                    batch.append(item)
            self._commit(batch)
            if last:
                return

    def _commit(self, batch: list[tuple[Contribution, Future[Outcome]]]) -> None:
        try:
            outcomes = self._store.put([contribution for contribution, _ in batch])
        except Exception as error:  # the thread must outlive a full disk
            self.trouble = str(error)
            for _, done in batch:
                with suppress(Exception):
                    done.set_exception(error)
            return
        self.trouble = None
        for (_, done), outcome in zip(batch, outcomes, strict=True):
            with suppress(Exception):  # the client is gone, and nobody waits
                done.set_result(outcome)
