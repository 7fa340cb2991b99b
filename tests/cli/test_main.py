"""What a person sees when something is wrong: one line on stderr and the right status."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tonewheel import __version__
from tonewheel.cli import app as tree
from tonewheel.cli.main import DEBUG, main
from tonewheel.core.errors import InputError


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert isinstance(left.value.code, int)
    return left.value.code


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (InputError("show.pack", "is empty"), 2, "tonewheel: show.pack: is empty\n"),
        (FileNotFoundError(2, "No such file or directory", "a.wav"), 2, "tonewheel: a.wav: No such file or"),
        (OSError(28, "No space left on device"), 2, "tonewheel: No space left on device\n"),
        (MemoryError(), 2, "tonewheel: there is not enough memory"),
        (
            RuntimeError("two\nlines"),
            2,
            "tonewheel: this is a bug: RuntimeError: two lines (TONEWHEEL_DEBUG=1",
        ),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(32, "Broken pipe"), 0, ""),
    ],
)
def test_an_error_is_one_line_and_a_status(
    error: BaseException,
    status: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("tonewheel.cli.doctor.examine", fail)
    monkeypatch.delenv(DEBUG, raising=False)
    assert run("doctor") == status
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(line)
    assert err.count("\n") == bool(line)


def test_a_developer_can_ask_for_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("here")

    monkeypatch.setattr("tonewheel.cli.doctor.examine", fail)
    monkeypatch.setenv(DEBUG, "1")
    with pytest.raises(RuntimeError, match="here"):
        main(["doctor"])


def test_a_wrong_word_is_answered_with_the_nearest(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("doctr") == 2
    assert 'No such command "doctr" (did you mean "doctor"?)' in capfd.readouterr().err


def test_a_wrong_option_is_status_2(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("doctor", "--jsn") == 2
    assert "--jsn" in capfd.readouterr().err


def test_the_version_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capfd.readouterr().out == f"tonewheel {__version__}\n"


def test_a_system_that_is_broken_does_not_break_the_others(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tree.systems, "discover", lambda: {"broken": "A system whose import fails."})
    assert run("--help") == 0
    assert "A system whose import fails." in capfd.readouterr().out
    assert run("--version") == 0


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    script = f"'{sys.executable}' -m tonewheel doctor --json | exec true"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr == ""
