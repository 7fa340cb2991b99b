"""The verbs of `tonewheel restore`, from the files that hold them; everything heavy is imported inside the verbs."""

from __future__ import annotations

import typer

from tonewheel.systems.restore import (
    clean_commands,
    evaluate_commands,
    measure_commands,
    prepare_commands,
    train_commands,
)

app = typer.Typer(
    help="Old recordings without their noise.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

NEEDS_PROGRAMS = {
    "ffmpeg": "`restore evaluate --baselines` (adeclick and afftdn, beside ours)",
    "sox": "`restore evaluate --baselines` (noisered, beside ours)",
}

app.command()(measure_commands.measure)
app.command()(clean_commands.clean)
app.command()(measure_commands.measure)
app.command()(prepare_commands.prepare)
app.command()(train_commands.train)
app.command()(evaluate_commands.evaluate)
