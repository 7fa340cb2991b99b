"""The verbs of `tonewheel concert`, from the files that hold them; everything heavy is imported inside the verbs."""

from __future__ import annotations

from tonewheel.core.verbs import verbs
from tonewheel.systems.concert import flywheel_commands, show_commands, training_commands
from tonewheel.systems.concert.venue import commands as venue_commands

NEEDS_PROGRAMS = {"fpcalc": "`concert evaluate --baselines` (Chromaprint; Debian: libchromaprint-tools)"}

app = verbs(
    "Which song of a show is playing, and since when.",
    training_commands.prepare,
    training_commands.check,
    training_commands.train,
    training_commands.evaluate,
    show_commands.pack,
    show_commands.identify,
    show_commands.listen,
    show_commands.align,
    flywheel_commands.freeze,
    venue_commands.measure,
    venue_commands.adapt,
)
