"""Lines of predictions and of truth, as `drums check` and `drums mine` read them.

    {"sample_id", "scores": {label: 0..1}}                              a prediction, or with one of
    {"sample_id", "labels" | "predicted_labels": [..] or "..."}         these; a confidence may stand beside
    {"sample_id", "predicted_label", "confidence"}
    {"sample_id", "labels": [..]} or {.., "components": [{"label"}]}    the truth
    {"sample_id", "is_known": false}                                    the truth of an open set

Where a prediction has scores and labels, the scores count. Other keys are passed over.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tonewheel.core.errors import InputError
from tonewheel.core.files import reading
from tonewheel.core.progress import progress
from tonewheel.core.records import LONGEST_LINE_BYTES, explain
from tonewheel.manifest.tracks import Quarantined

UNKNOWN_FIELDS = ("unknown_score", "unknown_confidence", "ood_score")
"""Keys of a prediction that say how unknown it is (higher = more unknown); another can be named."""


class _Struck(msgspec.Struct):
    label: str


class AnswerLine(msgspec.Struct):
    """What is read of a line of either file; other keys are passed over."""

    sample_id: str
    session_id: str = ""
    audio_path: str = ""
    onset_time: float | None = None
    labels: list[str] | str | None = None
    components: list[_Struck] | None = None
    scores: dict[str, float] | None = None
    predicted_labels: list[str] | str | None = None
    predicted_label: str | None = None
    confidence: float | None = None
    is_known: bool | None = None
    window_index: int | None = None
    edge: str = ""


def answer_lines(
    path: str | Path, left_out: list[Quarantined]
) -> Iterator[tuple[int, AnswerLine, dict[str, Any]]]:
    """Line number, what is read, and all keys of each line; broken lines are added to `left_out`."""
    with reading(path):
        stream = Path(path).open("rb")  # noqa: SIM115 (closed by the `with` below)
    with stream:
        for number, text in enumerate(progress(stream, f"reading {Path(path).name}", unit="lines"), start=1):
            if not text.strip():
                continue
            try:
                if len(text) > LONGEST_LINE_BYTES:
                    raise ValueError("the line is too long; is this JSONL?")
                row = msgspec.json.decode(text)
                line = msgspec.convert(row, AnswerLine)
                if not line.sample_id:
                    raise ValueError("sample_id is empty")
            except (
                msgspec.DecodeError,
                msgspec.ValidationError,
                UnicodeDecodeError,
                RecursionError,
            ) as error:
                left_out.append(Quarantined(path=str(path), line=number, reason=explain(error, AnswerLine)))
            except ValueError as error:
                left_out.append(because(path, number, error))
            else:
                yield number, line, row


def true_labels(line: AnswerLine) -> list[str]:
    """Labels of a line of truth: `labels`, or the components of an event; neither is fine for open sets."""
    if line.labels is not None:
        return _listed(line.labels)
    if line.components is not None:
        return [one.label for one in line.components]
    if line.is_known is None:
        raise ValueError('needs "labels", "components" or "is_known"')
    return []


def stated_scores(line: AnswerLine, unknown_given: bool = False) -> dict[str, float]:
    """Labels of a prediction with their scores, whichever way it states them."""
    if line.confidence is not None and not 0 <= line.confidence <= 1:
        raise ValueError(f"confidence must lie in 0..1, got {line.confidence:g}")
    if line.scores is not None:
        for label, score in line.scores.items():
            if not 0 <= score <= 1:
                raise ValueError(f"scores.{label} must lie in 0..1, got {score:g}; logits need a sigmoid")
        return {label: score for label, score in line.scores.items() if label != "unknown"}
    said = line.predicted_labels if line.predicted_labels is not None else line.labels
    if said is None and line.predicted_label is not None:
        said = [line.predicted_label]
    if said is None:
        if line.confidence is None and not unknown_given:
            raise ValueError('needs "scores", "labels", "predicted_labels" or "predicted_label"')
        return {}
    return dict.fromkeys(_listed(said), 1.0 if line.confidence is None else line.confidence)


def stated_unknown(row: dict[str, Any], line: AnswerLine, name: str | None) -> float | None:
    """How unknown a prediction says it is, from the named field, a usual one, or a score for "unknown"."""
    found = next((row[key] for key in ([name] if name else UNKNOWN_FIELDS) if key in row), None)
    if found is None and name is None and line.scores:
        found = line.scores.get("unknown")
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise ValueError(f"{name or 'the unknown score'} must be a number, got {str(found)[:40]!r}")
    return float(found)


def _listed(labels: list[str] | str) -> list[str]:
    named = [labels] if isinstance(labels, str) else labels
    if any(not label.strip() for label in named):
        raise ValueError("a label is empty")
    return named


def because(path: str | Path, line: int, error: Exception) -> Quarantined:
    """A line that was left out, with what is wrong with it."""
    reason = error.reason if isinstance(error, InputError) else str(error)
    return Quarantined(path=str(path), line=line, reason=reason)
