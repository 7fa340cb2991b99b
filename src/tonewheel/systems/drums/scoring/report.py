"""The figures of an evaluation as records, as Markdown for a card and as a page to look at."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tonewheel.core.records import Record
from tonewheel.gates import html
from tonewheel.metrics.bootstrap import Interval
from tonewheel.systems.drums.scoring.labels import LabelFigures
from tonewheel.systems.drums.scoring.renders import RenderScores

Table = tuple[str, list[str], list[list[str]]]
"""Title, header, rows."""


class Answer(Record):
    """What a method found in one song: counts a class and tolerance, and how late its matched hits are."""

    song: str
    condition: str
    method: str
    counts: dict[str, dict[str, tuple[int, ...]]]
    """Class, then tolerance in ms: matched, reference, estimate."""
    offset_median_ms: float | None


class Line(Record):
    """One measured figure: what, of which method, its interval, and the target if there is one."""

    table: str
    name: str
    method: str
    value: Interval
    target: float | None = None


class Scores(Record):
    """All figures of one evaluation."""

    model: str
    songs: tuple[str, ...]
    drums_to_rest_db: float
    lines: tuple[Line, ...]
    size_mb: dict[str, float]
    """Of the weights, as they are and in int8."""
    labels: dict[str, dict[str, LabelFigures]]
    """Condition, then each of the twelve labels."""
    renders: RenderScores | None = None
    """On held-out renders."""
    answers: tuple[Answer, ...] = ()

    def markdown(self) -> str:
        """The figures as Markdown tables."""
        parts = [self._lead()]
        for title, header, rows in self._tables():
            cells = [header, ["---"] * len(header), *rows]
            parts.append(f"**{title}**\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in cells))
        return "\n\n".join(parts)

    def page(self) -> str:
        """The figures as a page to look at."""
        sections = [html.section(title, html.table(header, rows)) for title, header, rows in self._tables()]
        return html.page("Which drum was struck: evaluation", sections, lead=self._lead())

    def _lead(self) -> str:
        return (
            f"Weights {self.model[:12]}, {len(self.songs)} songs ({', '.join(self.songs)}); in the mix every part "
            f"is equally loud and drums are {self.drums_to_rest_db:g} LU above their sum. F, with 95 % intervals "
            "over songs."
        )

    def _tables(self) -> Iterable[Table]:
        for title in dict.fromkeys(line.table for line in self.lines):
            lines = [line for line in self.lines if line.table == title]
            methods = list(dict.fromkeys(line.method for line in lines))
            has_target = any(line.target is not None for line in lines)
            rows = []
            for name in dict.fromkeys(line.name for line in lines):
                row = {line.method: line for line in lines if line.name == name}
                target = next((line.target for line in row.values() if line.target is not None), None)
                cells = [_cell(row[m].value) if m in row else "" for m in methods]
                told = ["" if target is None else f"{target:g}"] if has_target else []
                rows.append([name, *told, *cells])
            yield title, ["", *(["target"] if has_target else []), *methods], rows
        if self.size_mb:
            yield "Size", ["weights", "MB"], [[name, f"{size:.2f}"] for name, size in self.size_mb.items()]
        for condition, labels in self.labels.items():
            yield f"Twelve labels at 50 ms, {condition}", *label_table(labels, velocity=False)
        if self.renders is not None:
            yield from render_tables(self.renders)


def label_table(labels: dict[str, LabelFigures], *, velocity: bool) -> tuple[list[str], list[list[str]]]:
    """Header and rows of twelve labels."""
    more = ["velocity, Spearman", "n of it"] if velocity else []
    rows = []
    for name, one in labels.items():
        # What was never struck has neither recall nor F; its precision says that it was heard all the same.
        found = (one.recall, one.f) if one.n else (None, None)
        cells = [name, str(one.n), f"{one.precision:.3f}", *("–" if v is None else f"{v:.3f}" for v in found)]
        ranks = "" if one.velocity is None else f"{one.velocity:.3f}"
        rows.append([*cells, *([ranks, str(one.velocity_n)] if velocity else [])])
    there = [one.f for one in labels.values() if one.n]
    if there:
        total = str(sum(one.n for one in labels.values()))
        rows.append(["macro", total, "", "", f"{np.mean(there):.3f}", *[""] * len(more)])
    return ["", "n", "precision", "recall", "F", *more], rows


def render_tables(renders: RenderScores) -> Iterable[Table]:
    """Title, header and rows of what was found in held-out renders."""
    title = f"Held-out renders, {renders.scenes} scenes of {renders.seconds / renders.scenes:g} s"
    small = renders.int8_families
    yield (
        title,
        ["", "F", *(["F, int8"] if small else [])],
        [
            [name, f"{value:.3f}", *([f"{small[name]:.3f}"] if small else [])]
            for name, value in renders.families.items()
        ],
    )
    yield "Held-out renders, twelve labels at 50 ms", *label_table(renders.labels, velocity=True)
    stream = renders.streaming
    yield (
        f"Held-out renders, recall in chunks of {stream.chunk_s:g} s "
        f"({stream.hits_that_differ} of {stream.hits} hits of the stream differ from those of the whole)",
        ["hits", "n", *stream.recall_near],
        [
            [where, str(n), *(f"{value:.3f}" for value in recall.values())]
            for where, n, recall in (
                (f"within {1000 * stream.near_s:g} ms of an edge", stream.n_near, stream.recall_near),
                ("all others", stream.n_away, stream.recall_away),
            )
        ],
    )


def _cell(value: Interval) -> str:
    spread = "" if value.low is None or value.high is None else f" ({value.low:.3f}-{value.high:.3f})"
    return f"{value.value:.3f}{spread}"
