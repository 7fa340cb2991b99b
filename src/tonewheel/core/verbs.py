"""A command line of verbs: plain functions whose signatures say their arguments and options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer


def verbs(help_text: str, *functions: Callable[..., Any]) -> typer.Typer:
    """An app with these functions as its verbs, in this order; without a verb it tells which there are."""
    app = typer.Typer(help=help_text, no_args_is_help=True, add_completion=False, rich_markup_mode=None)
    for function in functions:
        app.command()(function)
    return app
