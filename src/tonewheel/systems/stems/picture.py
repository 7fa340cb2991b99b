"""Pictures of stems: what each took of the mix over time, in a colour of its own, and their spectra."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.spectra import power
from tonewheel.core.units import format_time_s

Audio = NDArray[np.float32]

COLOURS = {
    "vocals": "#b3402e", "drums": "#3d3a36", "bass": "#2f6f8f", "harmonic": "#c48a1c", "perc": "#7a8f2f",
    "sub": "#26415c", "other": "#c48a1c", "accompaniment": "#2f6f8f",
}  # fmt: skip
INK, SOFT, LINE = "#1c1b19", "#6d6a64", "#dedad2"
N_FFT = 2048
COLUMNS = 500
SPAN_DB = 70.0


def draw(
    rows: Sequence[tuple[str, Sequence[tuple[str, Audio]]]], sample_rate_hz: int, top_hz: float = 11_000
) -> bytes:
    """A PNG with a row of spectrograms for each stem: (stem, [(title, mono (samples,)), ...]), one scale for all."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    columns = max(len(row) for _, row in rows)
    figure = Figure(figsize=(12, 0.3 + 1.35 * len(rows)), facecolor="white", layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False, sharex=True, sharey=True)
    levels = [[_level(audio, sample_rate_hz, top_hz) for _, audio in row] for _, row in rows]
    high = max(float(level.max(initial=-120)) for row in levels for level in row)
    for at, (stem, row) in enumerate(rows):
        ramp = LinearSegmentedColormap.from_list(stem, ["#ffffff", COLOURS.get(stem, INK), "#000000"])
        for number, (title, audio) in enumerate(row):
            cell = axes[at][number]
            cell.imshow(
                levels[at][number], origin="lower", aspect="auto", vmin=high - SPAN_DB, vmax=high + 12, cmap=ramp,
                extent=(0, len(audio) / sample_rate_hz, 0, min(top_hz, sample_rate_hz / 2) / 1000),
            )  # fmt: skip
            cell.set_title(title, loc="left", fontsize=9, color=INK, pad=2)
            cell.tick_params(colors=SOFT, labelsize=7, length=2)
            cell.xaxis.set_major_formatter(lambda value, _: format_time_s(value))
            for spine in cell.spines.values():
                spine.set_color(LINE)
        axes[at][0].set_ylabel("kHz", fontsize=8, color=SOFT)
    return _png(figure)


def bars(figures: Mapping[str, Mapping[str, float]], label: str) -> bytes:
    """A PNG of bars: {method: {stem: figure}}, stems side by side, methods in shades."""
    from matplotlib.figure import Figure

    stems = list(dict.fromkeys(stem for row in figures.values() for stem in row))
    figure = Figure(figsize=(12, 3.6), facecolor="white", layout="constrained")
    axes = figure.subplots()
    wide = 0.8 / max(1, len(figures))
    for number, (method, row) in enumerate(figures.items()):
        at = [
            place + (number - len(figures) / 2 + 0.5) * wide
            for place, stem in enumerate(stems)
            if stem in row
        ]
        values = [row[stem] for stem in stems if stem in row]
        shade = "#8a5a12" if method == "tonewheel" else str(0.85 - 0.55 * number / max(1, len(figures) - 1))
        axes.bar(at, values, wide * 0.92, label=method, color=shade)
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.set_xticks(range(len(stems)), stems)
    axes.set_ylabel(label, fontsize=9, color=SOFT)
    axes.tick_params(colors=SOFT, labelsize=9, length=3)
    for spine in axes.spines.values():
        spine.set_color(LINE)
    axes.legend(fontsize=8, frameon=False, ncols=3)
    return _png(figure)


def _level(audio: Audio, sample_rate_hz: int, top_hz: float) -> NDArray[np.float64]:
    """Level in dB, (bins up to `top_hz`, at most about `COLUMNS`), pooled by the greatest."""
    level = power(np.pad(audio, (N_FFT // 2, N_FFT)), N_FFT, N_FFT // 2)
    level = level[: max(2, int(min(top_hz, sample_rate_hz / 2) * N_FFT / sample_rate_hz))]
    starts = np.arange(0, level.shape[1], max(1, level.shape[1] // COLUMNS))
    return np.asarray(10 * np.log10(np.maximum.reduceat(level, starts, axis=1).astype(np.float64) + 1e-9))


def _png(figure: Any) -> bytes:
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=110, metadata={"Software": None})
    return drawn.getvalue()
