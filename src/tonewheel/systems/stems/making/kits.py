"""Drums as a drummer plays them: recorded single hits of a kit under the hits of a groove, chosen by how hard they are.

A kit is a folder of one-shots with labels (the index of the shared drum pack, or any index.csv with `kit`, `label`
and `velocity`). Neighbouring recordings alternate, so no two strokes are the same sample; a pedal or a closed hat
chokes an open one; pieces stand where a drummer has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import load
from tonewheel.synth.effects import high_pass
from tonewheel.systems.stems.making.index import index_rows

Audio = NDArray[np.float32]
RATE = 44_100

PLACES = {
    "kick": 0.0,
    "snare": 0.03,
    "hihat": 0.4,
    "ride": -0.45,
    "crash": -0.35,
    "tom_high": 0.25,
    "tom_mid": -0.05,
    "tom_low": -0.4,
}
LEVELS_DB = {"kick": 0.0, "snare": 0.0, "hihat": -9.0, "ride": -9.0, "crash": -6.0, "tom": -3.0}
FALLBACK = {
    "hihat_pedal": "hihat_closed",
    "hihat_open": "hihat_closed",
    "tom_high": "tom_mid",
    "tom_mid": "tom_low",
    "tom_low": "tom_mid",
    "ride": "crash",
    "crash": "ride",
}
ALIASES = {
    "tom_floor": "tom_low",
    "ride_bell": "ride",
    "ride_bow": "ride",
    "cross_stick": "side_stick",
    "china": "crash",
    "splash": "crash",
    "crash_2": "crash",
    "rimshot": "snare",
    "hihat_foot_splash": "hihat_pedal",
    "hihat_half_open": "hihat_open",
}


class Stroke(NamedTuple):
    """One hit to be played: when, on what, how hard (0..1)."""

    onset_s: float
    label: str
    velocity: float


@dataclass
class Kit:
    """The hits of one kit, label -> recordings from soft to loud, each (2, samples)."""

    name: str
    licence: str
    split: str
    files: dict[str, list[Path]] = field(default_factory=dict)

    @cached_property
    def hits(self) -> dict[str, list[Audio]]:
        found = {}
        for label, paths in self.files.items():
            shots = [np.atleast_2d(load(path, sample_rate_hz=RATE, mono=False)[0]) for path in paths]
            shots = [np.repeat(shot, 2, axis=0) if len(shot) == 1 else shot[:2] for shot in shots]
            found[label] = sorted(shots, key=_energy)
        return found

    def choose(self, label: str) -> str | None:
        """The label that this kit has for one that is asked for; None when nothing is near."""
        label = ALIASES.get(label, label)
        if label == "side_stick" and label not in self.files:
            label = "snare"
        for _ in range(3):
            if label in self.files:
                return label
            label = FALLBACK.get(label, "")
        return None


def _energy(shot: Audio) -> float:
    return float(np.abs(shot).max() * np.sqrt(np.mean(np.square(shot[:, : RATE // 10]))))


COLUMNS = ("path", "kind", "kit", "label", "sublabel", "license", "split")
"""Of an index.csv with kits."""


def read_kits(index: Path) -> list[Kit]:
    """Kits of an index.csv whose rows of kind `oneshot` name kit, label, license and split."""
    kits: dict[str, Kit] = {}
    for row in index_rows(index, COLUMNS):
        if row["kind"] != "oneshot":
            continue
        kit = kits.setdefault(row["kit"], Kit(row["kit"], row["license"], row["split"]))
        label = row["sublabel"] if row["label"] == "aux" else row["label"]
        kit.files.setdefault(label, []).append(index.parent / row["path"])
    return list(kits.values())


def drum(rng: np.random.Generator, kit: Kit, strokes: Sequence[Stroke], seconds: float) -> Audio:
    """Play strokes on a kit. Shape: (2, samples) at 44.1 kHz."""
    samples = round(seconds * RATE)
    out = np.zeros((2, samples), np.float32)
    detune = 2 ** (rng.normal(0, 1.2, size=16) / 12)
    trims = {name: 10 ** (rng.normal(0, 2.0) / 20) for name in LEVELS_DB}
    curve = rng.uniform(0.9, 1.8)
    width = rng.uniform(0.2, 1.2)
    pitched: dict[str, list[Audio]] = {}
    ordered = sorted(strokes)
    closings = np.array([s.onset_s for s in ordered if s.label.startswith("hihat")])
    taken: dict[str, int] = {}
    for stroke in ordered:
        label = kit.choose(stroke.label)
        start = round(stroke.onset_s * RATE)
        if label is None or start >= samples or start < 0:
            continue
        if label not in pitched:
            factor = float(detune[hash_of(label) % 16])
            pitched[label] = [repitched(shot, factor) for shot in kit.hits[label]]
        shots = pitched[label]
        taken[label] = taken.get(label, 0) + 1
        wanted = stroke.velocity * (len(shots) - 1) + (taken[label] % 3 - 1) * 0.7 + rng.normal(0, 0.3)
        shot = shots[int(np.clip(round(wanted), 0, len(shots) - 1))]
        family = next((name for name in LEVELS_DB if label.startswith(name)), "hihat")
        peak = float(np.abs(shot).max()) + 1e-6
        gain = stroke.velocity**curve * 10 ** (LEVELS_DB[family] / 20) * trims[family] / peak
        if label == "hihat_open":
            later = closings[np.searchsorted(closings, stroke.onset_s + 0.03) :]
            if len(later):
                shot = choked(shot, int((later[0] - stroke.onset_s) * RATE))
        place = width * next((at for name, at in PLACES.items() if label.startswith(name)), -0.3)
        end = min(samples, start + shot.shape[1])
        out[0, start:end] += np.float32(gain * (1 - place / 2)) * shot[0, : end - start]
        out[1, start:end] += np.float32(gain * (1 + place / 2)) * shot[1, : end - start]
    return high_pass(out, 25.0, RATE)


def hash_of(label: str) -> int:
    """The same number for the same label everywhere."""
    return sum(ord(letter) * (place + 1) for place, letter in enumerate(label))


def repitched(shot: Audio, factor: float) -> Audio:
    """A recording played faster by a factor."""
    at = np.arange(0, shot.shape[1] - 1, factor)
    whole = at.astype(np.int64)
    part = (at - whole).astype(np.float32)
    return np.asarray(shot[:, whole] * (1 - part) + shot[:, whole + 1] * part, np.float32)


def choked(shot: Audio, samples: int) -> Audio:
    """Cut off after so many samples, in 8 ms."""
    if samples >= shot.shape[1]:
        return shot
    cut = shot[:, : max(samples, 1)].copy()
    soft = min(cut.shape[1], RATE // 120)
    cut[:, -soft:] *= np.linspace(1, 0, soft, dtype=np.float32)
    return cut
