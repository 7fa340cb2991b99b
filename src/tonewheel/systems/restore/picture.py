"""Pictures of a recording before and after: the sound, its spectrum over time, and what was taken out."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.spectra import power
from tonewheel.core.units import format_time_s

Audio = NDArray[np.float32]

RAMP = ("#ffffff", "#f5e3c3", "#d99a45", "#8a4a12", "#2a1307")
INK, SOFT, LINE, HIT = "#1c1b19", "#6d6a64", "#dedad2", "#a8321f"
SPAN_DB = 90.0
WINDOW_S = 0.03
COLUMNS = 900
"""Frames are pooled to about so many columns: no screen shows more."""


def draw(
    sounds: Sequence[tuple[str, Audio]], sample_rate_hz: int, *, start_s: float = 0.0, top_hz: float = 16_000
) -> bytes:
    """A PNG with the wave form and the spectrogram of each sound, mono (samples,), one under the other.

    All share one scale of level, so that what was removed is seen at its true strength.
    """
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    count = len(sounds)
    figure = Figure(figsize=(12, 0.3 + 2.6 * count), facecolor="white", layout="constrained")
    grid = figure.add_gridspec(2 * count, 1, height_ratios=[0.45, 1.0] * count, hspace=0.02)
    levels = [_spectrogram(audio, sample_rate_hz, top_hz) for _, audio in sounds]
    high = max((float(np.percentile(level, 99.9)) for level in levels if level.size), default=0.0)
    peak = max((float(np.abs(audio).max(initial=0.0)) for _, audio in sounds), default=1.0) or 1.0
    for row, ((name, audio), level) in enumerate(zip(sounds, levels, strict=True)):
        seconds = len(audio) / sample_rate_hz
        above, below = figure.add_subplot(grid[2 * row]), figure.add_subplot(grid[2 * row + 1])
        for axes in (above, below):
            axes.set_xlim(start_s, start_s + seconds)
            axes.tick_params(colors=SOFT, labelsize=9, length=3)
            for spine in axes.spines.values():
                spine.set_color(LINE)
        _wave(above, audio, start_s, seconds, peak)
        above.set_title(name, loc="left", fontsize=10, color=INK)
        top = min(top_hz, sample_rate_hz / 2) / 1000
        below.imshow(
            level, origin="lower", aspect="auto", interpolation="bilinear", vmin=high - SPAN_DB, vmax=high,
            extent=(start_s, start_s + seconds, 0, top),
            cmap=LinearSegmentedColormap.from_list("tone", RAMP),
        )  # fmt: skip
        below.set_ylabel("kHz", fontsize=9, color=SOFT)
        above.tick_params(labelbottom=False, bottom=False)
        below.xaxis.set_major_formatter(lambda value, _: format_time_s(value))
    return _png(figure)


def draw_clicks(
    before: Audio, after: Audio, sample_rate_hz: int, places_s: Sequence[float], start_s: float = 0.0
) -> bytes:
    """A PNG of some clicks from near: the sound before in red, after in black, 6 ms around each."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 2.2), facecolor="white", layout="constrained")
    shown = list(places_s)[:5]
    for number, place_s in enumerate(shown):
        axes = figure.add_subplot(1, len(shown), number + 1)
        first = max(0, round((place_s - start_s - 0.002) * sample_rate_hz))
        last = min(len(before), first + round(0.006 * sample_rate_hz))
        time_ms = (np.arange(first, last) / sample_rate_hz + start_s - place_s) * 1000
        axes.plot(time_ms, before[first:last], color=HIT, linewidth=1.0)
        axes.plot(time_ms, after[first:last], color=INK, linewidth=1.0)
        axes.set_title(format_time_s(place_s), fontsize=9, color=SOFT)
        axes.tick_params(colors=SOFT, labelsize=8, length=3)
        for spine in axes.spines.values():
            spine.set_color(LINE)
        axes.set_xlabel("ms", fontsize=8, color=SOFT)
    return _png(figure)


def _wave(axes: Any, audio: Audio, start_s: float, seconds: float, peak: float) -> None:
    columns = min(len(audio), COLUMNS)
    if not columns:
        return
    edges = np.linspace(0, len(audio), columns, endpoint=False).astype(int)
    low, high = np.minimum.reduceat(audio, edges), np.maximum.reduceat(audio, edges)
    axes.fill_between(start_s + np.arange(columns) / columns * seconds, low, high, color=SOFT, linewidth=0.3)
    axes.set_ylim(-peak, peak)
    axes.set_yticks([])


def _spectrogram(audio: Audio, sample_rate_hz: int, top_hz: float) -> NDArray[np.float64]:
    """Level in dB, (bins up to `top_hz`, columns); pooled by the greatest level, so that no click is lost."""
    n_fft = max(64, 2 * round(WINDOW_S * sample_rate_hz / 2))
    padded = np.pad(audio, (n_fft // 2, n_fft))
    level = np.asarray(power(padded, n_fft, n_fft // 4), np.float64)
    level = level[: max(2, int(min(top_hz, sample_rate_hz / 2) * n_fft / sample_rate_hz))]
    pooled = max(1, level.shape[1] // COLUMNS)
    starts = np.arange(0, level.shape[1], pooled)
    return np.asarray(10 * np.log10(np.maximum.reduceat(level, starts, axis=1) + 1e-12))


def _png(figure: Any) -> bytes:
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=110, metadata={"Software": None})
    return drawn.getvalue()
