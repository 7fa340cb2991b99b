"""The map of an index: a dot is a track, near those that sound alike; colours are styles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tonewheel.systems.similar.layout import on_a_plane
from tonewheel.systems.similar.library import Library
from tonewheel.systems.similar.profile_picture import COLOURS, INK, LINE

MOST_TRACKS = 2000
"""More would be one blot, and minutes of layout: the map then shows a sample, evenly spread over the index."""
MOST_STYLES = 12
LONGEST_NAME = 26


def draw_map(library: Library, marked: Mapping[str, str] | None = None) -> Any:
    """A matplotlib figure; `marked` are tracks to ring, with what to write beside them."""
    from matplotlib.figure import Figure

    every = max(1, -(-len(library) // MOST_TRACKS))
    shown = sorted({*range(0, len(library), every), *(library.number[track] for track in marked or {})})
    places = on_a_plane(library.vectors.vectors[shown])
    place_of = dict(zip(shown, places, strict=True))
    figure = Figure(figsize=(10, 6.6), facecolor="white")
    axes = figure.add_subplot()
    names = library.about.styles.names
    for style in range(-1, min(len(names), MOST_STYLES)):
        inside = [
            n
            for n in shown
            if library.style_of[n] == style or (style < 0 and library.style_of[n] >= MOST_STYLES)
        ]
        if not inside:
            continue
        label = _plain(names[style]) if style >= 0 else "other" if names else "tracks"
        colour = COLOURS[style % len(COLOURS)] if style >= 0 else "#8a8680"
        x, y = zip(*(place_of[n] for n in inside), strict=True)
        axes.scatter(x, y, s=30, color=colour, alpha=0.75, linewidths=0, label=label)
    for track, words in (marked or {}).items():
        x, y = place_of[library.number[track]]
        axes.scatter([x], [y], s=110, facecolors="none", edgecolors=INK, linewidths=1.2)
        axes.annotate(_plain(words), (x, y), (7, 5), textcoords="offset points", fontsize=8, color=INK)
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.set_xticks([])
    axes.set_yticks([])
    axes.margins(0.06)
    for spine in axes.spines.values():
        spine.set_color(LINE)
    return figure


def _plain(text: str) -> str:
    """A name as matplotlib should write it: short, and with no mathematics in it."""
    cut = text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"
    return "".join(letter if letter.isprintable() else "?" for letter in cut).replace("$", r"\$")
