"""Progress goes to stderr, says how far it is, and changes nothing in what passes through."""

import io
import sys
from collections.abc import Iterator

import pytest

from tonewheel.core import progress as module
from tonewheel.core.progress import progress, quiet


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _loud_again() -> Iterator[None]:
    yield
    quiet(False)


def test_a_log_gets_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 6))
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
    assert list(progress("abcd", "packing", unit="tracks")) == list("abcd")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "packing: 2/4 tracks, 12 s, 12 s left",
        "packing: 4/4 tracks, 24 s, 0 s left",
    ]


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert list(progress(iter(range(3)), "packing", total=3, unit="tracks")) == [0, 1, 2]
    assert "packing" in terminal.getvalue()
    assert "3/3" in terminal.getvalue()


def test_quiet_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    quiet()
    assert list(progress(range(3), "packing")) == [0, 1, 2]
    assert terminal.getvalue() == ""


def test_an_endless_source_is_not_drained() -> None:
    def endless() -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    numbers = progress(endless(), "listening")
    assert [next(numbers) for _ in range(3)] == [0, 1, 2]
