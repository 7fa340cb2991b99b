"""How good is an index? Neighbours and clusters against labels that no embedding made, lists, paths, changes, time.

Labels come from a file, or are the artists. Neighbours are sought among other artists' tracks (folds by artist), so
that a record's sound does not pass for a style; where the artist is the label, among all. Beside the index's own
vectors: the hand-made one, its MFCC part alone, PCA, and chance.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.files import write_json, write_text
from tonewheel.core.records import Record
from tonewheel.core.seeds import generator
from tonewheel.gates import html
from tonewheel.metrics import clustering, neighbours
from tonewheel.metrics.bootstrap import Interval, interval
from tonewheel.systems.similar import trials
from tonewheel.systems.similar.api import Index
from tonewheel.systems.similar.backbones.base import unit
from tonewheel.systems.similar.backbones.hand import Hand
from tonewheel.systems.similar.clusters import kmeans
from tonewheel.systems.similar.picture import draw_map

Floats = NDArray[np.float32]

FEWEST = 4
"""Tracks that a label needs to be scored: of fewer, no five neighbours can be right."""
K = 5


class Line(Record):
    """One method against one set of labels."""

    method: str
    precision_at_5: Interval
    """Share of the five nearest with the query's label; resampled by artist."""
    map_at_r: float
    silhouette: float
    nmi: float
    ami: float
    hubness: float
    """Skewness of how often a track is among others' ten nearest; 0 is even."""


class Scores(Record):
    """All figures of one evaluation."""

    index: str
    made_with: str
    labels: str
    tracks: int
    classes: int
    lines: tuple[Line, ...]
    use: dict[str, dict[str, float]]
    """Lists, paths, styles, changes, latency; see `trials`."""

    def markdown(self) -> str:
        """The figures as Markdown."""
        head = (
            f"`{self.index}` ({self.made_with}): {self.tracks} tracks, {self.classes} labels ({self.labels})."
        )
        rows = [_cells(line) for line in self.lines]
        parts = [head, _table(HEADER, rows) if rows else UNLABELLED]
        for name, figures in self.use.items():
            parts.append(
                _table([name, ""], [[WORDS.get(key, key), f"{value:.4g}"] for key, value in figures.items()])
            )
        return "\n\n".join(parts) + "\n"

    def page(self, picture: object) -> str:
        """The figures and the map as a page to look at."""
        shown = html.table(HEADER, map(_cells, self.lines)) if self.lines else html.prose(UNLABELLED)
        sections = [
            html.section("The collection", html.figure(picture, "Tracks that sound alike lie together.")),
            html.section(f"Neighbours and clusters, by {self.labels}", shown),
        ]
        for name, figures in self.use.items():
            rows = [[WORDS.get(key, key), value] for key, value in figures.items()]
            sections.append(html.section(name, html.table(["", ""], rows)))
        lead = f"{self.index}, made with {self.made_with}: {self.tracks} tracks, {self.classes} labels."
        return html.page("Similar tracks: evaluation", sections, lead=lead)


UNLABELLED = (
    "No two artists have four tracks each, so neighbours and clusters are not scored; --labels takes a CSV of path and "
    "label."
)
WORDS = {
    "copies": "copies, or versions of one another, in one list",
    "most_of_an_artist": "most places of one artist",
    "spearman": "rank correlation of a step's number and its likeness to the end, mean",
    "spearman_least": "the same, of the worst path",
    "n": "placements, half of them with the track's style hidden",
    "accuracy": "share that was right",
    "ece": "expected calibration error",
    "p50_ms": "median, ms",
    "p95_ms": "95 % are faster than, ms",
    "seconds_a_second": "seconds to hear a second of a query",
}
HEADER = ["method", "P@5", "95 %", "MAP@R", "silhouette", "NMI", "AMI", "hubness", "n"]


def _cells(line: Line) -> list[str]:
    at = line.precision_at_5
    spread = "" if at.low is None or at.high is None else f"{at.low:.3f} to {at.high:.3f}"
    figures = (line.map_at_r, line.silhouette, line.nmi, line.ami, line.hubness)
    return [line.method, f"{at.value:.3f}", spread, *(f"{figure:.3f}" for figure in figures), str(at.n)]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def evaluate(
    index: Index, name: str, out: Path, labels: Path | None = None, changes: int = 0, seed: int = 0
) -> Scores:
    """Measure an index, and write scores.json, scores.md and index.html to `out`.

    `labels` is a CSV of path and label (default: the artists, as far as they have tracks enough); `changes` tracks are
    changed and sought again. InputError when the CSV does not have two labels to score.
    """
    found = artists(index) if labels is None else read_labels(labels, index)
    counts = {label: list(found.values()).count(label) for label in set(found.values())}
    known = [track for track in index.tracks if counts.get(found.get(track, ""), 0) >= FEWEST]
    classes = {found[track] for track in known}
    if len(classes) < 2 and labels is not None:
        raise InputError(
            labels,
            f"{len(classes)} labels have at least {FEWEST} tracks of the index; two are needed",
        )
    numbers = np.array([index.number[track] for track in known])
    names = [found[track] for track in known]
    by = [index.entries[track].artist or track for track in known]
    apart = by if labels is not None else None
    methods = _methods(index, numbers, seed) if len(classes) > 1 else {}
    lines = tuple(_line(method, rows, names, by, apart, seed) for method, rows in methods.items())
    use = {
        "The first ten": trials.lists(index),
        "Paths": trials.paths(index, seed),
        "Styles on held-out tracks": trials.style_calibration(index, seed),
        "Search": trials.latency_ms(index),
    }
    if changes:
        use["Its own nearest, changed"] = trials.changed(index, index.backbone, changes, seed)
    scores = Scores(
        index=name,
        made_with=index.made_with,
        labels="artists" if labels is None else labels.name,
        tracks=len(index),
        classes=len(classes),
        lines=lines,
        use={title: figures for title, figures in use.items() if figures},
    )
    write_json(out / "scores.json", scores)
    write_text(out / "scores.md", scores.markdown())
    write_text(out / "index.html", scores.page(draw_map(index, labels=found if labels is not None else None)))
    return scores


def artists(index: Index) -> dict[str, str]:
    """The artist of each track that has one."""
    return {track: entry.artist for track, entry in index.entries.items() if entry.artist}


def read_labels(path: Path, index: Index) -> dict[str, str]:
    """The label of each track from a CSV with the columns path and label; InputError says what is wrong, and where."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            if not {"path", "label"} <= set(reader.fieldnames or ()):
                raise InputError(path, 'the header needs the columns "path" and "label"', 1)
            found = {}
            for row in reader:
                if row["path"] in index.entries and row["label"]:
                    found[row["path"]] = row["label"]
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise InputError(path, str(error)) from None
    if not found:
        raise InputError(
            path, "names no track of the index; paths are those below the folder that was indexed"
        )
    return found


def _methods(index: Index, numbers: NDArray[np.int64], seed: int) -> dict[str, Floats]:
    rows, hand = index.vectors.vectors[numbers], index.hand[numbers]
    timbre = hand[:, Hand().parts["timbre"]]
    centred = rows - rows.mean(axis=0)
    noise = generator(seed, "chance").standard_normal(rows.shape)
    methods = {index.made_with: rows}
    if index.made_with != "hand":
        methods["hand-made"] = hand
    axes = np.linalg.svd(centred, full_matrices=False)[2][:256]
    return methods | {
        "MFCC statistics": unit(timbre + np.float32(1e-9)),
        "PCA-256": unit(centred @ axes.T + np.float32(1e-9)),
        "chance": unit(noise),
    }


def _line(
    method: str,
    rows: Floats,
    labels: Sequence[str],
    by: Sequence[str],
    apart: Sequence[str] | None,
    seed: int,
) -> Line:
    rng = generator(seed, "evaluate", method)
    _, numbers = np.unique(list(labels), return_inverse=True)
    _, groups = np.unique(list(by), return_inverse=True)
    found = kmeans(rows.astype(np.float64), int(numbers.max()) + 1, rng)
    return Line(
        method=method,
        precision_at_5=interval(right_neighbours(rows, numbers, apart), rng=rng, groups=groups),
        map_at_r=neighbours.map_at_r(rows, numbers),
        silhouette=clustering.silhouette(rows, numbers),
        nmi=clustering.normalised_mutual_information(numbers, found),
        ami=clustering.adjusted_mutual_information(numbers, found),
        hubness=neighbours.hubness(rows, min(10, len(rows) - 1))["skewness"],
    )


def right_neighbours(
    rows: Floats, labels: NDArray[np.int64], apart: Sequence[str] | None = None, k: int = K
) -> NDArray[np.float64]:
    """Share of each track's `k` nearest that have its label, (n,); of tracks that share `apart` none counts.

    >>> rows = np.array([[1, 0], [0.9, 0.4], [0, 1]], np.float32)
    >>> right_neighbours(rows, np.array([0, 0, 1]), k=1).tolist()
    [1.0, 1.0, 0.0]
    """
    cosine = rows @ rows.T
    np.fill_diagonal(cosine, -np.inf)
    if apart is not None:
        _, group = np.unique(list(apart), return_inverse=True)
        cosine[group[:, None] == group] = -np.inf
    nearest = np.argsort(-cosine, axis=1, kind="stable")[:, :k]
    usable = np.isfinite(np.take_along_axis(cosine, nearest, axis=1))
    right = (labels[nearest] == labels[:, None]) & usable
    return np.asarray(right.sum(axis=1) / np.maximum(usable.sum(axis=1), 1))
