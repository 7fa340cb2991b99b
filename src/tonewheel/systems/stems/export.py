"""The separator as an ONNX file for browsers: the network alone, powers of rows in, shares of rows out.

Fourier transforms stay outside. In onnxruntime-web they take longer than in JavaScript, and a spectrum of all bins
that goes in, and shares of all bins that come out, are ten times the numbers (benchmarks/browser.py). All that a
caller has to know to make powers of a sound, and stems of shares, is in the file's card, so the JavaScript holds no
table of ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tonewheel.core.records import Record
from tonewheel.export.int8_weights import rounded, with_int8_weights
from tonewheel.export.onnx_file import traced, write_onnx
from tonewheel.export.parity import Parity, onnx_parity, refuse_unlike
from tonewheel.manifest.stems import FOLDS, STEMS
from tonewheel.systems.stems.masker import NetMasker
from tonewheel.systems.stems.model import CONTEXT, FULL_SCALE, GRID, NET_STEMS
from tonewheel.systems.stems.rows import BINS, HOP, N_FFT, ROWS, SAMPLE_RATE_HZ, row_starts, sub_share
from tonewheel.systems.stems.separate import REST

KIND = "stems separator rows"
TRACED_FRAMES = 2 * GRID
PROVED_FRAMES = (GRID, 10 * GRID)
"""Lengths at which the export is compared with torch; none is the one that was traced."""


class Exported(Record):
    """What was written: the file, its SHA-256 and size, what is in it, and how near it is to torch."""

    path: str
    sha256: str
    size_bytes: int
    weights: str  # float32 or int8
    weights_sha256: str
    parity: Parity
    int8_cost: Parity | None = None  # against the float32 weights


def export_separator(masker: NetMasker, out: Path, *, int8: bool = False) -> Exported:
    """Write the network of `masker`; ModelMismatchError, and no file, when it does not compute what torch does."""
    core = masker.network.core
    reference: nn.Module = rounded(core) if int8 else core
    graph = traced(reference, example(TRACED_FRAMES), ["shares"], {"power": {3: GRID}})
    if int8:
        graph = with_int8_weights(graph, core)
    trial = out.with_name(f".{out.name}.trial")
    proofs = [example(frames, seed) for seed, frames in enumerate(PROVED_FRAMES, start=1)]
    try:
        digest = write_onnx(graph, trial, about(masker, int8))
        (parity,) = onnx_parity(reference, trial, proofs)
        cost = onnx_parity(core, trial, proofs)[0] if int8 else None
        refuse_unlike([parity], out)
        trial.replace(out)
    finally:
        trial.unlink(missing_ok=True)
    return Exported(
        path=str(out),
        sha256=digest,
        size_bytes=out.stat().st_size,
        weights="int8" if int8 else "float32",
        weights_sha256=masker.fingerprint,
        parity=parity,
        int8_cost=cost,
    )


def about(masker: NetMasker, int8: bool) -> dict[str, Any]:
    """What the card says: names, the frequency axis, and how far the network looks."""
    sub = sub_share()
    return {
        "kind": KIND,
        "stems": list(STEMS),
        "net_stems": list(NET_STEMS),
        "rest": REST,
        "folds": {
            str(count): {name: list(stems) for name, stems in fold.items()} for count, fold in FOLDS.items()
        },
        "sample_rate_hz": SAMPLE_RATE_HZ,
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
        "weights": "int8" if int8 else "float32",
        "weights_sha256": masker.fingerprint,
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
