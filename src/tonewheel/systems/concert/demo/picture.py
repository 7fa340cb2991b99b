"""One picture of the evening: what was played, what was recognised, how sure, and what it sounded like."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.spectra import MelSpec, log_mel
from tonewheel.core.units import format_time_s
from tonewheel.synth.concert import Show
from tonewheel.systems.concert.demo.compare import Outcome
from tonewheel.systems.concert.demo.trace import Trace

Floats = NDArray[np.float32]
COLOURS = (
    "#4e79a7", "#e8842a", "#59a14f", "#e15759", "#b07aa1",
    "#3aa6a0", "#cfa12a", "#9c755f", "#d37295", "#7b8fd4",
)  # fmt: skip
BETWEEN = {"applause": 0.34, "banter": 0.2, "silence": 0.07}
"""How strongly each kind of time between songs is drawn."""
COLUMNS = 1500
LETTER = 10.6
"""Columns that a letter of a title takes."""
SIZE_IN = (12.0, 7.2)


class Theme(NamedTuple):
    """Colours of a picture; the page shows the one that fits the reader's screen."""

    paper: str
    ink: str
    soft: str
    line: str
    wrong: str
    ramp: tuple[str, ...]


LIGHT = Theme(
    "#ffffff",
    "#1c1b19",
    "#6d6a64",
    "#dedad2",
    "#a8321f",
    ("#ffffff", "#f5e3c3", "#d99a45", "#8a4a12", "#2a1307"),
)
DARK = Theme(
    "#201e1a",
    "#ece8e0",
    "#a29c91",
    "#3a3731",
    "#f29a86",
    ("#201e1a", "#4a3113", "#9a6416", "#e0b062", "#fff6e2"),
)


def draw(
    theme: Theme,
    show: Show,
    outcome: Outcome,
    scores: Trace,
    songs: Sequence[str],
    heard: Floats,
    rate_hz: int,
) -> bytes:
    """A PNG, drawn from a seed alone; `songs` are those of the pack, in the order of `scores.song`."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    # In the order of the evening, so that neighbours differ.
    titles = dict.fromkeys([*(span.title for span in show.setlist if span.title in songs), *songs])
    colours = {title: COLOURS[n % len(COLOURS)] for n, title in enumerate(titles)}
    figure = Figure(figsize=SIZE_IN, facecolor=theme.paper, layout="constrained")
    grid = figure.add_gridspec(4, 1, height_ratios=[0.55, 0.55, 2.0, 2.6], hspace=0.03)
    played, answered, certainty, sound = (figure.add_subplot(grid[row]) for row in range(4))
    for axes in (played, answered, certainty, sound):
        axes.set_facecolor(theme.paper)
        axes.set_xlim(0, show.seconds)
        axes.tick_params(colors=theme.soft, labelsize=10, length=3)
        for side, spine in axes.spines.items():
            spine.set_color(theme.line)
            spine.set_visible(side in ("left", "bottom"))
    _played(played, theme, show, colours)
    _recognised(answered, theme, show, outcome, colours)
    _certainty(certainty, theme, outcome, scores, [colours[song] for song in songs], colours)
    _spectrogram(sound, theme, heard, rate_hz)
    for axes in (played, answered, certainty):
        axes.tick_params(labelbottom=False, bottom=False)
    sound.xaxis.set_major_locator(
        MultipleLocator(600 if show.seconds > 1500 else 60 if show.seconds > 150 else 10)
    )
    sound.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_time_s(value).split(".")[0]))
    for span in show.setlist:
        for axes in (certainty, sound):
            for edge_s in (span.start_s, span.end_s):
                axes.axvline(edge_s, color=theme.soft, linewidth=0.7, alpha=0.5, linestyle=(0, (2, 3)))
    drawn = io.BytesIO()
    with warnings.catch_warnings():
        # A title may be in letters that the font does not have: a box is drawn, that is all.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(drawn, format="png", dpi=144, bbox_inches="tight", metadata={"Software": None})
    return drawn.getvalue()


def _strip(axes: Any, theme: Theme, label: str) -> None:
    axes.set_ylim(0, 1)
    axes.set_yticks([0.5], [label])
    axes.tick_params(axis="y", length=0, labelcolor=theme.ink, labelsize=11)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _bar(
    axes: Any, span_s: tuple[float, float], title: str, theme: Theme, colour: str | None, right: bool = True
) -> None:
    """A titled bar; outlined only if it is no song of the pack, framed if it is a wrong answer."""
    start_s, end_s = span_s
    look: dict[str, Any] = {"facecolors": colour or theme.paper}
    if colour is None or not right:
        look |= {"edgecolor": theme.soft if right else theme.wrong, "linewidth": 1.2 if right else 2.5}
    axes.broken_barh([(start_s, end_s - start_s)], (0.08, 0.84), **look)
    low, high = axes.get_xlim()
    letters = int((end_s - start_s) / (high - low) * COLUMNS / LETTER)
    if letters >= 3:
        shown = title if len(title) <= letters else title[: letters - 1].rstrip() + "…"
        axes.text(
            (start_s + end_s) / 2, 0.48, shown, ha="center", va="center", fontsize=9, fontweight="bold",
            color=theme.soft if colour is None else "white", parse_math=False, clip_on=True,
        )  # fmt: skip


def _played(axes: Any, theme: Theme, show: Show, colours: dict[str, str]) -> None:
    _strip(axes, theme, "played")
    for span in show.spans:
        if span.kind == "song":
            _bar(axes, (span.start_s, span.end_s), span.title, theme, colours.get(span.title))
        else:
            shade = BETWEEN[span.kind]
            axes.axvspan(span.start_s, span.end_s, 0.08, 0.92, color=theme.soft, alpha=shade, lw=0)


def _recognised(axes: Any, theme: Theme, show: Show, outcome: Outcome, colours: dict[str, str]) -> None:
    _strip(axes, theme, "recognised")
    axes.plot([0, show.seconds], [0.5, 0.5], color=theme.line, linewidth=1, zorder=0)
    for one in outcome.recognised:
        _bar(axes, (one.start_s, one.end_s), one.song, theme, colours[one.song], one.right)


def _certainty(
    axes: Any,
    theme: Theme,
    outcome: Outcome,
    scores: Trace,
    by_number: Sequence[str],
    colours: dict[str, str],
) -> None:
    from matplotlib.collections import LineCollection

    points = np.stack([scores.time_s, scores.best], axis=1)
    segments = np.stack([points[:-1], points[1:]], axis=1)
    axes.add_collection(
        LineCollection(list(segments), colors=[by_number[k] for k in scores.song[1:]], linewidths=1.8)
    )
    axes.plot(scores.time_s, scores.second, color=theme.soft, linewidth=1.0, alpha=0.9)
    axes.fill_between(scores.time_s, scores.second, scores.best, color=theme.soft, alpha=0.12, linewidth=0)
    top = max(1.0, float(np.nanmax(scores.best)))
    axes.set_ylim(min(0.0, float(scores.best.min())), 1.12 * top)
    axes.set_yticks([0, 0.5, 1.0])
    axes.grid(axis="y", color=theme.line, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_ylabel("score (cosine)", color=theme.ink, fontsize=11)
    for stretch in outcome.recognised:
        colour = colours[stretch.song] if stretch.right else theme.wrong
        for time_s, face, mark in ((stretch.start_s, colour, "v"), (stretch.end_s, theme.paper, "o")):
            axes.plot(
                [time_s], [1.06 * top], mark, markersize=9 if mark == "v" else 6,
                markerfacecolor=face, markeredgecolor=colour, markeredgewidth=1.6, clip_on=False,
            )  # fmt: skip


def _spectrogram(axes: Any, theme: Theme, heard: Floats, rate_hz: int) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    spec = MelSpec(
        sample_rate_hz=rate_hz, n_fft=1024, hop_samples=512, n_mels=96, f_min_hz=60.0, f_max_hz=0.47 * rate_hz
    )
    mel = log_mel(heard, spec) * np.float32(10 / np.log(10))  # natural log of power to dB
    each = max(1, mel.shape[1] // COLUMNS)
    columns = mel.shape[1] // each
    shown = mel[:, : columns * each].reshape(len(mel), columns, each).mean(axis=2)
    high = float(np.percentile(shown, 99.7))
    colours = LinearSegmentedColormap.from_list("tone", theme.ramp)
    axes.imshow(
        shown, origin="lower", aspect="auto", interpolation="bilinear", vmin=high - 55, vmax=high,
        extent=(0, len(heard) / rate_hz, 0, len(mel)), cmap=colours,
    )  # fmt: skip
    centres_hz = mel_centres_hz(spec)
    marks = [mark for mark in (300, 1000, 3000) if mark < spec.f_max_hz]
    axes.set_yticks(
        [float(np.interp(mark, centres_hz, np.arange(len(mel)) + 0.5)) for mark in marks],
        [f"{mark}" if mark < 1000 else f"{mark // 1000}k" for mark in marks],
    )
    axes.set_ylabel("frequency (Hz)", color=theme.ink, fontsize=11)
    axes.set_xlabel("time in the show (min:s)", color=theme.ink, fontsize=11)


def mel_centres_hz(spec: MelSpec) -> NDArray[np.float64]:
    """Centre frequency of every mel band, (n_mels,): the mean of its filter."""
    from tonewheel.audio.spectra import mel_filterbank

    bank = np.asarray(mel_filterbank(spec), np.float64)
    hertz = np.arange(bank.shape[1]) * spec.sample_rate_hz / spec.n_fft
    return np.asarray((bank @ hertz) / np.maximum(bank.sum(axis=1), 1e-12))
