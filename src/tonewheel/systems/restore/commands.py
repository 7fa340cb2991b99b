"""The verbs of `tonewheel restore`, from the files that hold them; everything heavy is imported inside the verbs."""

from __future__ import annotations

from tonewheel.core.verbs import verbs
from tonewheel.systems.restore import (
    clean_commands,
    evaluate_commands,
    measure_commands,
    prepare_commands,
    train_commands,
)

app = verbs(
    "Old recordings without their noise.",
    measure_commands.measure,
    clean_commands.clean,
    prepare_commands.prepare,
    train_commands.train,
    evaluate_commands.evaluate,
)

NEEDS_PROGRAMS = {
    "ffmpeg": "`restore evaluate --baselines` (adeclick and afftdn, beside ours)",
    "sox": "`restore evaluate --baselines` (noisered, beside ours)",
}
