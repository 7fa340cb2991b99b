"""Hits over the spectrogram: one lane a drum above the sound that they were heard in."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.spectra import MelSpec, log_mel, mel_filterbank
from tonewheel.core.units import format_time_s
from tonewheel.manifest.components import class_of, fold
from tonewheel.manifest.drum_hits import DrumHit
from tonewheel.manifest.timing import Timing, beats_a_bar

Floats = NDArray[np.float32]

ROW_S = 12.0
LANES = ("kick", "snare", "hihat", "tom", "cymbal", "aux_percussion")
"""From below to above."""
COLOURS = {
    "kick": "#a8321f",
    "snare": "#c77716",
    "hihat": "#2f7f86",
    "tom": "#7a4fa3",
    "cymbal": "#4a7a2c",
    "aux_percussion": "#6d6a64",
}
INK, SOFT, LINE = "#1c1b19", "#6d6a64", "#dedad2"
RAMP = ("#ffffff", "#f5e3c3", "#d99a45", "#8a4a12", "#2a1307")
SPAN_DB = 60.0
MARKS_HZ = (100, 400, 1600, 6400)


def lane_of(hit: DrumHit) -> str:
    """The lane of a hit.

    >>> lane_of(DrumHit(onset_s=0, label="hihat_pedal")), lane_of(DrumHit(onset_s=0, label="aux_percussion"))
    ('hihat', 'aux_percussion')
    """
    return fold(hit.label, 5) or class_of(hit.label)


def draw(
    audio: Floats,
    sample_rate_hz: int,
    hits: Sequence[DrumHit],
    timing: Timing | None = None,
    reference: Sequence[DrumHit] | None = None,
    *,
    start_s: float = 0.0,
) -> bytes:
    """A PNG of mono audio that begins at `start_s`, in rows of 12 s; rings are where `reference` has hits.

    Dots are hits, larger when harder, hollow where a hat or a cymbal rings; strokes are beats, firm ones bars.
    """
    from matplotlib.figure import Figure

    seconds = max(len(audio) / sample_rate_hz, 0.5)
    rows = max(1, int(np.ceil(seconds / ROW_S - 0.02)))
    row_s = min(seconds, ROW_S)
    figure = Figure(figsize=(12, 0.4 + 2.7 * rows), facecolor="white", layout="constrained")
    grid = figure.add_gridspec(2 * rows, 1, height_ratios=[1.0, 1.3] * rows, hspace=0.02)
    lanes = [lane for lane in LANES if any(lane_of(hit) == lane for hit in (*hits, *(reference or ())))]
    mel, spec = _spectrogram(audio, sample_rate_hz)
    high = float(np.percentile(mel, 99.7))
    for row in range(rows):
        first_s = start_s + row * ROW_S
        above, below = figure.add_subplot(grid[2 * row]), figure.add_subplot(grid[2 * row + 1])
        for axes in (above, below):
            axes.set_xlim(first_s, first_s + row_s)
            axes.tick_params(colors=SOFT, labelsize=9, length=3)
            for spine in axes.spines.values():
                spine.set_color(LINE)
        _lanes(above, lanes or list(LANES), hits, reference, (first_s, first_s + row_s))
        if timing is not None:
            _beats(above, timing, first_s, first_s + row_s)
        _sound(below, mel, spec, high, start_s, seconds)
        for hit in hits:
            if first_s <= hit.onset_s < first_s + row_s:
                below.axvline(hit.onset_s, color=COLOURS[lane_of(hit)], linewidth=0.8, alpha=0.55)
        above.tick_params(labelbottom=False, bottom=False)
        below.xaxis.set_major_formatter(lambda value, _: format_time_s(value))
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=110, metadata={"Software": None})
    return drawn.getvalue()


def _lanes(
    axes: Any,
    lanes: Sequence[str],
    hits: Sequence[DrumHit],
    reference: Sequence[DrumHit] | None,
    span_s: tuple[float, float],
) -> None:
    axes.set_ylim(-0.6, len(lanes) - 0.4)
    axes.set_yticks(range(len(lanes)), [lane.replace("_", " ") for lane in lanes])
    axes.tick_params(axis="y", labelcolor=INK, length=0)
    for height, lane in enumerate(lanes):
        axes.axhline(height, color=LINE, linewidth=0.8, zorder=0)
        found = [hit for hit in hits if lane_of(hit) == lane and span_s[0] <= hit.onset_s < span_s[1]]
        rings = [hit.label in ("hihat_open", "crash") for hit in found]
        face = ["white" if hollow else COLOURS[lane] for hollow in rings]
        axes.scatter(
            [hit.onset_s for hit in found], [height] * len(found), s=[10 + 42 * h.velocity for h in found],
            c=face or None, edgecolors=COLOURS[lane], linewidths=1.4, zorder=2,
        )  # fmt: skip
        true = [h for h in reference or () if lane_of(h) == lane and span_s[0] <= h.onset_s < span_s[1]]
        axes.scatter(
            [hit.onset_s for hit in true], [height] * len(true), s=90, facecolors="none", edgecolors=INK,
            linewidths=0.7, zorder=1,
        )  # fmt: skip


def _beats(axes: Any, timing: Timing, first_s: float, last_s: float) -> None:
    time_s = first_s
    while time_s < last_s:
        point = timing.at(time_s)
        number = int(np.ceil((time_s - point.time_s) * point.bpm / 60 - 1e-6))
        time_s = point.time_s + number * 60 / point.bpm
        bar = number % beats_a_bar(point.meter) == 0
        axes.axvline(time_s, color=SOFT, linewidth=1.1 if bar else 0.5, alpha=0.6 if bar else 0.35, zorder=0)
        time_s += 0.25 * 60 / point.bpm


def _spectrogram(audio: Floats, sample_rate_hz: int) -> tuple[Floats, MelSpec]:
    """Log-mel in dB, (bands, frames); frame f is centred on f * hop samples."""
    top_hz = min(16_000.0, 0.48 * sample_rate_hz)
    spec = MelSpec(sample_rate_hz=sample_rate_hz, n_fft=2048, hop_samples=sample_rate_hz // 100, n_mels=96,
                   f_min_hz=30.0, f_max_hz=top_hz, mel_scale="htk")  # fmt: skip
    padded = np.pad(np.asarray(audio, np.float32), (spec.n_fft // 2, spec.n_fft))
    return log_mel(padded, spec) * np.float32(10 / np.log(10)), spec


def _sound(axes: Any, mel: Floats, spec: MelSpec, high: float, start_s: float, seconds: float) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    low_s, high_s = axes.get_xlim()
    rate = spec.frame_rate_hz
    first, last = int((low_s - start_s) * rate), int(np.ceil((high_s - start_s) * rate)) + 1
    shown = mel[:, first : min(last, int(seconds * rate) + 1)]
    if not shown.size:
        return
    left_s = start_s + (first - 0.5) / rate
    axes.imshow(
        shown, origin="lower", aspect="auto", interpolation="bilinear", vmin=high - SPAN_DB, vmax=high,
        extent=(left_s, left_s + shown.shape[1] / rate, 0, len(mel)),
        cmap=LinearSegmentedColormap.from_list("tone", RAMP),
    )  # fmt: skip
    axes.set_xlim(low_s, high_s)
    bank = np.asarray(mel_filterbank(spec), np.float64)
    hertz = np.arange(bank.shape[1]) * spec.sample_rate_hz / spec.n_fft
    centres = (bank @ hertz) / np.maximum(bank.sum(axis=1), 1e-12)
    marks = [mark for mark in MARKS_HZ if mark < spec.f_max_hz]
    heights = [float(np.interp(mark, centres, np.arange(len(mel)) + 0.5)) for mark in marks]
    axes.set_yticks(heights, [f"{mark} Hz" if mark < 1000 else f"{mark / 1000:g} kHz" for mark in marks])
