"""What is no drum: notes of other instruments, talk, crowds, clicks, noise and music without drums.

A classifier that only ever hears drums is sure of everything. Shown these while it learns (outlier exposure:
Hendrycks et al., ICLR 2019), it learns to be sure of nothing when none of its labels fits.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.files import atomic_path
from tonewheel.core.progress import progress
from tonewheel.core.seeds import generator
from tonewheel.systems.drums.prepare import Prepared
from tonewheel.systems.drums.recipe import SceneRecipe
from tonewheel.systems.drums.stage.kits import SAMPLE_RATE_HZ, Audio
from tonewheel.systems.drums.stage.scene import Stage

ONLY_VALID = ("harp", "bell", "reed", "bass_upright", "chip_pulse", "sung")
"""Families of instruments that training never hears, so that validation has some that are new to it."""
SPEECH_S = 1.2
BEDS = ("music",)


class Outliers:
    """Draws clips that are no drums; the onset of what has one lies at `lead` samples.

    Sounds that take long to make are made once, from `seed` and the split, and kept in the prepared folder;
    music is cut anew each time.
    """

    def __init__(
        self, prepared: Prepared, split: str, samples: int, lead: int, *, per_kind: int = 96, seed: int = 0
    ) -> None:
        self.samples = samples
        self.lead = lead
        has_grooves = any(groove.split == split for groove in prepared.grooves)
        self.stage = Stage(prepared, SceneRecipe(), split) if has_grooves else None
        has_beds = any(bed.split == split for bed in prepared.beds) and self.stage is not None
        makers: dict[str, Callable[[np.random.Generator, str], Audio]] = {
            "note": self._note,
            "chord": self._chord,
            "talk": self._talk,
            "crowd": self._crowd,
            "click": self._click,
            "noise": self._noise,
        }
        self.made: dict[str, NDArray[np.int16]] = {}
        """Clips by kind, (clips, samples)."""
        for kind, make in makers.items():
            count = per_kind * (3 if kind in ("note", "chord") else 1)
            file = prepared.folder / "outliers" / f"{split}-{kind}-{seed}-{count}x{samples}+{lead}.npy"
            if not file.exists():
                rng = generator(seed, "outliers", split, kind)
                _store([make(rng, split) for _ in progress(range(count), f"make no drums: {kind}")], file)
            self.made[kind] = np.load(file, mmap_mode="r", allow_pickle=False)
        self.kinds = (*self.made, *(BEDS if has_beds else ()))
        share = {"note": 3.0, "chord": 2.0, "music": 4.0}
        weight = np.array([share.get(kind, 1.0) for kind in self.kinds])
        self.weight = weight / weight.sum()

    def draw(self, rng: np.random.Generator, kind: str | None = None) -> tuple[str, Audio]:
        """A clip, (samples,), and what kind it is; all its randomness comes from `rng`."""
        kind = kind or self.kinds[int(rng.choice(len(self.kinds), p=self.weight))]
        if kind in BEDS and self.stage is not None:
            audio = self.stage.bed(rng, self.samples)
        else:
            made = self.made[kind]
            audio = np.asarray(made[int(rng.integers(len(made)))], np.float32)
        peak = float(np.abs(audio).max(initial=0.0))
        return kind, np.asarray(audio / np.float32(max(peak, 1e-6)), np.float32)

    def _cut(self, rng: np.random.Generator, audio: Audio) -> Audio:
        """A piece from anywhere that is not silent: held sounds begin before the clip does."""
        loud = float(np.abs(audio).max(initial=0.0))
        for _ in range(8):
            first = int(rng.integers(0, max(1, len(audio) - self.samples)))
            piece = audio[first : first + self.samples]
            if np.abs(piece).max(initial=0.0) > 0.1 * loud:
                break
        return np.pad(piece, (0, self.samples - len(piece)))

    def _placed(self, sound: Audio) -> Audio:
        out = np.zeros(self.samples, np.float32)
        end = min(self.samples, self.lead + len(sound))
        out[self.lead : end] = sound[: end - self.lead]
        return out

    def _one_note(self, rng: np.random.Generator, split: str, pitch: int | None = None) -> Audio:
        from tonewheel.synth.instruments import FAMILIES, draw_instrument
        from tonewheel.synth.voices import render_note

        families = [name for name in FAMILIES if (name in ONLY_VALID) == (split != "train")]
        instrument = draw_instrument(rng, families[int(rng.integers(len(families)))])
        pitch = pitch if pitch is not None else int(rng.integers(30, 92))
        level, syllable = int(rng.integers(3)), int(rng.integers(5))
        sound = render_note(instrument, pitch, 0.6, level, syllable, SAMPLE_RATE_HZ)
        held = round(rng.uniform(0.08, 0.6) * SAMPLE_RATE_HZ)
        fade = min(held, round(rng.uniform(0.01, 0.1) * SAMPLE_RATE_HZ))
        sound = sound[:held].copy()
        sound[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[-len(sound) :]
        return sound

    def _note(self, rng: np.random.Generator, split: str) -> Audio:
        return self._placed(self._one_note(rng, split))

    def _chord(self, rng: np.random.Generator, split: str) -> Audio:
        out = np.zeros(self.samples, np.float32)
        root = int(rng.integers(40, 72))
        for step in rng.choice((0, 3, 4, 7, 10, 12), int(rng.integers(2, 5)), replace=False):
            start = int(rng.integers(0, self.samples // 2)) if rng.random() < 0.3 else self.lead
            sound = self._one_note(rng, split, root + int(step))[: self.samples - start]
            out[start : start + len(sound)] += sound
        return out

    def _talk(self, rng: np.random.Generator, split: str) -> Audio:
        from tonewheel.synth.speech import banter

        return self._cut(rng, banter(rng, SPEECH_S, SAMPLE_RATE_HZ))

    def _crowd(self, rng: np.random.Generator, split: str) -> Audio:
        from tonewheel.synth.noise import applause, cheering

        make = cheering if rng.random() < 0.5 else applause
        return self._cut(rng, make(rng, SPEECH_S, SAMPLE_RATE_HZ))

    def _click(self, rng: np.random.Generator, split: str) -> Audio:
        """One to some clicks of well under a millisecond, as of a scratched record or a bad cable."""
        out = np.zeros(self.samples, np.float32)
        for _ in range(int(rng.integers(1, 6))):
            length = int(rng.integers(2, 60))
            pulse = rng.standard_normal(length) * np.exp(-np.arange(length) / (length / 4))
            start = (
                self.lead + int(rng.integers(0, 200))
                if not out.any()
                else int(rng.integers(self.samples - 60))
            )
            out[start : start + length] += np.float32(rng.uniform(0.2, 1)) * pulse.astype(np.float32)
        hiss = np.float32(10 ** (rng.uniform(-70, -25) / 20))
        return out + hiss * rng.standard_normal(self.samples, dtype=np.float32)

    def _noise(self, rng: np.random.Generator, split: str) -> Audio:
        """Steady or swelling noise of a random colour, hum, or a sine that is switched on."""
        time_s = np.arange(self.samples, dtype=np.float32) / np.float32(SAMPLE_RATE_HZ)
        if rng.random() < 0.3:
            hz = float(np.exp(rng.uniform(np.log(40), np.log(4000))))
            tone = np.sin(2 * np.pi * hz * time_s) + 0.3 * np.sin(4 * np.pi * hz * time_s)
            return (
                np.asarray(tone, np.float32) if rng.random() < 0.5 else self._placed(tone.astype(np.float32))
            )
        spectrum = np.fft.rfft(rng.standard_normal(self.samples))
        shape = np.arange(1, len(spectrum) + 1) ** -rng.uniform(-0.5, 1.2)
        out = np.fft.irfft(spectrum * shape, self.samples).astype(np.float32)
        swell = np.minimum(1, time_s / np.float32(rng.uniform(0.05, 0.5))) if rng.random() < 0.5 else 1.0
        return np.asarray(out * swell, np.float32)


def _store(clips: list[Audio], file: Path) -> None:
    """Clips of one length as int16, each with its peak at full scale."""
    table = np.stack(clips)
    peak = np.abs(table).max(axis=1, keepdims=True)
    levelled = np.round(table / np.maximum(peak, 1e-9) * 32767).astype(np.int16)
    with atomic_path(file) as temporary, temporary.open("wb") as stream:
        np.save(stream, levelled, allow_pickle=False)
