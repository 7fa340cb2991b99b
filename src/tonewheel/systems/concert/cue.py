"""Tell other programs what is playing: a command at a song's start, every event over HTTP or OSC.

Listening never waits for them. A command runs beside us, HTTP has a thread with a bounded queue of its own,
OSC is one datagram. What fails is told on stderr and never ends the show.
"""

from __future__ import annotations

import os
import shlex
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tonewheel.core.console import say
from tonewheel.core.errors import InputError
from tonewheel.systems.concert.listen import Event

HTTP_TIMEOUT_S = 2.0
WAITING_MOST = 256
"""Events that wait for a slow receiver; the oldest is dropped for the next, as a late cue is of no use."""
LEAVE_WITHIN_S = 3.0
COMMANDS_MOST = 8
"""Commands that may run at once; beyond, a song's start runs none."""
LONGEST_OSC_TEXT = 1024
"""Bytes; the message then fits one datagram on any network."""


class Cues:
    """Everything that is told about events; a context manager that has closed all of it when it is left.

        with Cues("notify-send 'next song'", "http://127.0.0.1:8000/cue", "127.0.0.1:9000") as cues:
            cues.send(event)

    InputError for a command, URL or address that cannot be one.
    """

    def __init__(
        self, on_song: str | None = None, http_url: str | None = None, osc_address: str | None = None
    ) -> None:
        self._receivers: list[CommandCue | HttpCue | OscCue] = []
        if on_song is not None:
            self._receivers.append(CommandCue(on_song))
        if osc_address is not None:
            self._receivers.append(OscCue(osc_address))
        if http_url is not None:
            self._receivers.append(HttpCue(http_url))

    def send(self, event: Event) -> None:
        """Tell everybody; returns at once."""
        for receiver in self._receivers:
            receiver.send(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        deadline = time.monotonic() + LEAVE_WITHIN_S
        for receiver in self._receivers:
            receiver.close(deadline)


class CommandCue:
    """Run a command at every song start, without a shell, with the event in TONEWHEEL_* variables."""

    def __init__(self, command: str) -> None:
        try:
            self.arguments = shlex.split(command)
        except ValueError as error:
            raise InputError("--on-song", f"{command!r} is no command: {error}") from None
        if not self.arguments or any("\0" in part for part in self.arguments):
            raise InputError("--on-song", f"{command!r} is no command")
        self._running: list[threading.Thread] = []

    def send(self, event: Event) -> None:
        """Start the command if the event is a song's start."""
        if event.event != "song_start":
            return
        self._running = [thread for thread in self._running if thread.is_alive()]
        if len(self._running) >= COMMANDS_MOST:
            say(f"--on-song: {COMMANDS_MOST} commands still run; none was started for {event.song!r}")
            return
        thread = threading.Thread(target=self._run, args=(event,), daemon=True)
        self._running.append(thread)
        thread.start()

    def close(self, deadline: float) -> None:
        """Wait for the commands until then; what still runs is left alone, it may be meant to."""
        for thread in self._running:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, event: Event) -> None:
        told = {
            "TONEWHEEL_EVENT": event.event,
            "TONEWHEEL_SONG": event.song.replace("\0", ""),
            "TONEWHEEL_TIME_S": str(event.time_s),
            "TONEWHEEL_POSITION_S": str(event.position_s),
            "TONEWHEEL_SCORE": str(event.score),
        }
        try:
            # Our stdout carries the events: what the command prints must not get between them.
            status = subprocess.run(
                self.arguments,
                env=os.environ | told,
                stdin=subprocess.DEVNULL,
                stdout=_stderr(),
                check=False,
            ).returncode
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            say(f"--on-song: {self.arguments[0]}: {reason or error}")
            return
        if status:
            say(f"--on-song: {self.arguments[0]} left with status {status}")


class HttpCue:
    """POST every event as JSON from a thread of its own."""

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            valid = False
        if not valid or any(ord(character) <= 32 for character in url):
            raise InputError("--cue-http", f"{url!r} is no http:// or https:// URL")
        self.url = url
        self.delivered = self.dropped = 0
        self._waiting: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._deadline: float | None = None
        self._reason = ""
        # Straight to the receiver: a proxy of the house knows nothing of the lights on this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._thread = threading.Thread(target=self._post_all, daemon=True)
        self._thread.start()

    def send(self, event: Event) -> None:
        """Put the event into the queue."""
        with self._changed:
            if len(self._waiting) == WAITING_MOST:
                self._waiting.popleft()
                self._missed("the receiver is too slow")
            self._waiting.append(event.to_json().encode())
            self._changed.notify()

    def close(self, deadline: float) -> None:
        """Deliver what waits until then; say how many events never arrived."""
        with self._changed:
            self._deadline = deadline
            self._changed.notify()
        self._thread.join(max(0.0, deadline - time.monotonic()))
        with self._changed:
            # What the thread still holds in its hands is the one that is neither delivered nor waiting.
            unsent = len(self._waiting) + self._thread.is_alive()
            self._waiting.clear()
            if unsent:
                self._reason = self._reason or "the receiver is too slow"
            missed = self.dropped + unsent
            if missed:
                total = self.delivered + missed
                say(f"--cue-http: {missed} of {total} events did not reach {self.url}: {self._reason}")

    def _missed(self, reason: str) -> None:
        if self.dropped == 0:
            say(f"--cue-http: {self.url}: {reason}")
        self.dropped += 1
        self._reason = reason

    def _post_all(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and self._deadline is None:
                    self._changed.wait()
                if not self._waiting or (self._deadline is not None and time.monotonic() > self._deadline):
                    return
                body = self._waiting.popleft()
            failure = self._post(body)
            with self._changed:
                if failure is None:
                    self.delivered += 1
                else:
                    self._missed(failure)

    def _post(self, body: bytes) -> str | None:
        """Why it failed, None when it did not."""
        request = urllib.request.Request(
            self.url, data=body, headers={"Content-Type": "application/json"}, method="POST"
        )
        try:
            with self._opener.open(request, timeout=HTTP_TIMEOUT_S):
                return None
        except urllib.error.HTTPError as error:
            with error:
                return f"it answers {error.code} {error.reason}"
        except (
            Exception
        ) as error:  # whatever a strange server makes http.client raise must not end the thread
            reason = getattr(error, "reason", None) or error
            return getattr(reason, "strerror", None) or str(reason) or type(error).__name__


class OscCue:
    """Send every event as an OSC message over UDP: /tonewheel/EVENT, types ,sfff.

    Arguments: the song, position_s, time_s, score.
    """

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise InputError("--cue-osc", f"{address!r} is not HOST:PORT, as 127.0.0.1:9000")
        try:
            found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            raise InputError("--cue-osc", f"{host}: {getattr(error, 'strerror', None) or error}") from None
        family, kind, protocol, _, to = found[0]
        self._to = to
        self._socket = socket.socket(family, kind, protocol)
        self._socket.setblocking(False)
        self._address = address
        self._failed = 0

    def send(self, event: Event) -> None:
        """Send one datagram; nobody knows whether it arrives."""
        message = osc_message(
            f"/tonewheel/{event.event}", event.song, event.position_s, event.time_s, event.score
        )
        try:
            self._socket.sendto(message, self._to)
        except OSError as error:
            if self._failed == 0:
                say(f"--cue-osc: {self._address}: {error.strerror}")
            self._failed += 1

    def close(self, deadline: float) -> None:
        """Close the socket."""
        self._socket.close()


def osc_message(address: str, *arguments: str | float) -> bytes:
    """One OSC 1.0 message (Wright 2002): strings end in NUL and fill 4 bytes, floats are 32-bit big-endian.

    >>> osc_message("/a", "hey", 0.5)
    b'/a\\x00\\x00,sf\\x00hey\\x00?\\x00\\x00\\x00'
    """
    tags = "," + "".join("s" if isinstance(argument, str) else "f" for argument in arguments)
    parts = [_osc_string(address), _osc_string(tags)]
    for argument in arguments:
        parts.append(_osc_string(argument) if isinstance(argument, str) else struct.pack(">f", argument))
    return b"".join(parts)


def _osc_string(text: str) -> bytes:
    # OSC says ASCII; every receiver we know takes UTF-8. A NUL inside would end the string early.
    data = text.replace("\0", "").encode("utf-8", "replace")[:LONGEST_OSC_TEXT]
    data = data.decode("utf-8", "ignore").encode()  # no half character at the cut
    return data + b"\0" * (4 - len(data) % 4)


def _stderr() -> int:
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):
        return subprocess.DEVNULL
