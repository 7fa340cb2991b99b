"""The entry point: what goes wrong becomes one clear line on stderr and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from tonewheel.core.console import say
from tonewheel.core.errors import TonewheelError

DEBUG = "TONEWHEEL_DEBUG"
"""With this environment variable set to 1, an error comes with its traceback."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave: 0 done, 1 gate failed or nothing found, 2 wrong input, 130 interrupted."""
    from tonewheel.cli.app import app

    try:
        app(args=arguments, prog_name="tonewheel")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get(DEBUG) == "1":
            raise
        line, status = explain(error)
        say(f"tonewheel: {line}")
        sys.exit(status)
    sys.exit(0)


def explain(error: Exception) -> tuple[str, int]:
    """One line for a person, and the exit status.

    >>> explain(FileNotFoundError(2, "No such file or directory", "show.pack"))
    ('show.pack: No such file or directory', 2)
    >>> explain(ZeroDivisionError("division by zero"))[0]
    'this is a bug: ZeroDivisionError: division by zero (TONEWHEEL_DEBUG=1 shows the traceback)'
    """
    if isinstance(error, TonewheelError):
        return str(error), error.exit_status
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror, 2
    if isinstance(error, MemoryError):
        return "there is not enough memory for this", 2
    text = " ".join(str(error).split())
    return f"this is a bug: {type(error).__name__}: {text} ({DEBUG}=1 shows the traceback)", 2
