"""What is found in held-out renders, where every hit is known exactly: families, labels, strengths, streams."""

from __future__ import annotations

import numpy as np

from tonewheel.core.records import Record
from tonewheel.systems.drums.families import LABELS
from tonewheel.systems.drums.hearing.calibrate import SCENE_S, Heard, held_out, score
from tonewheel.systems.drums.hearing.decode import decode
from tonewheel.systems.drums.hearing.ears import Ears
from tonewheel.systems.drums.prepare import Prepared
from tonewheel.systems.drums.scoring.labels import LabelFigures, Tally
from tonewheel.systems.drums.scoring.streaming import StreamFigures, StreamTally

SEED = 1
"""Other scenes of the held-out kits than those that the thresholds were fitted on."""


class RenderScores(Record):
    """All figures of one set of scenes."""

    scenes: int
    seconds: float
    families: dict[str, float]
    """F of families, drums alone and under music."""
    int8_families: dict[str, float]
    labels: dict[str, LabelFigures]
    streaming: StreamFigures


def measure(prepared: Prepared, ears: Ears, int8: Ears | None, scenes: int, seed: int = SEED) -> RenderScores:
    """Draw the scenes, hear each of them, count."""
    tally, stream = Tally(), StreamTally(ears)
    heard: list[Heard] = []
    heard_int8: list[Heard] = []
    for held in held_out(prepared, ears.recipe.scene, scenes, seed):
        curves, times = ears.curves(held.audio), held.times
        heard.append(Heard(curves, times, held.alone))
        if int8 is not None:
            heard_int8.append(Heard(int8.curves(held.audio), times, held.alone))
        stream.add(held.audio, times)
        struck = {
            label: held.hits[held.hits[:, 1].astype(int) == number][:, [0, 2]]
            for number, label in enumerate(LABELS)
        }
        in_time = {label: rows[np.argsort(rows[:, 0], kind="stable")] for label, rows in struck.items()}
        tally.add(in_time, decode(curves, ears.rule))
    return RenderScores(
        scenes=scenes,
        seconds=scenes * SCENE_S,
        families=score(heard, ears.rule),
        int8_families=score(heard_int8, ears.rule) if heard_int8 else {},
        labels=tally.figures(),
        streaming=stream.figures(),
    )
