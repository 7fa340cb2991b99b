"""What a baseline is: a masker without weights that says which stems it is about."""

from __future__ import annotations

from typing import Protocol

from tonewheel.systems.stems.masker import Masker


class Baseline(Masker, Protocol):
    """A row of the tables; figures are told of the stems that it claims alone."""

    name: str
    claims: tuple[str, ...]
    """Of the six, and of the folds: what it does not claim is what is left over."""
