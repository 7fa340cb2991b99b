"""Hard negatives: what a model hears with conviction where nobody struck it, as examples to train on.

A prediction has a partner when the truth has its label, or one of the same class (a crash is a crash whichever
of the two it is): under the same `sample_id`, or, where predictions have ids of their own, in the same
recording within 50 ms. What has none and is confident enough is written as an event with
`negative_example: true`; its components are what was truly struck there, often nothing.
"""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tonewheel.core.errors import InputError
from tonewheel.core.files import atomic_path
from tonewheel.core.progress import progress
from tonewheel.core.records import Record
from tonewheel.manifest import components
from tonewheel.manifest.answer_lines import AnswerLine, answer_lines, because, stated_scores, true_labels
from tonewheel.manifest.tracks import Quarantined

TOLERANCE_S = 0.05


class Mined(Record):
    """What was found; `per_label` counts what was written, `over_cap` what the cap left out."""

    predictions: int
    negatives: int
    per_label: dict[str, int]
    over_cap: dict[str, int]
    quarantined: tuple[Quarantined, ...] = ()


class Truth:
    """What was struck: by id, and by recording and class over time."""

    def __init__(self, path: str | Path, left_out: list[Quarantined]) -> None:
        self.struck: dict[str, list[dict[str, Any]]] = {}
        self.times: dict[tuple[str, str], array[float]] = {}
        self.recordings: set[str] = set()
        for number, line, row in answer_lines(path, left_out):
            try:
                labels = true_labels(line)
            except ValueError as error:
                left_out.append(because(path, number, error))
                continue
            parts = row.get("components") or [{"label": label} for label in labels]
            self.struck.setdefault(line.sample_id, []).extend(parts)
            if line.onset_time is None:
                continue
            for recording in _recordings(line):
                self.recordings.add(recording)
                for label in labels:
                    self.times.setdefault((recording, _class(label)), array("d")).append(line.onset_time)
        if not self.struck:
            raise InputError(path, "holds no truth that can be read")
        self.times = {key: array("d", sorted(times)) for key, times in self.times.items()}

    def has(self, line: AnswerLine, label: str) -> bool | None:
        """Whether the label was struck where the prediction says; None when the truth cannot tell."""
        if line.sample_id in self.struck:
            return _class(label) in {_class(one["label"]) for one in self.struck[line.sample_id]}
        recordings = [one for one in _recordings(line) if one in self.recordings]
        if line.onset_time is None or not recordings:
            return None
        return any(self._near(recording, label, line.onset_time) for recording in recordings)

    def _near(self, recording: str, label: str, onset_s: float) -> bool:
        times = self.times.get((recording, _class(label)), array("d"))
        at = bisect_left(times, onset_s - TOLERANCE_S)
        return at < len(times) and times[at] <= onset_s + TOLERANCE_S


def mine(
    predictions: str | Path,
    truth: str | Path,
    out: str | Path,
    *,
    min_confidence: float = 0.7,
    max_per_label: int | None = None,
) -> Mined:
    """Write the most confident false positives of each label, at most `max_per_label`, in a stable order.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "truth.jsonl").write_text('{"sample_id": "a", "labels": ["snare"]}')
    >>> _ = (folder / "said.jsonl").write_text('{"sample_id": "a", "scores": {"snare": 0.9, "kick": 0.8}}')
    >>> mine(folder / "said.jsonl", folder / "truth.jsonl", folder / "negatives.jsonl").per_label
    {'kick': 1}
    """
    if not 0 <= min_confidence <= 1:
        raise InputError("--min-confidence", f"must lie in 0..1, got {min_confidence:g}")
    left_out: list[Quarantined] = []
    known = Truth(truth, left_out)
    best: dict[str, list[tuple[float, int, dict[str, Any]]]] = {}
    found: Counter[str] = Counter()
    total = 0
    for number, line, row in answer_lines(predictions, left_out):
        total += 1
        try:
            wrong = list(_wrong(line, known, min_confidence))
        except ValueError as error:
            left_out.append(because(predictions, number, error))
            continue
        for label, score in wrong:
            found[label] += 1
            heap = best.setdefault(label, [])
            heapq.heappush(heap, (score, -number, _event(line, row, label, score, known)))
            if max_per_label is not None and len(heap) > max_per_label:
                heapq.heappop(heap)
    if left_out and not total:
        raise InputError(predictions, f"holds no prediction (as {left_out[-1]})")
    chosen = [
        one for label in sorted(best) for one in sorted(best[label], key=lambda one: (-one[0], -one[1]))
    ]
    with atomic_path(out) as temporary, temporary.open("wb") as lines:
        for _, _, event in progress(chosen, "writing negatives", unit="events"):
            lines.write(msgspec.json.encode(event) + b"\n")
    kept = {label: len(best[label]) for label in sorted(best)}
    return Mined(
        predictions=total,
        negatives=len(chosen),
        per_label=kept,
        over_cap={label: found[label] - count for label, count in kept.items() if found[label] > count},
        quarantined=tuple(left_out),
    )


def _wrong(line: AnswerLine, known: Truth, min_confidence: float) -> Iterator[tuple[str, float]]:
    for label, score in stated_scores(line).items():
        if score < min_confidence:
            continue
        struck = known.has(line, label)
        if struck is None:
            raise ValueError(
                f'no truth has the sample_id "{line.sample_id}", and none has its recording and a time'
            )
        if not struck:
            yield label, score


def _event(line: AnswerLine, row: dict[str, Any], label: str, score: float, known: Truth) -> dict[str, Any]:
    kept = {
        key: row[key]
        for key in ("session_id", "drummer_id", "kit_id", "room_id", "source_set", "audio_path", "onset_time")
        if row.get(key) is not None
    }
    return {
        "sample_id": f"{line.sample_id}-not-{label}",
        **kept,
        "negative_example": True,
        "components": known.struck.get(line.sample_id, []),
        "label_method": "hard_negative_mining",
        "predicted_label": label,
        "confidence": round(score, 6),
    }


def _recordings(line: AnswerLine) -> list[str]:
    return [name for name in (line.audio_path, line.session_id) if name]


def _class(label: str) -> str:
    return components.class_of(label) if components.is_known(label) else label
