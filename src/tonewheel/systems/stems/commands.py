"""The verbs of `tonewheel stems`, from the files that hold them; everything heavy is imported inside the verbs."""

from __future__ import annotations

from tonewheel.core.verbs import verbs
from tonewheel.systems.stems import (
    evaluate_commands,
    export_commands,
    flywheel_commands,
    prepare_commands,
    separate_commands,
    train_commands,
)

app = verbs(
    "Six stems that sum to the mix, and the corrections that make them better.",
    separate_commands.separate,
    prepare_commands.prepare,
    train_commands.train,
    evaluate_commands.evaluate,
    export_commands.export,
    flywheel_commands.sanitize,
    flywheel_commands.dataset,
    flywheel_commands.run,
    flywheel_commands.calibrate,
)
