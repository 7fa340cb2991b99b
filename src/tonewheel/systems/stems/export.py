"""What `stems export` writes: the separator's network alone, powers of rows in, shares of rows out.

Fourier transforms stay outside. In onnxruntime-web they take longer than in JavaScript, and a spectrum of all bins
that goes in, and shares of all bins that come out, are ten times the numbers (benchmarks/browser.py). All that a
caller has to know to make powers of a sound, and stems of shares, is in the file's card, so the JavaScript holds no
table of ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tonewheel.export.network import Answers, Example, Network, Outputs, Port, Sound
from tonewheel.learn.checkpoint import load_model
from tonewheel.manifest.stems import FOLDS, STEMS
from tonewheel.systems.stems.masker import WEIGHTS, NetMasker
from tonewheel.systems.stems.model import CONTEXT, FULL_SCALE, GRID, NET_STEMS
from tonewheel.systems.stems.rows import BINS, HOP, N_FFT, ROWS, SAMPLE_RATE_HZ, row_starts, sub_share
from tonewheel.systems.stems.separate import REST
from tonewheel.systems.stems.spectra import analyse

KIND = "stems separator rows"
TRACED_FRAMES = 2 * GRID
HEARD_FRAMES = (2 * GRID + GRID, 10 * GRID)
"""Of the sounds at which the export is compared with torch, in turn; neither is the length that was traced."""


def separator(weights: Path | None = None) -> Network:
    """The separator."""
    return network_of(NetMasker.load(weights), load_model(weights or WEIGHTS).metadata["recipe"])


def network_of(masker: NetMasker, recipe: Mapping[str, Any]) -> Network:
    """The network of a masker, whatever its weights."""
    core = masker.network.core

    def examples(sounds: Sequence[Sound]) -> list[Example]:
        """Powers of sounds, and powers from silence to full scale that no sound has."""
        found: list[Example] = [
            example(frames, seed) for seed, frames in enumerate((GRID, 10 * GRID), start=1)
        ]
        for number, sound in enumerate(sounds):
            stereo = torch.from_numpy(np.ascontiguousarray(np.resize(sound, (2, sound.shape[1]))))
            spectrum = analyse(stereo)[..., : HEARD_FRAMES[number % 2], :]
            power = torch.matmul(masker.network.to_rows, spectrum.square().sum(-1))[None]
            found.append({"power": power, "context": torch.zeros(1, CONTEXT)})
        return found

    def answers(ours: Sequence[Outputs], theirs: Sequence[Outputs]) -> Answers:
        says = [
            np.concatenate([one["shares"].argmax(axis=1).ravel() for one in side]) for side in (ours, theirs)
        ]
        return Answers.of("loudest stem of a row", says[0], says[1])

    return Network(
        kind=KIND,
        module=core,
        sample_rate_hz=SAMPLE_RATE_HZ,
        front_end="outside: a browser transforms faster in JavaScript, with a tenth of the numbers to pass",
        inputs=(
            Port(name="power", axes=("one", "mid and side", "rows", "frames"), unit="power of full_scale"),
            Port(name="context", axes=("one", "numbers"), unit="what is known of the music; zeros: nothing"),
        ),
        outputs=(
            Port(
                name="shares",
                axes=("one", "net_stems", "mid and side", "rows", "frames"),
                unit="share, 0 to 1",
            ),
        ),
        example=example(TRACED_FRAMES),
        growing={"power": {3: GRID}},
        examples=examples,
        answers=answers,
        weights_sha256=masker.fingerprint,
        recipe=recipe,
        about=about(masker),
    )


def about(masker: NetMasker) -> dict[str, Any]:
    """What the card says beside names and units: the frequency axis, the stems, and how far the network looks."""
    sub = sub_share()
    return {
        "stems": list(STEMS),
        "net_stems": list(NET_STEMS),
        "rest": REST,
        "folds": {
            str(count): {name: list(stems) for name, stems in fold.items()} for count, fold in FOLDS.items()
        },
        "n_fft": N_FFT,
        "hop": HOP,
        "bins": BINS,
        "full_scale": FULL_SCALE,
        "row_starts": row_starts().tolist(),
        # Exactly 0 from some bin on.
        "sub_share": [float(share) for share in sub[: int((sub > 0).sum())]],
        "grid": GRID,
        "reach": masker.reach,
        "context": CONTEXT,
    }


def example(frames: int, seed: int = 0) -> dict[str, Tensor]:
    """Powers from silence to full scale, and a context.

    >>> {name: tuple(value.shape) for name, value in example(32).items()}
    {'power': (1, 2, 304, 32), 'context': (1, 16)}
    """
    numbers = torch.Generator().manual_seed(seed)
    power = 10.0 ** (torch.rand(1, 2, ROWS, frames, generator=numbers) * 14 - 9)
    power[..., : frames // 4] = 0.0
    return {"power": power, "context": torch.rand(1, CONTEXT, generator=numbers)}


NETWORKS = {"separator": separator}
