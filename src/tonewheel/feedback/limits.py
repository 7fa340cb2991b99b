"""How much one client may send: settings of the service, and the bucket that counts."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record

BEACON_BYTES = 2**16
"""`navigator.sendBeacon` sends no more, and so neither do bodies without a header."""
CLIENTS_REMEMBERED = 10_000


class Limits(Record):
    """What the service allows; the defaults suit a studio of some hundred people."""

    rate_per_s: float = 20.0
    """Contributions a second and client, on average; 0 switches this limit off."""
    burst: int = 100
    """How many of them may come at once: two full queues of 50."""
    waiting_most: int = 1000
    """Contributions that wait for the disk; beyond, the answer is 503."""
    head_within_s: float = 5.0
    """From connecting, or from the first byte of a request, to the end of its headers."""
    body_within_s: float = 10.0
    connections_each: int = 128
    """Connections of one address at once."""
    connections_most: int = 512


class Rates:
    """A token bucket a client; those that were not seen for longest are forgotten.

    >>> now = [0.0]
    >>> rates = Rates(per_s=2.0, burst=3, clock=lambda: now[0])
    >>> [rates.wait_s("a") for _ in range(4)]
    [0.0, 0.0, 0.0, 0.5]
    >>> now[0] = 0.5
    >>> rates.wait_s("a"), rates.wait_s("b")
    (0.0, 0.0)
    """

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, client: str) -> float:
        """0.0 and one token less if the client may send now; else how long until it may."""
        if self._per_s <= 0:
            return 0.0
        now = self._clock()
        tokens, then = self._buckets.pop(client, (float(self._burst), now))
        tokens = min(self._burst, tokens + (now - then) * self._per_s)
        allowed = tokens >= 1.0
        self._buckets[client] = (tokens - 1.0 if allowed else tokens, now)
        if len(self._buckets) > CLIENTS_REMEMBERED:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1.0 - tokens) / self._per_s


def client_of(host: str) -> str:
    """Whom an address belongs to: itself, or for IPv6 its network of 64 bits, which one client has to itself.

    >>> client_of("127.0.0.1"), client_of("2001:db8::1:2")
    ('127.0.0.1', '2001:db8::/64')
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def retry_after(wait_s: float) -> str:
    """The value of `Retry-After`: whole seconds, at least one.

    >>> retry_after(0.2)
    '1'
    """
    return str(max(1, math.ceil(wait_s)))


def plain_origin(text: str) -> str:
    """An origin as browsers write it; InputError for anything else, "*" included.

    >>> plain_origin("https://Studio.example/")
    'https://studio.example'
    """
    parts = urlsplit(text.strip())
    try:
        port = parts.port
    except ValueError:
        port = -1
    rest = parts.path not in ("", "/") or parts.query or parts.fragment or parts.username
    if parts.scheme not in ("http", "https") or not parts.hostname or rest or port == -1:
        raise InputError(
            "origin", f'"{text}" is no origin such as https://studio.example or http://localhost:5173'
        )
    usual = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")
