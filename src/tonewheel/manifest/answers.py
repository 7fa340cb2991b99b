"""Answers: what a model said about each example, joined with what is true, from two JSONL files.

    {"sample_id": "a", "scores": {"kick": 0.9, "snare": 0.1}}           a prediction
    {"sample_id": "a", "labels": ["kick"], "session_id": "s1"}          the truth

Lines are joined on `sample_id` (and on `window_index` where both have one: boundary packs look at one event
in several windows). A line that is no such record, comes twice or has no partner is quarantined with its line
and reason. A truth without a prediction stays, as an example in which nothing was found: leaving it out would
reward a model for not answering.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.manifest import components
from tonewheel.manifest.answer_lines import (
    AnswerLine,
    answer_lines,
    because,
    stated_scores,
    stated_unknown,
    true_labels,
)
from tonewheel.manifest.tracks import Quarantined


@dataclass(frozen=True)
class Answers:
    """Examples in the order of the truth; n examples, k labels (sorted)."""

    labels: tuple[str, ...]
    sample_ids: tuple[str, ...]
    references: NDArray[np.bool_]
    """(n, k): which labels are true."""
    scores: NDArray[np.float32]
    """(n, k): 0..1; 0 where nothing was said. Labels without scores count as 1, or as their confidence."""
    sessions: tuple[str, ...]
    """session_id, else audio_path, else ''."""
    edges: tuple[str, ...]
    """leading or trailing in a boundary pack, else ''."""
    predicted: NDArray[np.bool_]
    """(n,): whether there is a prediction at all."""
    known: NDArray[np.int8]
    """(n,): `is_known` as 1 or 0, -1 where the truth does not say."""
    confidence: NDArray[np.float64]
    """(n,): the highest score, or the stated confidence; NaN where there is neither."""
    unknown: NDArray[np.float64]
    """(n,): how unknown the prediction says it is; NaN where it does not say."""
    quarantined: tuple[Quarantined, ...] = ()

    def decided(self, threshold: float = 0.5, top_k: int | None = None) -> NDArray[np.bool_]:
        """(n, k): labels with a score of at least `threshold`, or the `top_k` highest scores above 0."""
        if top_k is None:
            return np.asarray(self.scores >= threshold) & (self.scores > 0)
        if top_k >= len(self.labels):
            return np.asarray(self.scores > 0)
        edge = np.partition(self.scores, -top_k, axis=1)[:, -top_k, None]
        return np.asarray((self.scores >= edge) & (self.scores > 0))


@dataclass
class _Table:
    """Labels of many examples as sparse cells, so that the columns may come to be known last."""

    fold: int | None
    columns: dict[str, int] = field(default_factory=dict)
    names: dict[str, str | None] = field(default_factory=dict)

    def column(self, label: str) -> int | None:
        """The column of a label; None when the fold leaves it out."""
        if label not in self.names:
            self.names[label] = self._name(label)
        name = self.names[label]
        return None if name is None else self.columns.setdefault(name, len(self.columns))

    def _name(self, label: str) -> str | None:
        if self.fold is not None:
            return components.fold(label, self.fold)
        return components.canonical(label) if components.is_known(label) else label


class _Cells:
    def __init__(self) -> None:
        self.rows, self.columns, self.values = array("q"), array("q"), array("f")

    def add(self, row: int, column: int | None, value: float) -> None:
        if column is not None:
            self.rows.append(row)
            self.columns.append(column)
            self.values.append(value)

    def matrix(self, shape: tuple[int, int]) -> NDArray[np.float32]:
        full = np.zeros(shape, np.float32)
        where = np.frombuffer(self.rows, np.int64), np.frombuffer(self.columns, np.int64)
        np.maximum.at(full, where, np.frombuffer(self.values, np.float32))
        return full


def read_answers(
    truth: str | Path, predictions: str | Path, *, fold: int | None = None, unknown_field: str | None = None
) -> Answers:
    """Join predictions with the truth; InputError when a file cannot be read or nothing in it fits.

    Labels are read by the taxonomy (aliases are followed, unknown ones stay as they are); with `fold` they
    become 3, 5, 8 or 12 classes, the best score of a class counts, and an unknown label spoils its line.
    Where a prediction has `scores` and labels, the scores count.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "truth.jsonl").write_text('{"sample_id": "a", "labels": ["kick"]}')
    >>> _ = (folder / "said.jsonl").write_text('{"sample_id": "a", "predicted_label": "BD", "confidence": 0.8}')
    >>> joined = read_answers(folder / "truth.jsonl", folder / "said.jsonl")
    >>> joined.labels, joined.references.tolist(), round(float(joined.scores[0, 0]), 2)
    (('kick',), [[True]], 0.8)
    """
    left_out: list[Quarantined] = []
    table, true, said = _Table(fold), _Cells(), _Cells()
    rows: dict[tuple[str, int | None], int] = {}
    windows: dict[str, list[int]] = {}
    lines: list[AnswerLine] = []
    at: list[int] = []
    for number, line, _ in answer_lines(truth, left_out):
        key = (line.sample_id, line.window_index)
        try:
            if key in rows:
                raise ValueError(f'sample_id "{line.sample_id}" was on line {at[rows[key]]} already')
            cells = [table.column(label) for label in true_labels(line)]
        except (ValueError, InputError) as error:
            left_out.append(because(truth, number, error))
            continue
        rows[key] = len(lines)
        windows.setdefault(line.sample_id, []).append(len(lines))
        for column in cells:
            true.add(len(lines), column, 1.0)
        lines.append(line)
        at.append(number)
    if not lines:
        raise InputError(truth, f"holds no truth that can be read{_first(left_out)}")
    predicted = np.zeros(len(lines), bool)
    confidence, unknown = np.full(len(lines), np.nan), np.full(len(lines), np.nan)
    sessions = [line.session_id or line.audio_path for line in lines]
    for number, line, row in answer_lines(predictions, left_out):
        exact = rows.get((line.sample_id, line.window_index))
        targets = [exact] if exact is not None else windows.get(line.sample_id, [])
        try:
            if not targets or (line.window_index is not None and exact is None and len(targets) > 1):
                raise ValueError(f'no truth has the sample_id "{line.sample_id}"')
            if predicted[targets].any():
                raise ValueError(f'a second prediction for "{line.sample_id}"')
            says_unknown = stated_unknown(row, line, unknown_field)
            scores = stated_scores(line, says_unknown is not None)
            cells_of = [(table.column(label), score) for label, score in scores.items()]
        except (ValueError, InputError) as error:
            left_out.append(because(predictions, number, error))
            continue
        for target in targets:
            predicted[target] = True
            for cell, score in cells_of:
                said.add(target, cell, score)
            stated = line.confidence if line.confidence is not None and line.scores is None else None
            confidence[target] = max(scores.values(), default=math.nan) if stated is None else stated
            unknown[target] = math.nan if says_unknown is None else says_unknown
            sessions[target] = sessions[target] or line.session_id or line.audio_path
    if not predicted.any():
        raise InputError(predictions, f"no prediction fits {truth}{_first(left_out[::-1])}")
    left_out += [
        Quarantined(path=str(truth), line=at[row], reason="has no prediction; counts as nothing found")
        for row in np.flatnonzero(~predicted).tolist()
    ]
    order = sorted(table.columns, key=str)
    picked = [table.columns[name] for name in order]
    shape = (len(lines), len(order))
    return Answers(
        labels=tuple(order),
        sample_ids=tuple(line.sample_id for line in lines),
        references=true.matrix(shape)[:, picked] > 0,
        scores=said.matrix(shape)[:, picked],
        sessions=tuple(sessions),
        edges=tuple(line.edge for line in lines),
        predicted=predicted,
        known=np.array([-1 if x.is_known is None else int(x.is_known) for x in lines], np.int8),
        confidence=confidence,
        unknown=unknown,
        quarantined=tuple(left_out),
    )


def _first(left_out: list[Quarantined]) -> str:
    return f" (as {left_out[0]})" if left_out else ""
