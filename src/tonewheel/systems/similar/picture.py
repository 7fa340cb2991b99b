"""The map of an index: a dot is a track, near those that sound alike; colours are styles or labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tonewheel.systems.similar.layout import on_a_plane
from tonewheel.systems.similar.library import Library
from tonewheel.systems.similar.profile_picture import COLOURS, INK, LINE

MOST_TRACKS = 2000
"""More would be one blot, and minutes of layout: the map then shows a sample, evenly spread over the index."""
MOST_STYLES = 20
"""The colours twice, as dots and as triangles; the rest is grey."""
LONGEST_NAME = 26


def draw_map(
    library: Library, marked: Mapping[str, str] | None = None, labels: Mapping[str, str] | None = None
) -> Any:
    """A matplotlib figure; `marked` are tracks to ring, with what to write beside them.

    `labels` are what is coloured instead of the styles of the index, by track.
    """
    from matplotlib.figure import Figure

    every = max(1, -(-len(library) // MOST_TRACKS))
    shown = sorted({*range(0, len(library), every), *(library.number[track] for track in marked or {})})
    places = on_a_plane(library.vectors.vectors[shown])
    place_of = dict(zip(shown, places, strict=True))
    figure = Figure(figsize=(10, 6.6), facecolor="white")
    axes = figure.add_subplot()
    if labels is None:
        names = library.about.styles.names
        labels = {
            track: names[n] for track, n in zip(library.tracks, library.style_of, strict=True) if n >= 0
        }
    kinds = [kind for kind, _ in Counter(labels.values()).most_common(MOST_STYLES)]
    for kind in [None, *sorted(kinds)]:
        inside = [n for n in shown if _among(labels.get(library.tracks[n]), kinds) == kind]
        if not inside:
            continue
        number = sorted(kinds).index(kind) if kind is not None else 0
        label = _plain(kind) if kind is not None else "other" if kinds else "tracks"
        colour = COLOURS[number % len(COLOURS)] if kind is not None else "#8a8680"
        x, y = zip(*(place_of[n] for n in inside), strict=True)
        marker = "o" if number < len(COLOURS) else "^"
        axes.scatter(x, y, s=30, color=colour, marker=marker, alpha=0.75, linewidths=0, label=label)
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


def _among(kind: str | None, kinds: Sequence[str]) -> str | None:
    return kind if kind in kinds else None


def _plain(text: str) -> str:
    """A name as matplotlib should write it: short, and with no mathematics in it."""
    cut = text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"
    return "".join(letter if letter.isprintable() else "?" for letter in cut).replace("$", r"\$")
