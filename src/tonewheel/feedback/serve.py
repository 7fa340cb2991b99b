"""The service on a port, behind a protocol that does not wait for the slow nor hold too many of the greedy."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from tonewheel.core.errors import InputError
from tonewheel.feedback.limits import Limits, client_of

LONGEST_HEAD_BYTES = 2**14
KEEP_ALIVE_S = 5
LEAVE_WITHIN_S = 10


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
    host, port = listening.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    config = uvicorn.Config(
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

    class Telling(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                told(url)

    # uvicorn raises the signal again when it has left; a service that was asked to end has not failed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Telling(config).run(sockets=[listening])
