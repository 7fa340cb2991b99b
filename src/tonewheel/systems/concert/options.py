"""What several verbs of `concert` share: options, and the encoder that they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tonewheel.systems.concert.embed import Embedder

PackFile = Annotated[Path, typer.Option("--pack", help="A pack made by `concert pack`.")]
Confirmations = Annotated[
    Path | None,
    typer.Option(
        "--confirmations",
        help="Also add what was confirmed or fixed to this file, hashed, to learn from later.",
    ),
]
Regression = Annotated[
    Path | None,
    typer.Option("--regression", help="A set made by `concert freeze`, that new weights must not lose on."),
]


def encoder_of(weights: Path | None) -> Embedder:
    """The encoder of these weights, or the one that ships."""
    from tonewheel.systems.concert.embed import Embedder

    return Embedder.shipped() if weights is None else Embedder.load(weights)
