"""A real Chromium for tests of browser modules, driven over its own protocol (CDP), and a folder served on loopback.

    with Chromium() as browser, served({"/": folder}) as origin:
        page = browser.open(f"{origin}/page.html")
        assert page.run("document.title") == "a page"
        assert page.run("await (await import('./module.js')).answer()") == 42

The browser is the distribution's (`chromium`, else `google-chrome`), headless, with an empty profile that is
thrown away. It is taken through the fixture `chromium`, which skips the test, visibly, where there is none.
"""

from __future__ import annotations

import functools
import http.server
import itertools
import json
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from websockets.sync.client import ClientConnection, connect

STARTS_WITHIN_S = 60.0
ANSWERS_WITHIN_S = 60.0
LISTENS = "DevTools listening on "
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--remote-debugging-port=0",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
)


def program() -> str | None:
    """Path of the browser that is installed here, if one is."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class PageError(AssertionError):
    """JavaScript in the page threw; the message is the exception's with its stack."""


class Chromium:
    """One browser; every page that it opens has its own tab. A context manager that leaves no process behind."""

    def __init__(self, switches: tuple[str, ...] = ()) -> None:
        found = program()
        if found is None:
            raise FileNotFoundError("no chromium on the PATH")
        self._profile = Path(tempfile.mkdtemp(prefix="chromium-"))
        command = [found, *SWITCHES, *switches, f"--user-data-dir={self._profile}", "about:blank"]
        # A session of its own, so that its helpers end with it.
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        self._addresses: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self._tab = Tab(connect(self._address(), max_size=None, compression=None, proxy=None))
        except BaseException:
            self.close()
            raise

    def _read(self) -> None:
        """All that the browser says, to its end; a pipe that nobody reads would stop it."""
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                if line.startswith(LISTENS):
                    self._addresses.put(line.removeprefix(LISTENS).strip())
        self._addresses.put(None)

    def _address(self) -> str:
        """Where the browser listens: it says so once it does."""
        with suppress(queue.Empty):
            if address := self._addresses.get(timeout=STARTS_WITHIN_S):
                return address
        raise TimeoutError(f"{self._process.args!r} did not start (exit status {self._process.poll()})")

    @property
    def pid(self) -> int:
        """Process and session of the browser; all that it starts is of that session."""
        return self._process.pid

    def open(self, url: str) -> Page:
        """A new tab at `url`, once it has loaded."""
        target = self._tab.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._tab.call("Target.attachToTarget", targetId=target, flatten=True)
        page = Page(self._tab, str(attached["sessionId"]), str(target))
        page.go(url)
        return page

    def close(self) -> None:
        """End the browser and all that it started, and throw its profile away."""
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        shutil.rmtree(self._profile, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Tab:
    """Calls over one websocket, each answered under its number; events are kept for who waits for them."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str | None = None, **values: Any) -> dict[str, Any]:
        """The result of a protocol method."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": values}
        if session is not None:
            message["sessionId"] = session
        self._socket.send(json.dumps(message))
        deadline = time.monotonic() + ANSWERS_WITHIN_S
        while True:
            answer = self._next(deadline)
            if answer.get("id") == number:
                if "error" in answer:
                    raise PageError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def wait(self, method: str, session: str) -> dict[str, Any]:
        """The next event of that name in that page; it is taken out of those that are kept."""
        deadline = time.monotonic() + ANSWERS_WITHIN_S
        while True:
            for event in self.events:
                if event.get("method") == method and event.get("sessionId") == session:
                    self.events.remove(event)
                    return event
            self.events.append(self._next(deadline))

    def _next(self, deadline: float) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv(timeout=max(deadline - time.monotonic(), 0.0)))
        return message


class Page:
    """One page of the browser."""

    def __init__(self, tab: Tab, session: str, target: str) -> None:
        self._tab = tab
        self._session = session
        self._target = target
        for domain in ("Page", "Runtime"):
            self._tab.call(f"{domain}.enable", session)

    def go(self, url: str) -> None:
        """Leave for another page, as a person would, and wait until it has loaded."""
        # Of the page before, its events included: nobody waits for them any more.
        self._tab.events.clear()
        answer = self._tab.call("Page.navigate", self._session, url=url)
        if answer.get("errorText"):
            raise PageError(f"{url}: {answer['errorText']}")
        self._tab.wait("Page.loadEventFired", self._session)

    def run(self, script: str) -> Any:
        """The value of an expression, which may `await`; PageError for what it throws. Values travel as JSON.

        Several statements go as `(async () => { ...; return value })()`.
        """
        answer = self._tab.call(
            "Runtime.evaluate",
            self._session,
            expression=f"(async () => ({script}))()",
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if thrown := answer.get("exceptionDetails"):
            raise PageError(thrown.get("exception", {}).get("description") or thrown["text"])
        return answer["result"].get("value")

    def close(self) -> None:
        """Close the tab, as a person would: the page hears of it."""
        self._tab.call("Target.closeTarget", targetId=self._target)


class _Folders(http.server.SimpleHTTPRequestHandler):
    """Files of some folders under their paths, with the types that browsers insist on for modules."""

    extensions_map = {  # noqa: RUF012 (the name and form are the standard library's)
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
        ".onnx": "application/octet-stream",
    }

    def __init__(self, *arguments: Any, folders: Mapping[str, Path], **named: Any) -> None:
        self._folders = sorted(folders.items(), key=lambda item: -len(item[0]))
        super().__init__(*arguments, **named)

    def translate_path(self, path: str) -> str:
        asked = unquote(urlsplit(path).path)
        for prefix, folder in self._folders:
            if asked.startswith(prefix):
                found = (folder / asked.removeprefix(prefix).lstrip("/")).resolve()
                if found.is_relative_to(folder.resolve()):
                    return str(found)
        return os.devnull + "/none"

    def end_headers(self) -> None:
        # Shared memory, and so threads in WebAssembly, are for isolated pages only.
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cross-Origin-Resource-Policy", "cross-origin")
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *arguments: Any) -> None:
        pass


@contextmanager
def served(folders: Mapping[str, Path]) -> Iterator[str]:
    """Serve folders on loopback, as {"/": pages, "/modules/": code}; yields the origin, "http://127.0.0.1:PORT"."""
    handler = functools.partial(_Folders, folders=folders)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
