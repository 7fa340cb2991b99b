"""The verbs of `tonewheel drums`, from the files that hold them; everything heavy is imported inside the verbs."""

from __future__ import annotations

import typer

from tonewheel.systems.drums import (
    check_commands,
    collect_commands,
    hits_commands,
    manifest_commands,
    mine_commands,
    model_commands,
    transcribe_commands,
)

app = typer.Typer(
    help="Which drum was struck when, and how hard.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

app.command()(model_commands.prepare)
app.add_typer(check_commands.app, name="check")
app.command()(model_commands.train)
app.command()(model_commands.evaluate)
app.command()(transcribe_commands.transcribe)
app.command()(hits_commands.classify)
app.add_typer(collect_commands.app, name="collect")
app.add_typer(manifest_commands.app, name="manifest")
app.command()(mine_commands.mine)
