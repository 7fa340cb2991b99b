"""The hits of a prepared folder, cut to what a clip holds, with what is known of each."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np
from msgspec import structs

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import generator
from tonewheel.systems.drums.families import LABELS
from tonewheel.systems.drums.hits.strengths import openness_of, velocities
from tonewheel.systems.drums.prepare import Prepared
from tonewheel.systems.drums.stage.kits import OURS, SAMPLE_RATE_HZ, Audio, Shot

LONGEST_S = 0.8
HALF_OPEN_KITS = 24
HALF_OPEN_STEPS = (0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
OPEN_FROM = 0.25
"""A hat opened further than this is called open; packs call a half-open hat open too."""
REAL_LIKE = 0.05
"""What a synthesised hit counts for beside a recorded one, when labels are balanced."""


class Known(NamedTuple):
    """A hit and what is known of it; NaN where nothing is."""

    shot: Shot
    label: int
    velocity: float
    openness: float


class Shelf(Prepared):
    """A prepared folder for single hits; synthesised hats of every openness stand beside its own."""

    def __init__(self, prepared: Prepared, *splits: str) -> None:
        super().__init__(prepared.folder)
        self._made: list[Audio] = []
        own = [shot for shot in self.shots if shot.split in splits]
        velocity = velocities(own)
        self.known = [
            Known(
                shot,
                LABELS.index(shot.label),
                velocity.get((shot.start, shot.kit), np.nan),
                np.nan if (openness := openness_of(shot)) is None else openness,
            )
            for shot in own
        ]
        if not self.known:
            raise InputError(prepared.folder, f"has no hits in the {' or '.join(splits)} split")
        for split in splits:
            if split != "test" and any(shot.synthetic for shot in own):
                self.known += self._half_open(split)
        self.of: dict[int, dict[bool, dict[tuple[str, str], list[Known]]]] = defaultdict(
            lambda: {False: defaultdict(list), True: defaultdict(list)}
        )
        """Hits by label, whether they are synthesised, and kit and instrument."""
        for one in self.known:
            self.of[one.label][one.shot.synthetic][one.shot.kit, one.shot.instrument].append(one)

    def shot(self, shot: Shot) -> Audio:
        """The beginning of a hit, peak near 1."""
        if shot.start < 0:
            return self._made[-shot.start - 1]
        return super().shot(structs.replace(shot, length=min(shot.length, round(LONGEST_S * SAMPLE_RATE_HZ))))

    def shares(self, balance: float) -> np.ndarray:
        """How often each label is drawn, (12,): as often as it is there, or (balance 1) all alike."""
        counts = np.array(
            [
                sum(REAL_LIKE if one.shot.synthetic else 1.0 for one in self.known if one.label == label)
                for label in range(len(LABELS))
            ]
        )
        weight = np.where(counts > 0, np.maximum(counts, 1e-9) ** (1 - balance), 0.0)
        return np.asarray(weight / weight.sum())

    def draw(self, rng: np.random.Generator, label: int, synthetic_share: float) -> Known:
        """A hit of a label: first its kit, then one of its drums, then one hit of that."""
        kinds = self.of[label]
        made = bool(kinds[True]) and (not kinds[False] or rng.random() < synthetic_share)
        drums = kinds[made]
        kits: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for drum in drums:
            kits[drum[0]].append(drum)
        names = sorted(kits)
        # Kits with more drums have more to tell, but one must not drown the others.
        weight = np.sqrt([sum(len(drums[drum]) for drum in kits[name]) for name in names])
        kit = kits[names[int(rng.choice(len(names), p=weight / weight.sum()))]]
        hits = drums[kit[int(rng.integers(len(kit)))]]
        return hits[int(rng.integers(len(hits)))]

    def _half_open(self, split: str) -> list[Known]:
        """Hats between closed and open: the decay lies between the two, evenly in its logarithm."""
        from tonewheel.synth.drums import draw_kit, one_shot

        found = []
        for number in range(HALF_OPEN_KITS):
            kit = draw_kit(generator(7, "hats", split, number), "acoustic" if number % 3 else "electronic")
            for openness in HALF_OPEN_STEPS:
                decay_s = float(kit.hat_closed_s ** (1 - openness) * kit.hat_open_s**openness)
                level = int(openness * 97) % 4
                audio = one_shot(
                    structs.replace(kit, hat_open_s=decay_s), "hihat_open", level, number % 4, SAMPLE_RATE_HZ
                )
                self._made.append(audio / np.float32(max(float(np.abs(audio).max()), 1e-6)))
                label = "hihat_open" if openness >= OPEN_FROM else "hihat_closed"
                shot = Shot(
                    kit=f"hats-{split}-{number:02d}",
                    instrument="hihat",
                    label=label,
                    strength=float(level),
                    start=-len(self._made),
                    length=len(audio),
                    split=split,
                    licence=OURS,
                    synthetic=True,
                )
                found.append(Known(shot, LABELS.index(label), (level + 0.5) / 4, openness))
        return found
