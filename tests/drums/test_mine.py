"""Hard negatives: confident, unstruck, capped, and events that others can read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tonewheel.core.errors import InputError
from tonewheel.manifest.drum_events import broken
from tonewheel.systems.drums.collecting.hard_negatives import Mined, mine


def mined(
    folder: Path, truth: list[Any], said: list[Any], **options: Any
) -> tuple[Mined, list[dict[str, Any]]]:
    for name, rows in (("truth.jsonl", truth), ("said.jsonl", said)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = mine(folder / "said.jsonl", folder / "truth.jsonl", folder / "out.jsonl", **options)
    lines = (folder / "out.jsonl").read_bytes().splitlines()
    assert all(broken(line) is None for line in lines)
    return found, [json.loads(line) for line in lines]


def test_by_id_what_was_struck_is_kept_and_what_was_not_is_a_negative(tmp_path: Path) -> None:
    truth = [{"sample_id": "a", "kit_id": "k", "components": [{"label": "snare", "velocity": 0.5}]}]
    said = [{"sample_id": "a", "scores": {"snare": 0.9, "crash": 0.8, "kick": 0.3}, "session_id": "s"}]
    found, rows = mined(tmp_path, truth, said)
    assert found.per_label == {"crash": 1}
    assert rows == [
        {
            "sample_id": "a-not-crash",
            "session_id": "s",
            "negative_example": True,
            "components": [{"label": "snare", "velocity": 0.5}],
            "label_method": "hard_negative_mining",
            "predicted_label": "crash",
            "confidence": 0.8,
        }
    ]


@pytest.mark.parametrize(("offset_s", "negatives"), [(0.049, 0), (-0.049, 0), (0.06, 1)])
def test_by_time_within_50_ms(tmp_path: Path, offset_s: float, negatives: int) -> None:
    truth = [
        {"sample_id": "e", "audio_path": "a.wav", "onset_time": 2.0, "components": [{"label": "crash2"}]}
    ]
    said = [
        {"sample_id": "p", "audio_path": "a.wav", "onset_time": 2.0 + offset_s, "scores": {"crash": 0.9}},
        {"sample_id": "q", "audio_path": "a.wav", "onset_time": 2.0, "scores": {"china": 0.9}},
    ]
    found, _ = mined(tmp_path, truth, said)
    assert found.negatives == negatives  # crash, crash2 and china are one class


def test_a_cap_keeps_the_most_confident_in_a_stable_order(tmp_path: Path) -> None:
    truth = [{"sample_id": f"{n}", "labels": []} for n in range(20)]
    said = [{"sample_id": f"{n}", "scores": {"kick": 0.7 + 0.01 * (n % 10), "ride": 0.99}} for n in range(20)]
    found, rows = mined(tmp_path, truth, said, max_per_label=3)
    assert found.per_label == {"kick": 3, "ride": 3}
    assert found.over_cap == {"kick": 17, "ride": 17}
    assert [row["sample_id"] for row in rows] == [
        "9-not-kick", "19-not-kick", "8-not-kick", "0-not-ride", "1-not-ride", "2-not-ride",
    ]  # fmt: skip


def test_predictions_that_cannot_be_judged_are_set_apart(tmp_path: Path) -> None:
    truth = [{"sample_id": "a", "labels": ["kick"]}]
    said = [{"sample_id": "b", "labels": ["kick"]}, {"sample_id": "a", "scores": {"kick": 4}}]
    found, rows = mined(tmp_path, truth, said)
    assert not rows
    assert [one.line for one in found.quarantined] == [1, 2]


def test_a_confidence_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must lie in"):
        mined(tmp_path, [{"sample_id": "a", "labels": []}], [], min_confidence=70)


def test_a_file_that_holds_no_prediction_is_refused(tmp_path: Path) -> None:
    (tmp_path / "said.jsonl").write_text("{broken\n[1]\n")
    (tmp_path / "truth.jsonl").write_text('{"sample_id": "a", "labels": ["snare"]}\n')
    with pytest.raises(InputError, match=r"no prediction .as .*said.jsonl:2"):
        mine(tmp_path / "said.jsonl", tmp_path / "truth.jsonl", tmp_path / "negatives.jsonl")
    assert not (tmp_path / "negatives.jsonl").exists()
