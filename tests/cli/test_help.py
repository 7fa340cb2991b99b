"""`tonewheel --help` answers at once, because nothing heavy is imported for it."""

import os
import subprocess
import sys
import time

import pytest

from tonewheel import systems

HEAVY = {
    "torch",
    "lightning",
    "scipy",
    "numpy",
    "soundfile",
    "av",
    "matplotlib",
    "librosa",
    "pydantic",
    "rich",
}
HELP_LIMIT_S = 0.3


def modules_after(arguments: list[str]) -> set[str]:
    """Top-level names in sys.modules after a run of the command in a fresh interpreter."""
    script = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(*(m for m in sys.modules if '.' not in m), file=sys.stderr))\n"
        "from tonewheel.cli.main import main\n"
        f"main({arguments!r})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], *([name, "--help"] for name in systems.discover())], ids=" ".join
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    # Typer converts the arguments of a group with pydantic as soon as a word follows them; that is its choice.
    typers_own = {"pydantic"} if len(arguments) > 1 else set()
    assert modules_after(arguments) & HEAVY <= typers_own


def test_importing_the_package_imports_nothing_else() -> None:
    script = "import sys; before = set(sys.modules); import tonewheel; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["tonewheel"]


def test_help_answers_in_time() -> None:
    # Processor time, not the clock: other tests run beside this one. The best of five is what it takes.
    def one_run_s() -> float:
        before = os.times()
        subprocess.run([sys.executable, "-m", "tonewheel", "--help"], capture_output=True, check=True)
        after = os.times()
        return after.children_user - before.children_user + after.children_system - before.children_system

    started = time.monotonic()
    best_s = min(one_run_s() for _ in range(5))
    assert best_s < HELP_LIMIT_S, (
        f"{best_s:.2f} s of processor time (clock: {time.monotonic() - started:.2f} s for 5)"
    )


def test_help_lists_every_system_and_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tonewheel", "--help"], capture_output=True, text=True, check=True
    )
    for name in [*systems.discover(), "demo", "doctor"]:
        assert f"\n  {name} " in done.stdout
