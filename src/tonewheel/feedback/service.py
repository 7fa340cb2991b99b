"""The HTTP service: POST a contribution, get a receipt once it is on disk; /health and /metrics beside it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, PlainTextResponse

from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.feedback.admission import (
    CHANNEL_HEADER,
    Refused,
    body_of,
    check_key,
    check_origin,
    largest_allowed,
)
from tonewheel.feedback.counters import CONTENT_TYPE, Counters
from tonewheel.feedback.kinds import STEMS, Kind
from tonewheel.feedback.limits import Limits, Rates, client_of, retry_after
from tonewheel.feedback.store import Store
from tonewheel.feedback.writer import QueueFull, Writer

PREFLIGHT_HOLDS_S = 600
BUSY_FOR_S = 1.0
"""What a client is told to wait when the disk is behind, or fails."""
STATUS = {"stored": 201, "known": 200, "differs": 409}


def create_service(
    store: Store,
    limits: Limits | None = None,
    *,
    keys: Collection[str] = (),
    origins: Collection[str] = (),
    kinds: Sequence[Kind] = (STEMS,),
) -> FastAPI:
    """The application: `POST /CHANNEL` for every kind, `GET /health`, `GET /metrics`.

    Only snapshots come over the network unless `kinds` says more: confirmations stay where they were made.
    `keys` are what clients must know (none: nothing to know), `origins` the pages that may send, as
    `plain_origin` writes them. The store stays the caller's to close.
    """
    allowed = limits or Limits()
    desk = Desk(store, allowed, keys, origins)
    # No pages about itself: they would fetch their scripts from elsewhere.
    service = FastAPI(
        title="Tonewheel feedback", lifespan=desk.open, docs_url=None, redoc_url=None, openapi_url=None
    )
    service.add_middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["POST"],
        allow_headers=["Authorization", "Content-Type", CHANNEL_HEADER],
        expose_headers=["Retry-After"],
        allow_private_network=True,
        max_age=PREFLIGHT_HOLDS_S,
    )
    for kind in kinds:
        service.add_api_route(f"/{kind.channel}", desk.takes(kind), methods=["POST"])
    service.add_api_route("/health", desk.health, methods=["GET"])
    service.add_api_route("/metrics", desk.metrics, methods=["GET"])
    return service


class Desk:
    """Takes requests in, one after the other check, and hands out receipts."""

    def __init__(self, store: Store, limits: Limits, keys: Collection[str], origins: Collection[str]) -> None:
        self._store = store
        self._limits = limits
        self._keys = keys
        self._origins = frozenset(origins)
        self._rates = Rates(limits.rate_per_s, limits.burst)
        self._counters = Counters()
        self._writer: Writer | None = None

    @asynccontextmanager
    async def open(self, _: FastAPI) -> AsyncIterator[None]:
        """Write while the service runs; what waits when it ends is written before it ends."""
        self._writer = Writer(self._store, self._limits.waiting_most)
        try:
            yield
        finally:
            await asyncio.to_thread(self._writer.close)

    def takes(self, kind: Kind) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of one kind."""

        async def take(request: Request) -> Response:
            began = time.perf_counter()
            try:
                response, outcome = await self._take(kind, request)
            except Refused as refused:
                self._counters.answered(kind.name, refused.outcome)
                return JSONResponse({"error": refused.why}, refused.status, refused.headers)
            self._counters.answered(kind.name, outcome, time.perf_counter() - began)
            return response

        return take

    async def _take(self, kind: Kind, request: Request) -> tuple[Response, str]:
        check_origin(request, self._origins)
        wait_s = self._rates.wait_s(client_of(request.client.host if request.client else ""))
        if wait_s:
            raise Refused(429, "rate", "too many at once", {"Retry-After": retry_after(wait_s)})
        check_key(request, self._keys)
        body = await body_of(request, largest_allowed(request, kind), self._limits.body_within_s)
        try:
            contribution = kind.read(body, self._store.pseudonyms.of)
        except InputError as error:
            raise Refused(422, "invalid", str(error)) from None
        assert self._writer is not None
        try:
            outcome = await asyncio.wrap_future(self._writer.submit(contribution))
        except QueueFull as error:
            raise Refused(503, "queue", str(error), {"Retry-After": retry_after(BUSY_FOR_S)}) from None
        except TonewheelError:
            why = "it could not be stored; send it again later"
            raise Refused(503, "storage", why, {"Retry-After": retry_after(BUSY_FOR_S)}) from None
        if outcome == "differs":
            raise Refused(409, "differs", "another contribution has this id; what was first stays")
        receipt = {"receipt": contribution.pseudonym, "kind": kind.name, "outcome": outcome}
        return JSONResponse(receipt, STATUS[outcome]), outcome

    async def health(self) -> Response:
        """200 while contributions are written, 503 with the trouble when they are not."""
        writer = self._writer
        trouble = "nothing is written" if writer is None or not writer.alive else writer.trouble
        waiting = writer.waiting if writer else 0
        if trouble:
            return JSONResponse({"status": "failing", "trouble": trouble, "waiting": waiting}, 503)
        return JSONResponse({"status": "ok", "waiting": waiting})

    async def metrics(self) -> Response:
        """Counters for Prometheus."""
        writer = self._writer
        failing = writer is None or not writer.alive or writer.trouble is not None
        gauges = {"waiting": float(writer.waiting if writer else 0), "failing": float(failing)}
        return PlainTextResponse(self._counters.text(gauges), media_type=CONTENT_TYPE)
