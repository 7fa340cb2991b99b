# /// script
# dependencies = ["museval==0.4.1", "numpy"]
# ///
"""Writes museval_figures.json beside it: what museval says of the signals below. Run it where museval is installed.

    python -m venv museval && museval/bin/pip install museval==0.4.1
    museval/bin/python tests/metrics/make_museval_figures.py [FILE]

museval needs an environment of its own; `test_separation.py` reads the file and makes the same signals. Told where
that environment is, it makes the file again and compares:

    MUSEVAL_PYTHON=museval/bin/python make test
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

RATE_HZ = 2000
FIGURES = Path(__file__).with_name("museval_figures.json")


def signals(stems: int = 3, channels: int = 2, seconds: float = 5.3) -> tuple[np.ndarray, np.ndarray]:
    """Coloured noise that comes and goes, and estimates with leakage, a filter and noise; one silent second.

    Integers, divided in the end, so that every machine makes the same. Shape: (stems, channels, samples) twice.
    """
    rng = np.random.Generator(np.random.PCG64(6))
    samples = int(RATE_HZ * seconds)
    white = rng.integers(-1000, 1000, (stems, channels, samples + 2)).astype(np.float64) / 1000
    right = (
        white[..., 2:]
        + 0.8 * white[..., 1:-1]
        + 0.3 * white[..., :-2] * np.arange(1, stems + 1)[:, None, None]
    )
    right[:, 1:] += 0.5 * right[:, :1]
    right *= np.linspace(0.2, 1.0, samples)
    right[0, :, RATE_HZ : 2 * RATE_HZ] = 0.0
    leaked = right + 0.2 * np.roll(right, 1, axis=0)
    found = leaked + 0.25 * np.roll(leaked, 3, axis=-1)
    return right, found + rng.integers(-1000, 1000, right.shape) / 20_000


def main(out: Path) -> None:
    """Write the figures to a file."""
    import museval

    right, found = (np.swapaxes(one, 1, 2) for one in signals())
    told = {}
    for name, window in (("windows", RATE_HZ), ("whole", np.inf)):
        sdr, isr, sir, sar, _ = museval.metrics.bss_eval(right, found, window=window, hop=window)
        figures = {"sdr_db": sdr, "isr_db": isr, "sir_db": sir, "sar_db": sar}
        told[name] = {key: [[None if np.isnan(x) else round(float(x), 6) for x in row] for row in value]
                      for key, value in figures.items()}  # fmt: skip
    out.write_text(json.dumps({"museval": version("museval"), **told}, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FIGURES)
