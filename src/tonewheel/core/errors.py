"""Every error that a user can cause.

    TonewheelError            the command could not do its work; the message says what to do
    ├── InputError            a file (or a line of one) is not what was expected
    ├── RecipeError           a recipe has one or more problems, all told at once
    ├── ModelMismatchError    an artefact was made by another model than the one in use
    └── MissingDependencyError  an optional package is not installed

A message says what was got, what was expected, which record, and what to do. The command line prints it as
one line and leaves with `exit_status`; no traceback.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path


class TonewheelError(Exception):
    """Anything that the person at the command line can put right."""

    exit_status = 2


class InputError(TonewheelError):
    """A file is not what was expected: path, reason, and the line where there is one.

    >>> str(InputError("show.jsonl", "start_s is after end_s", line=7))
    'show.jsonl:7: start_s is after end_s'
    """

    def __init__(self, path: str | Path, reason: str, line: int | None = None) -> None:
        self.path = str(path)
        self.reason = reason
        self.line = line
        where = self.path if line is None else f"{self.path}:{line}"
        super().__init__(f"{where}: {reason}")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, int | None]]:
        # The message is not the constructor's argument, so pickling (worker processes) needs telling.
        return type(self), (self.path, self.reason, self.line)


class RecipeError(TonewheelError):
    """A recipe has problems; all of them are told at once.

    >>> str(RecipeError("base.yaml", ["optimiser.lr: expected a number", "steps: missing"]))
    'base.yaml: optimiser.lr: expected a number; steps: missing'
    """

    def __init__(self, path: str | Path, problems: Sequence[str]) -> None:
        self.path = str(path)
        self.problems = list(problems)
        super().__init__(f"{self.path}: {'; '.join(self.problems)}")

    def __reduce__(self) -> tuple[type[RecipeError], tuple[str, list[str]]]:
        return type(self), (self.path, self.problems)


class ModelMismatchError(TonewheelError):
    """An artefact (pack, index, checkpoint) was made by another model than the one that is to read it."""


class MissingDependencyError(TonewheelError):
    """An optional package is not installed.

    >>> str(MissingDependencyError("wandb", "logging to Weights & Biases", "wandb"))
    "wandb is not installed and logging to Weights & Biases needs it: pip install 'tonewheel[wandb]'"
    """

    def __init__(self, package: str, needed_for: str, extra: str | None = None) -> None:
        self.package = package
        self.needed_for = needed_for
        self.extra = extra
        install = f"pip install 'tonewheel[{extra}]'" if extra else f"pip install {package}"
        super().__init__(f"{package} is not installed and {needed_for} needs it: {install}")

    def __reduce__(self) -> tuple[type[MissingDependencyError], tuple[str, str, str | None]]:
        return type(self), (self.package, self.needed_for, self.extra)


def nearest(name: str, known: Iterable[str]) -> str:
    """A suffix for a message that names the known word nearest to `name`, or '' when none is near.

    >>> nearest("identfy", ["identify", "pack"])
    ' (did you mean "identify"?)'
    >>> nearest("xyz", ["identify", "pack"])
    ''
    """
    match = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f' (did you mean "{match[0]}"?)' if match else ""
