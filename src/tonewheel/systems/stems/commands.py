"""The verbs of `tonewheel stems`, from the files that hold them; everything heavy is imported inside the verbs."""

from __future__ import annotations

import typer

from tonewheel.systems.stems import separate_commands

app = typer.Typer(
    help="Six stems that sum to the mix.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

app.command()(separate_commands.separate)
