"""What `restore export` writes: the denoiser, which hears sound, and the click detector, which cannot.

The denoiser takes sound and what was measured of the whole recording (quantiles of the level of every row), and gives
the gain of every bin: a caller multiplies the spectrum of the same windows and adds them up again. The features of
the click detector are residuals of linear predictors that are solved for every stretch of a recording in float64,
and solved again after a first repair; no runtime for networks does that.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tonewheel.core.seeds import generator
from tonewheel.degrade.clicks import Clicks
from tonewheel.degrade.hiss import Hiss
from tonewheel.export.network import INSIDE, Answers, Example, Network, Outputs, Port, Sound
from tonewheel.learn.checkpoint import load_model
from tonewheel.systems.restore.clicks.declicker import KIND as CLICKS_KIND
from tonewheel.systems.restore.clicks.declicker import SHIPPED_WEIGHTS as CLICKS_WEIGHTS
from tonewheel.systems.restore.clicks.declicker import SURE, Declicker
from tonewheel.systems.restore.clicks.features import FEATURES, analyse
from tonewheel.systems.restore.clicks.model import STACKED
from tonewheel.systems.restore.hiss.denoiser import KIND as HISS_KIND
from tonewheel.systems.restore.hiss.denoiser import LEAST_GAIN_DB, Denoiser
from tonewheel.systems.restore.hiss.denoiser import SHIPPED_WEIGHTS as HISS_WEIGHTS
from tonewheel.systems.restore.hiss.frames import Grid, grid, row_levels, to_bins
from tonewheel.systems.restore.hiss.frames import analyse as spectra_of
from tonewheel.systems.restore.hiss.levels import QUANTILES, Levels
from tonewheel.systems.restore.prepare import SAMPLE_RATE_HZ

HISS_DB = (20.0, 10.0)
"""Music over the hiss, in turn, of the sounds at which the denoiser is compared."""
HEARD_S = 6.0


class Gains(nn.Module):
    """A block of mono sound and the recording's quantiles to the gain of every bin and the level of the hiss.

    Shape: (1, samples), (1, 6, rows) -> (1, bins, frames), (1, rows) in dB.
    """

    def __init__(self, denoiser: Denoiser, at: Grid) -> None:
        super().__init__()
        self.network, self.at = denoiser.network, at

    def forward(self, audio: Tensor, quantiles: Tensor) -> tuple[Tensor, Tensor]:
        floor = self.network.floor(quantiles)
        gains = self.network(row_levels(spectra_of(audio, self.at), self.at), quantiles, floor)
        return to_bins(gains.clamp_min(10 ** (LEAST_GAIN_DB / 20)), self.at), floor


def hiss(weights: Path | None = None) -> Network:
    """The denoiser at 44.1 kHz."""
    denoiser = Denoiser.shipped() if weights is None else Denoiser.load(weights)
    at = grid(SAMPLE_RATE_HZ)

    def heard(audio: Sound) -> Example:
        frames = (len(audio) - at.n_fft) // at.hop + 1
        levels = Levels(SAMPLE_RATE_HZ)
        levels.push(audio)
        return {
            "audio": torch.from_numpy(audio[: at.n_fft + (frames - 1) * at.hop])[None],
            "quantiles": torch.from_numpy(levels.quantiles())[None],
        }

    def examples(sounds: Sequence[Sound]) -> list[Example]:
        found: list[Example] = []
        for number, sound in enumerate(sounds):
            clean = sound.mean(axis=0)[: round(HEARD_S * SAMPLE_RATE_HZ)]
            worn = Hiss(snr_db=HISS_DB[number % 2], seed=number).apply(clean, SAMPLE_RATE_HZ)
            found.append(heard(np.ascontiguousarray(worn, np.float32)))
        return found

    def answers(ours: Sequence[Outputs], theirs: Sequence[Outputs]) -> Answers:
        says = [np.concatenate([(one["gains"] > 0.5).ravel() for one in side]) for side in (ours, theirs)]
        return Answers.of("more than half of a bin kept", says[0].astype(int), says[1].astype(int))

    noise = np.random.default_rng(0).normal(0, 0.01, at.n_fft + 19 * at.hop).astype(np.float32)
    return Network(
        kind=HISS_KIND,
        module=Gains(denoiser, at).eval(),
        sample_rate_hz=SAMPLE_RATE_HZ,
        front_end=INSIDE,
        inputs=(
            Port(name="audio", axes=("one", "samples"), unit="full scale = 1, mono"),
            Port(name="quantiles", axes=("one", "shares", "rows"), unit="dB; white noise of RMS 1 has 0 dB"),
        ),
        outputs=(
            Port(name="gains", axes=("one", "bins", "frames"), unit="amplitude, 0.01 to 1"),
            Port(name="floor", axes=("one", "rows"), unit="dB; white noise of RMS 1 has 0 dB"),
        ),
        example=heard(noise),
        growing={"audio": {1: None}},
        examples=examples,
        answers=answers,
        int8="static",
        limit=1e-3,
        weights_sha256=denoiser.fingerprint,
        recipe=load_model(weights or HISS_WEIGHTS).metadata["recipe"],
        about={
            "n_fft": at.n_fft,
            "hop_samples": at.hop,
            "reach_frames": denoiser.network.reach,
            "quantiles": list(QUANTILES),
            "row_of_bin": at.row_of_bin.tolist(),
        },
    )


def clicks(weights: Path | None = None) -> Network:
    """The click detector, on features."""
    declicker = Declicker.shipped() if weights is None else Declicker.load(weights)

    def examples(sounds: Sequence[Sound]) -> list[Example]:
        found: list[Example] = []
        for number, sound in enumerate(sounds):
            clean = sound.mean(axis=0)[: round(HEARD_S * SAMPLE_RATE_HZ)].astype(np.float32)
            worn = Clicks.draw(generator(number, "export")).apply(clean, SAMPLE_RATE_HZ).astype(np.float64)
            features = analyse(worn, SAMPLE_RATE_HZ, declicker.recipe.analysis).features
            found.append({"features": torch.from_numpy(features[:, : len(worn) // STACKED * STACKED])[None]})
        return found

    def answers(ours: Sequence[Outputs], theirs: Sequence[Outputs]) -> Answers:
        limit = np.log(SURE / (1 - SURE))
        says = [np.concatenate([(one["hit"] > limit).ravel() for one in side]) for side in (ours, theirs)]
        return Answers.of("a sample is damaged", says[0].astype(int), says[1].astype(int))

    return Network(
        kind=CLICKS_KIND,
        module=declicker.net,
        sample_rate_hz=SAMPLE_RATE_HZ,
        front_end="outside: residuals of linear predictors, solved in float64 (restore/clicks/features.py)",
        inputs=(
            Port(name="features", axes=("one", "features", "samples"), unit="as restore/clicks/features.py"),
        ),
        outputs=(
            Port(name="hit", axes=("one", "samples"), unit="log-odds"),
            Port(name="size", axes=("one", "samples"), unit="natural log of residual scales"),
        ),
        example={"features": torch.zeros(1, FEATURES, 64 * STACKED)},
        growing={"features": {2: STACKED}},
        examples=examples,
        answers=answers,
        weights_sha256=declicker.fingerprint,
        recipe=load_model(weights or CLICKS_WEIGHTS).metadata["recipe"],
        about={"context_samples": declicker.net.context_samples, "multiple_of_samples": STACKED},
    )


NETWORKS = {"hiss": hiss, "clicks": clicks}
