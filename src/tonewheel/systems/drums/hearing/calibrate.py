"""Thresholds and time offset, fitted on kits, grooves, rooms and music that training did not hear."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from tonewheel.core.progress import progress
from tonewheel.core.seeds import generator
from tonewheel.metrics.onsets import Counts, count, deviations, merge_close
from tonewheel.systems.drums.families import FAMILIES, FAMILY_OF
from tonewheel.systems.drums.hearing.decode import Curves, DecodeRule, peaks
from tonewheel.systems.drums.hearing.ears import Ears
from tonewheel.systems.drums.prepare import Prepared
from tonewheel.systems.drums.recipe import SceneRecipe
from tonewheel.systems.drums.stage.grooves import Hits
from tonewheel.systems.drums.stage.kits import SAMPLE_RATE_HZ, Audio
from tonewheel.systems.drums.stage.scene import BEFORE_S, Stage

SCENE_S = 20.0
THRESHOLDS = np.arange(0.08, 0.9, 0.02)
SAME_S = 0.012
"""Two labels of a family struck so close are one hit of the family."""


class Heard(NamedTuple):
    """A scene as the transcriber hears it, and the times of each family that are in it."""

    curves: Curves
    times: list[NDArray[np.float64]]
    alone: bool


class Held(NamedTuple):
    """A scene that training did not hear: mono audio (samples,) and the hits in it that can be heard."""

    audio: Audio
    hits: Hits
    alone: bool
    """Drums alone; otherwise under music."""

    @property
    def times(self) -> list[NDArray[np.float64]]:
        """Times of each family."""
        family = FAMILY_OF[self.hits[:, 1].astype(int)]
        return [merge_close(self.hits[family == number, 0], SAME_S) for number in range(len(FAMILIES))]


def held_out(
    prepared: Prepared, recipe: SceneRecipe, scenes: int, seed: int = 0, split: str = "valid"
) -> Iterator[Held]:
    """Scenes, every other one under music; grooves as they were played, on held-out kits."""
    for number in progress(range(scenes), "hear held-out scenes"):
        alone = number % 2 == 0
        own = recipe.model_copy(
            update={"bed_share": 0.0 if alone else 1.0, "bed_alone_share": 0.0, "scatter_share": 0.0}
        )
        scene = Stage(prepared, own, split, vary=False).draw(generator(seed, "valid", number), SCENE_S)
        # What nobody can hear is not asked for; the stage says which hits that are.
        yield Held(scene.audio[round(BEFORE_S * SAMPLE_RATE_HZ) :], scene.hits[scene.heard], alone)


def hear(prepared: Prepared, ears: Ears, scenes: int, seed: int = 0, split: str = "valid") -> list[Heard]:
    """What the transcriber hears in held-out scenes."""
    return [
        Heard(ears.curves(held.audio), held.times, held.alone)
        for held in held_out(prepared, ears.recipe.scene, scenes, seed, split)
    ]


def fit_rule(
    prepared: Prepared, ears: Ears, *, scenes: int = 60, seed: int = 0
) -> tuple[DecodeRule, dict[str, float]]:
    """The thresholds with the highest F a family, the offset that makes the median error 0; and what they give."""
    heard = hear(prepared, ears, scenes, seed)
    rule = structs.replace(ears.rule, offset_s=0.0)
    best = [_threshold(heard, family, rule) for family in range(len(FAMILIES))]
    rule = structs.replace(rule, thresholds=tuple(round(value, 3) for value in best))
    late = [
        deviations(one.times[family], _times(one.curves, family, rule))
        for one in heard
        for family in range(5)
    ]
    every = np.concatenate([*late, np.zeros(1)])
    rule = structs.replace(rule, offset_s=round(-float(np.median(every)), 5))
    return rule, score(heard, rule)


def score(heard: list[Heard], rule: DecodeRule) -> dict[str, float]:
    """Micro F of five classes at 50 and 20 ms, drums alone and under music, and F of each class."""
    figures: dict[str, float] = {}
    for name, chosen in (
        ("alone", [one for one in heard if one.alone]),
        ("mix", [one for one in heard if not one.alone]),
    ):
        for tolerance_s in (0.05, 0.02):
            total = Counts()
            for family in range(5):
                own = _count(chosen, family, rule, tolerance_s)
                if tolerance_s == 0.05:
                    figures[f"{name} {FAMILIES[family]}"] = round(own.f, 4)
                total = total.plus(own)
            figures[f"{name} micro @{tolerance_s * 1000:.0f} ms"] = round(total.f, 4)
    return figures


def _threshold(heard: list[Heard], family: int, rule: DecodeRule) -> float:
    scores = []
    for threshold in THRESHOLDS:
        trial = structs.replace(rule, thresholds=(float(threshold),) * len(FAMILIES))
        scores.append(_count(heard, family, trial, 0.05).f)
    # The middle of a plateau generalises better than its edge.
    near = np.flatnonzero(np.array(scores) >= max(scores) - 0.002)
    return float(THRESHOLDS[near].mean()) if max(scores) > 0 else rule.thresholds[family]


def _count(heard: list[Heard], family: int, rule: DecodeRule, tolerance_s: float) -> Counts:
    total = Counts()
    for one in heard:
        total = total.plus(count(one.times[family], _times(one.curves, family, rule), tolerance_s))
    return total


def _times(curves: Curves, family: int, rule: DecodeRule) -> NDArray[np.float64]:
    apart = rule.refractory_ms[family] / 1000 * rule.frame_rate_hz
    _, places = peaks(curves.onset[family], rule.thresholds[family], apart)
    return np.maximum(places / rule.frame_rate_hz + rule.offset_s, 0.0)
