"""Who and what is let in: every check that needs no more than the head of a request, and the body's size and pace."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Collection, Mapping

from starlette.requests import ClientDisconnect, Request

from tonewheel.feedback.kinds import Kind
from tonewheel.feedback.limits import BEACON_BYTES

CHANNEL_HEADER = "X-Prime-Fabric-Channel"


class Refused(Exception):
    """A request that is not taken: HTTP status, a word for the counters, a sentence for the person."""

    def __init__(self, status: int, outcome: str, why: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(why)
        self.status = status
        self.outcome = outcome
        self.why = why
        self.headers = dict(headers or {})


def check_origin(request: Request, origins: Collection[str]) -> None:
    """A page may send only if its origin is listed; a beacon needs no leave of CORS, so it is checked here.

    Programs other than browsers send no origin, and pass.
    """
    origin = request.headers.get("origin")
    if origin is not None and origin not in origins:
        raise Refused(403, "origin", "this origin is not listed")


def check_key(request: Request, keys: Collection[str]) -> None:
    """One of the keys, as `Authorization: Bearer KEY`; a beacon, which has no headers, says `?key=KEY`."""
    if not keys:
        return
    scheme, _, told = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        told = request.query_params.get("key", "")
    # Every key is compared, in constant time: how long it takes tells nothing.
    right = [hmac.compare_digest(told.strip().encode(), key.encode()) for key in keys]
    if not any(right):
        raise Refused(
            401, "key", "a key is needed: Authorization: Bearer KEY", {"WWW-Authenticate": "Bearer"}
        )


def largest_allowed(request: Request, kind: Kind) -> int:
    """How many bytes the body may have; Refused for a content type, encoding, channel or length that is wrong."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    channel = request.headers.get(CHANNEL_HEADER)
    if content_type == "application/json":
        if channel != kind.channel:
            got = "is missing" if channel is None else "names another channel"
            raise Refused(400, "channel", f"the header {CHANNEL_HEADER}: {kind.channel} {got}")
        most = kind.largest_bytes
    elif content_type == "text/plain":
        most = min(BEACON_BYTES, kind.largest_bytes)
    else:
        raise Refused(415, "type", "expected Content-Type: application/json, or text/plain for a beacon")
    if request.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        # A few bytes could unpack to gigabytes; a snapshot is small enough as it is.
        raise Refused(415, "encoding", "send the body as it is, not compressed")
    length = request.headers.get("content-length")
    if length is not None and int(length) > most:
        raise Refused(413, "size", f"{length} bytes; at most {most} are taken", {"Connection": "close"})
    return most


async def body_of(request: Request, most: int, within_s: float) -> bytes:
    """The body, never more of it in memory than is allowed, and not waited for longer than is allowed."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(within_s):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    close = {"Connection": "close"}
                    raise Refused(413, "size", f"the body is larger than {most} bytes", close)
                parts.append(part)
    except TimeoutError:
        why = f"the body took longer than {within_s:g} s"
        raise Refused(408, "slow", why, {"Connection": "close"}) from None
    except ClientDisconnect:
        raise Refused(400, "cut short", "the body was cut short") from None
    return b"".join(parts)
