"""A groove and a kit become sound, with labels that are exact because we placed every hit ourselves.

A kit is put together anew for each clip: which recorded drum, tuned how, damped how, through which equaliser.
What varies together in the world varies together here: the hats of a kit are one hat, its toms one set.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from tonewheel.degrade.equaliser import Band, Equaliser
from tonewheel.systems.drums.families import LABELS
from tonewheel.systems.drums.prepare import Prepared
from tonewheel.systems.drums.stage.grooves import Hits
from tonewheel.systems.drums.stage.kits import SAMPLE_RATE_HZ, Audio, Shot

SETS: tuple[tuple[str, ...], ...] = (
    ("kick",),
    ("snare", "cross_stick"),
    ("hihat_closed", "hihat_open", "hihat_pedal"),
    ("tom_high", "tom_mid", "tom_low"),
    ("crash",),
    ("ride",),
    ("aux_percussion",),
)
"""Labels that sound on one instrument, or on one set of them."""

LEVEL_DB = {
    "kick": 0.0, "snare": 0.0, "cross_stick": -8.0, "hihat_closed": -12.0, "hihat_open": -10.0,
    "hihat_pedal": -16.0, "crash": -9.0, "ride": -14.0, "tom_high": -3.0, "tom_mid": -3.0, "tom_low": -3.0,
    "aux_percussion": -9.0,
}  # fmt: skip
"""Peak of a hard hit in a recorded kit, against the kick."""

DAMPED_S = {
    "kick": (0.06, 0.5), "snare": (0.05, 0.4), "cross_stick": (0.03, 0.2), "hihat_closed": (0.02, 0.2),
    "hihat_open": (0.12, 0.8), "hihat_pedal": (0.02, 0.15), "crash": (0.25, 1.5), "ride": (0.15, 1.5),
    "tom_high": (0.08, 0.5), "tom_mid": (0.1, 0.6), "tom_low": (0.1, 0.7), "aux_percussion": (0.05, 0.4),
}  # fmt: skip
"""Time constant of extra damping, s."""

HATS = frozenset(LABELS.index(name) for name in ("hihat_closed", "hihat_open", "hihat_pedal"))
OPEN_HAT = LABELS.index("hihat_open")
INAUDIBLE_DB = -26.0
"""A hit this far below the loudest of its label is there, but nobody is asked to hear it."""


class Instrument:
    """One drum as it sounds in one clip: hits of rising strength, all changed in the same way."""

    def __init__(
        self, rng: np.random.Generator, prepared: Prepared, shots: list[Shot], ratio: float, level_db: float
    ) -> None:
        self.prepared = prepared
        self.shots = sorted(shots, key=lambda shot: shot.strength)
        self.label = shots[0].label
        self.ratio = ratio
        self.level_db = level_db
        low, high = np.log(DAMPED_S[self.label])
        self.damping_s = float(np.exp(rng.uniform(low, high))) if rng.random() < 0.5 else None
        self.attack = 10 ** (rng.uniform(-5, 5) / 20) if rng.random() < 0.4 else 1.0
        self.drive = float(rng.uniform(1, 4)) if rng.random() < 0.15 else 0.0
        self.equaliser = Equaliser.draw(rng, shelf_db=(-7, 7), peak_db=(-7, 7), peaks=(0, 2))
        self._made: dict[tuple[int, int], Audio] = {}

    def hit(self, rng: np.random.Generator, velocity: float) -> Audio:
        """The sound of a hit of this strength, peak near 1; not the same one every time."""
        layers = len(self.shots)
        place = velocity * (layers - 1) + rng.normal(0, 0.15 * layers)
        layer = int(np.clip(round(place), 0, layers - 1))
        # A drum with few recorded layers is dulled for soft hits instead.
        softness = round(3 * (1 - velocity)) if layers < 3 else 0
        key = (layer, softness)
        if key not in self._made:
            self._made[key] = self._make(*key)
        return self._made[key]

    def _make(self, layer: int, softness: int) -> Audio:
        audio = self.prepared.shot(self.shots[layer])
        if abs(self.ratio - 1) > 0.004:
            places = np.arange(0, len(audio) - 1, self.ratio)
            audio = np.interp(places, np.arange(len(audio)), audio).astype(np.float32)
        time_s = np.arange(len(audio), dtype=np.float32) / np.float32(SAMPLE_RATE_HZ)
        if self.damping_s is not None:
            audio = audio * np.exp(-time_s / np.float32(self.damping_s))
        if self.attack != 1.0:
            audio = audio * (1 + np.float32(self.attack - 1) * np.exp(-time_s / np.float32(0.008)))
        if self.drive:
            audio = np.tanh(np.float32(self.drive) * audio)
        equaliser = self.equaliser
        if softness:
            dull = Band(shape="high_shelf", frequency_hz=2500.0, gain_db=-3.0 * softness)
            equaliser = Equaliser(bands=(*equaliser.bands, dull))
        audio = equaliser.apply(audio, SAMPLE_RATE_HZ)
        return audio / np.float32(max(float(np.abs(audio).max(initial=0.0)), 1e-6))


class Kit:
    """Instruments for every label, and how velocity becomes level."""

    def __init__(self, instruments: dict[int, list[Instrument]], curve: float) -> None:
        self.instruments = instruments
        self.curve = curve

    def gain_db(self, velocity: float) -> float:
        """Level of a hit against the hardest one."""
        return self.curve * 20 * float(np.log10(max(velocity, 0.02)))


class Drums:
    """All recorded and synthesised drums of a split, to put kits together from."""

    def __init__(self, prepared: Prepared, split: str) -> None:
        self.prepared = prepared
        self.of: dict[str, dict[str, dict[str, list[Shot]]]] = defaultdict(lambda: defaultdict(dict))
        """Shots by label, kit and instrument."""
        self.synthetic = {shot.kit for shot in prepared.shots if shot.synthetic}
        for shot in prepared.shots:
            if shot.split == split:
                self.of[shot.label][shot.kit].setdefault(shot.instrument, []).append(shot)

    def draw_kit(
        self, rng: np.random.Generator, *, mixed_share: float = 0.5, synthetic_share: float = 0.15
    ) -> Kit:
        """A kit of one source or of several, tuned and damped anew."""
        mixed = rng.random() < mixed_share
        whole = self._pick(rng, {kit for kits in self.of.values() for kit in kits}, synthetic_share)
        instruments: dict[int, list[Instrument]] = {}
        for labels in SETS:
            there = {kit for label in labels for kit in self.of[label]}
            if not there:
                continue
            first = (
                whole if not mixed and whole in there else self._pick(rng, there, synthetic_share, labels[0])
            )
            ratio = float(np.clip(np.exp(rng.normal(0, 0.18 if "tom_low" in labels else 0.12)), 0.65, 1.5))
            set_db = float(rng.normal(0, 4.0))
            for label in labels:
                if not self.of[label]:
                    continue
                kit = (
                    first
                    if first in self.of[label]
                    else self._pick(rng, set(self.of[label]), synthetic_share)
                )
                kinds = list(self.of[label][kit].values())
                level_db = LEVEL_DB[label] + set_db + float(rng.normal(0, 1.5))
                chosen = rng.permutation(len(kinds))[: 2 if label in ("crash", "ride") else 1]
                instruments[LABELS.index(label)] = [
                    Instrument(rng, self.prepared, kinds[i], ratio, level_db) for i in chosen
                ]
        return Kit(instruments, curve=float(rng.uniform(0.7, 1.4)))

    def _pick(
        self, rng: np.random.Generator, kits: set[str], synthetic_share: float, label: str | None = None
    ) -> str:
        made = sorted(kit for kit in kits if kit in self.synthetic)
        real = sorted(kit for kit in kits if kit not in self.synthetic)
        if made and (not real or rng.random() < synthetic_share):
            return made[int(rng.integers(len(made)))]
        # Kits with more hits have more to tell, but one must not drown the others.
        sizes = [
            sum(
                len(s)
                for name in ([label] if label else self.of)
                for s in self.of[name].get(kit, {}).values()
            )
            for kit in real
        ]
        weight = np.sqrt(np.maximum(sizes, 1))
        return real[int(rng.choice(len(real), p=weight / weight.sum()))]


def strike(
    rng: np.random.Generator, kit: Kit, hits: Hits, samples: int
) -> tuple[Audio, Audio, NDArray[np.bool_]]:
    """Place every hit: kicks alone (samples,), all else (samples,), and which hits can be heard (hits,).

    The first sample of a hit is at round(onset * rate): labels are exact. A hat that is open rings until the
    next hat is struck. Hits outside [0, samples) or of labels the kit lacks are not placed, nor heard.
    """
    low, rest = np.zeros(samples, np.float32), np.zeros(samples, np.float32)
    level_db = np.full(len(hits), -np.inf)
    hat_times = hits[np.isin(hits[:, 1], list(HATS)), 0]
    for number, (onset_s, label, velocity) in enumerate(hits):
        instruments = kit.instruments.get(int(label))
        start = round(onset_s * SAMPLE_RATE_HZ)
        if not instruments or not 0 <= start < samples:
            continue
        instrument = instruments[1 if len(instruments) > 1 and rng.random() < 0.15 else 0]
        sound = instrument.hit(rng, float(velocity))[: samples - start]
        gain_db = kit.gain_db(float(velocity)) + float(rng.normal(0, 0.8))
        if label == OPEN_HAT:
            after = hat_times[hat_times > onset_s + 0.03]
            if len(after):
                sound = _choked(sound, round((after[0] - onset_s) * SAMPLE_RATE_HZ), rng)
        level_db[number] = instrument.level_db + gain_db
        bus = low if label == 0 else rest
        bus[start : start + len(sound)] += np.float32(10 ** (level_db[number] / 20)) * sound
    heard = np.zeros(len(hits), dtype=bool)
    for label in np.unique(hits[:, 1]):
        own = hits[:, 1] == label
        heard[own] = level_db[own] > level_db[own].max(initial=-np.inf) + INAUDIBLE_DB
    return low, rest, heard & np.isfinite(level_db)


def _choked(sound: Audio, stop: int, rng: np.random.Generator) -> Audio:
    """Cut short where the pedal closes the hat, within some ms."""
    fade = round(rng.uniform(0.004, 0.04) * SAMPLE_RATE_HZ)
    if stop + fade >= len(sound):
        return sound
    out = sound[: stop + fade].copy()
    out[stop:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return out
