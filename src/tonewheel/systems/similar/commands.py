"""The verbs of `tonewheel similar`, from the files that hold them; everything heavy is imported inside the verbs."""

from __future__ import annotations

from tonewheel.core.verbs import verbs
from tonewheel.systems.similar import (
    evaluate_commands,
    find_commands,
    index_commands,
    profile_commands,
    train_commands,
)

app = verbs(
    "Tracks like this one, the styles of a collection, and ways between them.",
    train_commands.prepare,
    train_commands.train,
    evaluate_commands.evaluate,
    profile_commands.profile,
    index_commands.index,
    find_commands.find,
    find_commands.path,
    find_commands.blend,
    train_commands.fetch,
)
