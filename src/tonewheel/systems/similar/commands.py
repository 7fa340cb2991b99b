"""The verbs of `tonewheel similar`, from the files that hold them; everything heavy is imported inside the verbs."""

from __future__ import annotations

import typer

from tonewheel.systems.similar import (
    evaluate_commands,
    find_commands,
    index_commands,
    profile_commands,
    train_commands,
)

app = typer.Typer(
    help="Tracks like this one, the styles of a collection, and ways between them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

app.command()(train_commands.prepare)
app.command()(train_commands.train)
app.command()(evaluate_commands.evaluate)
app.command()(profile_commands.profile)
app.command()(index_commands.index)
app.command()(find_commands.find)
app.command()(find_commands.path)
app.command()(find_commands.blend)
app.command()(train_commands.fetch)
