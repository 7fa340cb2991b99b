"""The alignment as a page: the waveform with its songs, how sure every moment is, and where to look first."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.units import format_time_s
from tonewheel.gates import html
from tonewheel.systems.concert.align.hear import Recording
from tonewheel.systems.concert.align.segments import Segment
from tonewheel.systems.concert.align.store import Alignment
from tonewheel.systems.concert.decode.fixes import UNKNOWN
from tonewheel.systems.concert.pack import printable

Floats = NDArray[np.float32]
COLOURS = (
    "#4e79a7", "#e8842a", "#59a14f", "#e15759", "#b07aa1",
    "#3aa6a0", "#cfa12a", "#9c755f", "#d37295", "#7b8fd4",
)  # fmt: skip
QUIET, NOBODY, INK, PAPER = "#e4e0d8", "#8a867e", "#1c1b19", "#ffffff"
ROW_S = 1800.0
"""Half an hour a row: a song is then wide enough for its name."""
TICKS_S = (10, 30, 60, 120, 300)
"""Seconds between two times on the axis; as many as there is room for."""
COLUMNS = 1600
LETTER = 13.0
"""Columns that a letter takes."""
LOOK_FIRST = 12


def page(alignment: Alignment, recording: Recording, posterior: Floats, songs: Sequence[str]) -> str:
    """One HTML file; `posterior` is (steps, songs + 2)."""
    found = alignment.segments
    known = [one for one in found if one.song != UNKNOWN]
    least = min((one.least for one in found), default=None)
    shown = html.figure(
        picture(alignment, recording, posterior, songs), alt="Waveform with the songs; " + _spoken(found)
    )
    sections = [
        html.cards(
            [
                ("songs", len(known), f"of {len(songs)} in the pack"),
                ("unknown songs", len(found) - len(known), "music, but none of the pack"),
                ("length", format_time_s(alignment.seconds).split(".")[0], "of the recording"),
                ("least certain", None if least is None else f"{least:.0%}", "of all songs and boundaries"),
            ]
        ),
        html.section(
            "The evening",
            html.Markup(f"<div class=scroll>{shown}</div>"),
            "Above, the waveform in the colours of the songs; below, the probability of each song at every moment:"
            " light is no song, grey an unknown one. Where colours meet slowly, the boundary is uncertain.",
        ),
        html.section(
            "Least certain first",
            _uncertain(found),
            "Listen there first. A fix holds from then on:"
            " tonewheel concert align RECORDING --pack PACK -o FOLDER --fix 'SONG@START-END', or edit labels.txt in"
            " Audacity and give it with --labels.",
        ),
        html.section("Set list", _setlist(found)),
    ]
    if alignment.not_in_pack:
        names = ", ".join(f'"{printable(title)}"' for title in alignment.not_in_pack)
        sections.append(html.section("Not in the pack", f"{names}: if played, an unknown song."))
    return html.page("A concert, song by song", sections, lead=f"{printable(Path(alignment.recording).name)}")


def _spoken(found: Sequence[Segment]) -> str:
    return "; ".join(f"{printable(one.song)} from {format_time_s(one.start_s)}" for one in found)


def _uncertain(found: Sequence[Segment]) -> html.Markup:
    rows: list[tuple[float, list[Any]]] = []
    for one in found:
        if one.fixed and one.start_confidence == 1.0:
            continue
        other = f"or {printable(one.second)} ({one.second_share:.0%})" if one.second_share >= 0.005 else ""
        span = f"{format_time_s(one.start_s)} – {format_time_s(one.end_s)}"
        rows.append((one.confidence, [span, f"is it {printable(one.song)}?", other, f"{one.confidence:.1%}"]))
        for what, time_s, sure in (
            ("begins", one.start_s, one.start_confidence),
            ("ends", one.end_s, one.end_confidence),
        ):
            said = f"{printable(one.song)} {what} here?"
            rows.append((sure, [format_time_s(time_s), said, "", f"{sure:.1%}"]))
    rows.sort(key=lambda row: row[0])
    return html.table(["where", "question", "", "confidence"], [row for _, row in rows[:LOOK_FIRST]])


def _setlist(found: Sequence[Segment]) -> html.Markup:
    header = ["", "song", "start", "end", "confidence", "begins here", "ends here", ""]
    return html.table(
        header,
        [
            [
                number,
                printable(one.song),
                format_time_s(one.start_s),
                format_time_s(one.end_s),
                f"{one.confidence:.1%}",
                f"{one.start_confidence:.1%}",
                f"{one.end_confidence:.1%}",
                "fixed by hand" if one.fixed else "",
            ]
            for number, one in enumerate(found, start=1)
        ],
    )


def picture(alignment: Alignment, recording: Recording, posterior: Floats, songs: Sequence[str]) -> bytes:
    """Waveform and posterior strip as a PNG; `posterior` is (steps, songs + 2)."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    titles = list(dict.fromkeys([*(one.song for one in alignment.segments if one.song != UNKNOWN), *songs]))
    colours = {title: COLOURS[number % len(COLOURS)] for number, title in enumerate(titles)} | {
        UNKNOWN: NOBODY
    }
    by_label = [colours[song] for song in songs] + [QUIET, NOBODY]
    rows = max(1, int(np.ceil(alignment.seconds / ROW_S)))
    width_s = alignment.seconds if rows == 1 else ROW_S
    tick_s = next(step for step in TICKS_S if width_s / step <= 12)
    figure = Figure(figsize=(12.0, 0.4 + 2.3 * rows), facecolor=PAPER, layout="constrained")
    grid = figure.add_gridspec(2 * rows, 1, height_ratios=[1.5, 0.8] * rows, hspace=0.02)
    for row in range(rows):
        start_s = row * width_s
        wave, sure = figure.add_subplot(grid[2 * row]), figure.add_subplot(grid[2 * row + 1])
        _wave(wave, recording, alignment.segments, colours, start_s, width_s)
        _strip(sure, posterior, by_label, alignment.seconds, start_s, width_s)
        for axes in (wave, sure):
            axes.set_xlim(start_s, start_s + width_s)
            axes.set_facecolor(PAPER)
            axes.tick_params(colors=INK, labelsize=9, length=3)
            for spine in axes.spines.values():
                spine.set_visible(False)
        wave.tick_params(labelbottom=False, bottom=False)
        sure.xaxis.set_major_locator(MultipleLocator(tick_s))
        sure.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_time_s(value).split(".")[0]))
    drawn = io.BytesIO()
    with warnings.catch_warnings():
        # A title may be in letters that the font does not have: a box is drawn, that is all.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(drawn, format="png", dpi=144, metadata={"Software": None})
    return drawn.getvalue()


def _wave(
    axes: Any,
    recording: Recording,
    found: Sequence[Segment],
    colours: dict[str, str],
    start_s: float,
    width_s: float,
) -> None:
    hop_s = 0.5
    peaks = recording.peaks / max(float(recording.peaks.max(initial=0.0)), 1e-6)
    times = np.arange(len(peaks)) * hop_s
    inside = (times >= start_s) & (times < start_s + width_s)
    columns = max(1, int(inside.sum()) // COLUMNS)
    count = int(inside.sum()) // columns * columns
    times = times[inside][:count].reshape(-1, columns)[:, 0]
    heights = peaks[inside][:count].reshape(-1, columns).max(axis=1)
    axes.fill_between(times, -heights, heights, color=QUIET, linewidth=0)
    axes.set_ylim(-1.05, 1.5)
    axes.set_yticks([])
    for one in found:
        first, last = max(one.start_s, start_s), min(one.end_s, start_s + width_s)
        if last <= first:
            continue
        own = (times >= one.start_s) & (times < one.end_s)
        axes.fill_between(times, -heights, heights, where=own, color=colours[one.song], linewidth=0)
        letters = int((last - first) / width_s * COLUMNS / LETTER)
        if letters >= 3:
            title = printable(one.song)
            shown = title if len(title) <= letters else title[: letters - 1].rstrip() + "…"
            axes.text(first, 1.12, shown, fontsize=8, color=INK, parse_math=False, clip_on=True, va="bottom")


def _strip(
    axes: Any, posterior: Floats, by_label: Sequence[str], seconds: float, start_s: float, width_s: float
) -> None:
    from matplotlib.colors import to_rgb

    steps = len(posterior)
    first = int(steps * start_s / seconds)
    last = min(steps, max(first + 1, round(steps * (start_s + width_s) / seconds)))
    columns = max(1, min(COLUMNS, last - first))
    edges = np.linspace(first, last, columns + 1).astype(int)[:-1]
    shares = np.add.reduceat(posterior[:last], edges, axis=0)
    shares = np.sort(shares / shares.sum(axis=1, keepdims=True), axis=1)[:, ::-1]
    order = np.argsort(-np.add.reduceat(posterior[:last], edges, axis=0), axis=1)
    palette = np.array([to_rgb(colour) for colour in by_label])
    height = 40
    level = (np.arange(height) + 0.5) / height
    # Each column is a stack: the likeliest below, the others on top of it.
    place = (np.cumsum(shares, axis=1)[:, None, :] < level[None, :, None]).sum(axis=2)
    picture = palette[np.take_along_axis(order, np.minimum(place, order.shape[1] - 1), axis=1)]
    right = min(seconds, start_s + width_s)
    extent = (start_s, right, 0, 1)
    axes.imshow(
        picture.transpose(1, 0, 2), origin="lower", aspect="auto", extent=extent, interpolation="nearest"
    )
    axes.set_yticks([0, 1], ["0", "1"])
