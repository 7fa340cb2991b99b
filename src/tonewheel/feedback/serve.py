"""The service on a port, behind a protocol that does not wait for the slow nor hold too many of the greedy."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.feedback.limits import Limits, client_of

LONGEST_HEAD_BYTES = 2**14
KEEP_ALIVE_S = 5
LEAVE_WITHIN_S = 10
STARTS_WITHIN_S = 30.0


def patient(limits: Limits) -> type[H11Protocol]:
    """uvicorn's protocol with two limits that it does not have: the time a head may take, connections a client.

    Without the first, a thousand clients that send a byte a minute ("slow loris") would hold every connection.
    """
    connected: Counter[str] = Counter()

    class Patient(H11Protocol):
        _client = ""
        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            peer = transport.get_extra_info("peername")
            self._client = client_of(peer[0] if isinstance(peer, tuple) else "")
            connected[self._client] += 1
            if connected[self._client] > limits.connections_each:
                transport.abort()
            else:
                self._expect_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._no_deadline()
            connected[self._client] -= 1
            if connected[self._client] <= 0:
                del connected[self._client]
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._answering():
                self._no_deadline()
            elif self._deadline is None:
                self._expect_head()

        def _answering(self) -> bool:
            return self.cycle is not None and not self.cycle.response_complete

        def _expect_head(self) -> None:
            self._deadline = self.loop.call_later(limits.head_within_s, self._give_up)

        def _no_deadline(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def _give_up(self) -> None:
            self._deadline = None
            if not self._answering():
                self.transport.abort()

    return Patient


def listen(host: str, port: int) -> socket.socket:
    """A socket that waits for connections; port 0 is any free one. InputError for one that cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
        except OSError:
            found.close()
            raise
    except OSError as error:
        raise InputError(f"{host}:{port}", (error.strerror or str(error)).lower()) from None
    return found


def serve(
    service: FastAPI, listening: socket.socket, limits: Limits, told: Callable[[str], Any] = lambda url: None
) -> None:
    """Serve until SIGINT or SIGTERM, then answer what is under way; `told(url)` is called once it answers."""
    _Telling(_config(service, limits), lambda: told(_url(listening))).run(sockets=[listening])


@contextmanager
def serving(service: FastAPI, limits: Limits | None = None) -> Iterator[str]:
    """Serve from a thread of this program, on a free port of loopback; yields the URL, "http://127.0.0.1:PORT"."""
    listening = listen("127.0.0.1", 0)
    answers = threading.Event()
    server = _Telling(_config(service, limits or Limits()), answers.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        if not answers.wait(STARTS_WITHIN_S):
            raise TonewheelError("the feedback service did not start")
        yield _url(listening)
    finally:
        server.should_exit = True
        thread.join()


class _Telling(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, told: Callable[[], Any]) -> None:
        super().__init__(config)
        self._told = told

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._told()


def _config(service: FastAPI, limits: Limits) -> uvicorn.Config:
    return uvicorn.Config(
        service,
        http=patient(limits),
        ws="none",
        loop="asyncio",
        log_level="warning",
        access_log=False,  # who sent what is nobody's to know
        server_header=False,
        proxy_headers=False,  # anybody could say who they are
        limit_concurrency=limits.connections_most,
        h11_max_incomplete_event_size=LONGEST_HEAD_BYTES,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=LEAVE_WITHIN_S,
    )


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
