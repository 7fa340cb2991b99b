"""Pictures of a profile: the map of the tracks, how each measure is spread, and the course and kick of each cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.systems.similar.clusters import LEAST_SPREAD, rows_of, standardised
from tonewheel.systems.similar.features.record import Features
from tonewheel.systems.similar.profile import Profile

Floats = NDArray[np.float64]

COLOURS = (
    "#4e79a7", "#e8842a", "#59a14f", "#e15759", "#b07aa1",
    "#3aa6a0", "#cfa12a", "#9c755f", "#d37295", "#7b8fd4",
)  # fmt: skip
INK, SOFT, LINE = "#1c1b19", "#6d6a64", "#dedad2"
UNITS = {
    "tempo_bpm": "tempo, BPM",
    "energy_mean": "energy, mean of its curve",
    "energy_progression": "energy, 1 rises, 0 falls",
    "kick_on_beats": "kick on the beats, share",
    "sidechain_depth_db": "pumping, dB",
    "stereo_width": "stereo width, share of the side",
    "brightness_hz": "brightness, Hz",
    "loudness_lufs": "loudness, LUFS",
    "loudness_range_lu": "loudness range, LU",
    "minor": "minor (1) or major (0)",
}
LONGEST_NAME = 28
BINS = 16


def plane(rows: Floats) -> Floats:
    """Rows (n, measures) on the two axes along which they differ most, (n, 2); principal components."""
    centred = rows - rows.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    # The sign of an axis is arbitrary: the largest entry is made positive, so that a picture stays as it was.
    axes = axes[:2] * np.sign(axes[:2, np.abs(axes[:2]).argmax(axis=1)].diagonal())[:, None]
    flat = centred @ axes.T
    return np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))


def draw_map(profile: Profile, tracks: Sequence[Features]) -> Any:
    """The tracks as dots, near where their measures are alike; the exemplars of each cluster are named."""
    from matplotlib.figure import Figure

    at = plane(standardised(rows_of(tracks)))
    figure = Figure(figsize=(10, 6.2), facecolor="white")
    axes = figure.add_subplot()
    number_of = {track.path: number for number, track in enumerate(tracks)}
    for cluster in profile.clusters:
        inside = [place.index for place in profile.track_metadata if place.cluster == cluster.cluster_id]
        colour = COLOURS[cluster.cluster_id % len(COLOURS)]
        axes.scatter(
            at[inside, 0],
            at[inside, 1],
            s=26,
            color=colour,
            alpha=0.75,
            linewidths=0,
            label=_plain(cluster.name),
        )
        for path in cluster.exemplar_tracks:
            x, y = at[number_of[path]]
            # Names of dots on the right stand left of them, or they would run out of the frame.
            left = x > (at[:, 0].min() + at[:, 0].max()) / 2
            axes.annotate(
                _plain(_short(path)),
                (x, y),
                (-4 if left else 4, 4),
                textcoords="offset points",
                ha="right" if left else "left",
                fontsize=7,
                color=INK,
            )
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(LINE)
    return figure


def draw_spreads(profile: Profile, tracks: Sequence[Features]) -> Any:
    """A histogram of every measure, the clusters one on the other."""
    from matplotlib.figure import Figure

    values = np.array([list(track.numbers().values()) for track in tracks])
    labels = np.array([place.cluster for place in profile.track_metadata])
    figure = Figure(figsize=(11, 5), facecolor="white", layout="constrained")
    grid = figure.subplots(2, 5)
    for column, (name, axes) in enumerate(zip(LEAST_SPREAD, grid.flat, strict=True)):
        parts = [values[labels == cluster.cluster_id, column] for cluster in profile.clusters]
        low, high = float(values[:, column].min()), float(values[:, column].max())
        edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
        colours = [COLOURS[cluster.cluster_id % len(COLOURS)] for cluster in profile.clusters]
        axes.hist(parts, edges, stacked=True, color=colours)
        axes.set_title(UNITS[name], fontsize=8, color=INK)
        _bare(axes)
    return figure


def draw_courses(profile: Profile, tracks: Sequence[Features]) -> Any:
    """For each cluster the mean energy curve with the middle half of the tracks, and the mean kick pattern."""
    from matplotlib.figure import Figure

    count = len(profile.clusters)
    figure = Figure(figsize=(11, 0.5 + 1.25 * count), facecolor="white", layout="constrained")
    grid = figure.subplots(count, 2, squeeze=False, width_ratios=(3, 2))
    for cluster, (left, right) in zip(profile.clusters, grid, strict=True):
        colour = COLOURS[cluster.cluster_id % len(COLOURS)]
        inside = [
            tracks[place.index] for place in profile.track_metadata if place.cluster == cluster.cluster_id
        ]
        curves = np.array([track.energy_curve for track in inside])
        time = (np.arange(curves.shape[1]) + 0.5) / curves.shape[1]
        low, high = np.quantile(curves, [0.25, 0.75], axis=0)
        left.fill_between(time, low, high, color=colour, alpha=0.25, linewidth=0)
        left.plot(time, curves.mean(axis=0), color=colour)
        left.set(ylim=(0, 1.05), xlim=(0, 1))
        left.set_title(_plain(cluster.name), fontsize=8, color=INK, loc="left")
        kicks = np.mean([track.kick_pattern for track in inside], axis=0)
        right.bar(np.arange(1, 17), kicks, color=colour, width=0.8)
        right.set(ylim=(0, 1.05), xticks=(1, 5, 9, 13))
        for axes in (left, right):
            _bare(axes)
    grid[-1, 0].set_xlabel("energy, from the beginning to the end", fontsize=8, color=SOFT)
    grid[-1, 1].set_xlabel("kick, sixteenths of the bar", fontsize=8, color=SOFT)
    return figure


def _bare(axes: Any) -> None:
    axes.tick_params(labelsize=7, colors=SOFT, length=2)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
    axes.set_yticks([])


def _short(path: str) -> str:
    name = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _plain(text: str) -> str:
    """Without what matplotlib reads as a formula, and without letters that its font does not have."""
    return "".join(
        letter if letter.isprintable() and ord(letter) < 0x2500 else "?" for letter in text
    ).replace("$", "\\$")
