"""The verbs of `tonewheel stems`, from the files that hold them; everything heavy is imported inside the verbs."""

from __future__ import annotations

import typer

from tonewheel.systems.stems import (
    evaluate_commands,
    export_commands,
    flywheel_commands,
    prepare_commands,
    separate_commands,
    train_commands,
)

app = typer.Typer(
    help="Six stems that sum to the mix, and the corrections that make them better.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

app.command()(separate_commands.separate)
app.command()(prepare_commands.prepare)
app.command()(train_commands.train)
app.command()(evaluate_commands.evaluate)
app.command()(export_commands.export)
app.command()(flywheel_commands.sanitize)
app.command()(flywheel_commands.dataset)
app.command()(flywheel_commands.run)
app.command()(flywheel_commands.calibrate)
