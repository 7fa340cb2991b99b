"""A command line of verbs: plain functions whose signatures say their arguments and options, some alike everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
Weights = Annotated[
    Path | None, typer.Option("--weights", help="Weights of your own training; default: those that ship.")
]


def verbs(help_text: str, *functions: Callable[..., Any]) -> typer.Typer:
    """An app with these functions as its verbs, in this order; without a verb it tells which there are."""
    app = typer.Typer(help=help_text, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
    for function in functions:
        app.command()(function)
    return app
