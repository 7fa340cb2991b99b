"""A picture of what was measured: impulses over time, the floor under the music, the bass, sizes and widths."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from tonewheel.core.units import format_time_s
from tonewheel.systems.restore.measure.histogram import LOWEST_DB
from tonewheel.systems.restore.measure.impulses import Found
from tonewheel.systems.restore.measure.recording import Measured
from tonewheel.systems.restore.picture import INK, LINE, SOFT

CLICK, MUSIC, NOISE, HUM = "#a8321f", "#2f7f86", "#c77716", "#7a4fa3"
MOST_DOTS = 20_000
LOW_HZ = (4.0, 400.0)
TURNS = ((78.26, "78"), (45.0, "45"), (100 / 3, "33"))


def draw(measured: Measured) -> bytes:
    """A PNG of a measurement; what was not found is drawn empty, so that pictures can be laid side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 8.4), facecolor="white", layout="constrained")
    grid = figure.add_gridspec(3, 6, height_ratios=[1.0, 1.15, 0.95])
    found = Found.joined(measured.clicks)
    panels = (
        (_over_time, grid[0, :], "Impulses: when, and how large (of full scale)"),
        (_floor, grid[1, :3], "Noise floor under the music (dB of full scale in 1 Hz)"),
        (_bass, grid[1, 3:], "Bass: hum and rumble stay, music comes and goes"),
        (_sizes, grid[2, :2], "Sizes"),
        (_widths, grid[2, 2:4], "Widths"),
        (_gaps, grid[2, 4:], "Time to later impulses"),
    )
    for draw_panel, place, title in panels:
        axes = figure.add_subplot(place)
        axes.set_title(title, loc="left", fontsize=10, color=INK)
        axes.tick_params(colors=SOFT, labelsize=9, length=3)
        for spine in axes.spines.values():
            spine.set_color(LINE)
        draw_panel(axes, measured, found)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=110, metadata={"Software": None})
    return drawn.getvalue()


def _over_time(axes: Any, measured: Measured, found: Found) -> None:
    profile = measured.profile
    axes.set_yscale("log")
    axes.set_ylim(1e-4, 2.0)
    axes.set_xlim(0, max(profile.seconds, 0.1))
    axes.xaxis.set_major_formatter(lambda value, _: format_time_s(value))
    axes.axhline(max(profile.music_rms, 1e-4), color=MUSIC, linewidth=1, label="RMS of the music")
    step = max(1, len(found.starts) // MOST_DOTS)
    times_s = found.starts[::step] / measured.sample_rate_hz
    axes.scatter(
        times_s, found.amplitudes[::step], s=7, color=CLICK, alpha=0.45, linewidths=0, label="impulses"
    )
    axes.legend(loc="upper right", fontsize=8, framealpha=0.8, edgecolor="none", labelcolor=SOFT)


def _floor(axes: Any, measured: Measured, _: Found) -> None:
    floor, profile = measured.floor, measured.profile
    there = floor.loud_db > LOWEST_DB + 1
    axes.set_xscale("log")
    axes.plot(floor.centres_hz[there], floor.loud_db[there], color=MUSIC, label="loudest moments")
    axes.plot(floor.centres_hz[there], floor.density_db[there], color=NOISE, label="floor")
    sure = there & floor.evident
    axes.scatter(floor.centres_hz[sure], floor.density_db[sure], s=16, color=NOISE, label="where it is noise")
    if profile.bandwidth_hz[1] > 0:
        axes.axvline(profile.bandwidth_hz[1], color=SOFT, linewidth=0.8, linestyle=":")
    axes.set_xlim(40, 0.5 * measured.sample_rate_hz)
    _decibels(axes, np.concatenate((floor.loud_db[there], floor.density_db[there])))
    _hertz(axes, (100, 1000, 10_000))
    axes.legend(loc="lower left", fontsize=8, frameon=False, labelcolor=SOFT)


def _bass(axes: Any, measured: Measured, _: Found) -> None:
    low, profile = measured.low, measured.profile
    loud, stays = low.levels.quantile(0.95), low.levels.quantile(0.2)
    inside = (low.bins_hz >= LOW_HZ[0]) & (low.bins_hz <= min(LOW_HZ[1], 0.45 * measured.sample_rate_hz))
    there = inside & (loud > LOWEST_DB + 1)
    axes.set_xscale("log")
    axes.set_xlim(*LOW_HZ)
    axes.plot(low.bins_hz[there], loud[there], color=MUSIC, linewidth=0.8, label="loudest 5 %")
    axes.plot(low.bins_hz[there], stays[there], color=NOISE, linewidth=0.8, label="what stays")
    if profile.hum is not None:
        for number, level in enumerate(profile.hum.harmonics_db, start=1):
            if level > -60:
                axes.axvline(number * profile.hum.frequency_hz, color=HUM, linewidth=0.8, alpha=0.6)
        axes.plot([], [], color=HUM, label=f"hum, {profile.hum.frequency_hz:.2f} Hz")
    if profile.rumble is not None:
        axes.axvspan(
            LOW_HZ[0], profile.rumble.cutoff_hz, color=CLICK, alpha=0.12, linewidth=0, label="rumble"
        )
    _decibels(axes, np.concatenate((loud[there], stays[there])))
    _hertz(axes, (10, 50, 100, 200))
    axes.legend(loc="upper left", fontsize=8, framealpha=0.8, edgecolor="none", labelcolor=SOFT)


def _bars(axes: Any, values: Any, bins: Any) -> None:
    if len(values):
        axes.hist(values, bins=bins, color=CLICK, alpha=0.7)
    else:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", color=SOFT)


def _sizes(axes: Any, measured: Measured, found: Found) -> None:
    axes.set_xscale("log")
    axes.set_xlim(1e-4, 2.0)
    _bars(axes, found.amplitudes, np.geomspace(1e-4, 2.0, 50).tolist())
    for kind in (measured.profile.clicks, measured.profile.crackle):
        if kind is not None:
            axes.axvline(kind.amplitude, color=INK, linewidth=1)
    axes.set_xlabel("of full scale; strokes: medians as fitted", fontsize=8, color=SOFT)


def _widths(axes: Any, measured: Measured, found: Found) -> None:
    widths_ms = 1000 * found.widths / measured.sample_rate_hz
    axes.set_xscale("log")
    axes.set_xlim(0.01, 4.0)
    _bars(axes, widths_ms, np.geomspace(0.01, 4.0, 40).tolist())
    axes.set_xlabel("ms", fontsize=8, color=SOFT)


def _gaps(axes: Any, measured: Measured, _: Found) -> None:
    """All pairs up to 2 s apart: bursts make the left end high, scratches stand at the turns."""
    gaps = [np.zeros(0)]
    for channel in measured.clicks:
        times_s = channel.starts[:3000] / measured.sample_rate_hz
        for step in range(1, min(len(times_s), 400)):
            apart = times_s[step:] - times_s[:-step]
            gaps.append(apart[apart < 2.0])
    _bars(axes, np.concatenate(gaps), np.linspace(0, 2.0, 201).tolist())
    axes.set_xlim(0, 2.0)
    top = axes.get_ylim()[1]
    for turns, name in TURNS:
        axes.axvline(60 / turns, color=SOFT, linewidth=0.7, linestyle=":")
        axes.text(60 / turns, top * 0.98, f" {name}", fontsize=8, color=SOFT, va="top")
    axes.set_xlabel("s; dotted: one turn at 78, 45, 33", fontsize=8, color=SOFT)


def _decibels(axes: Any, values: Any) -> None:
    """Limits that a band of silence does not stretch."""
    heard = values[values > -140.0]
    low, high = (float(heard.min()), float(heard.max())) if len(heard) else (-120.0, -40.0)
    axes.set_ylim(max(low, high - 110) - 5, high + 5)


def _hertz(axes: Any, marks: tuple[int, ...]) -> None:
    axes.set_xticks(marks, [f"{mark} Hz" if mark < 1000 else f"{mark // 1000} kHz" for mark in marks])
    axes.minorticks_off()
