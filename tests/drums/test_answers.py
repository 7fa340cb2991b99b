"""Predictions beside the truth: every way to state them, and what becomes of lines that do not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tonewheel.core.errors import InputError
from tonewheel.manifest.answers import Answers, read_answers


def lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def joined(folder: Path, truth: list[Any], said: list[Any], **options: Any) -> Answers:
    return read_answers(lines(folder / "truth.jsonl", truth), lines(folder / "said.jsonl", said), **options)


@pytest.mark.parametrize(
    ("said", "score"),
    [
        ({"scores": {"kick": 0.7, "snare": 0.2}}, 0.7),
        ({"labels": ["kick"]}, 1.0),
        ({"labels": "kick"}, 1.0),
        ({"predicted_labels": ["kick"]}, 1.0),
        ({"predicted_labels": "kick", "confidence": 0.6}, 0.6),
        ({"predicted_label": "kick", "confidence": 0.8}, 0.8),
        ({"predicted_label": "Bass Drum"}, 1.0),
        ({"scores": {"kick": 0.7}, "predicted_label": "snare", "openness_pred": 0.1, "mood": "calm"}, 0.7),
        ({"labels": []}, 0.0),
    ],
)
def test_every_way_to_state_a_prediction(tmp_path: Path, said: dict[str, Any], score: float) -> None:
    found = joined(tmp_path, [{"sample_id": "a", "labels": "kick"}], [{"sample_id": "a", **said}])
    assert not found.quarantined
    assert found.scores[0, found.labels.index("kick")] == pytest.approx(score)
    assert found.decided()[0, found.labels.index("kick")] == (score >= 0.5)


def test_components_are_truth_and_the_session_comes_from_where_it_is(tmp_path: Path) -> None:
    truth = [
        {"sample_id": "a", "components": [{"label": "crash2", "velocity": 0.4}, {"label": "kick"}]},
        {"sample_id": "b", "labels": [], "session_id": "s1"},
    ]
    said = [{"sample_id": "b", "labels": []}, {"sample_id": "a", "labels": "kick", "audio_path": "x.wav"}]
    found = joined(tmp_path, truth, said)
    assert found.labels == ("crash2", "kick")
    assert found.references.tolist() == [[True, True], [False, False]]
    assert found.sessions == ("x.wav", "s1")
    assert joined(tmp_path, truth, said, fold=5).labels == ("cymbal", "kick")


def test_lines_that_do_not_fit_are_set_apart_with_their_reasons(tmp_path: Path) -> None:
    truth = [{"sample_id": "a", "labels": ["kick"]}, {"sample_id": "a", "labels": []}, {"sample_id": "b"}]
    truth.append({"sample_id": "c", "labels": ["snare"]})
    said = [
        "{broken",
        {"sample_id": "a", "scores": {"kick": 7.5}},
        {"sample_id": "z", "labels": "kick"},
        {"sample_id": "c"},
        {"sample_id": 5, "labels": []},
        {"sample_id": "a", "labels": "kick"},
        {"sample_id": "a", "labels": "kick"},
        [1, 2],
    ]
    found = joined(tmp_path, truth, said)
    reasons = {(Path(one.path).stem, one.line): one.reason for one in found.quarantined}
    assert reasons["truth", 2] == 'sample_id "a" was on line 1 already'
    assert 'needs "labels"' in reasons["truth", 3]
    assert reasons["truth", 4] == "has no prediction; counts as nothing found"
    assert "not JSON" in reasons["said", 1]
    assert "must lie in 0..1, got 7.5" in reasons["said", 2]
    assert reasons["said", 3] == 'no truth has the sample_id "z"'
    assert "needs" in reasons["said", 4]
    assert "sample_id" in reasons["said", 5]
    assert "second prediction" in reasons["said", 7]
    assert ("said", 8) in reasons
    assert len(reasons) == 10
    assert found.predicted.tolist() == [True, False]
    assert found.references[1].any()  # a hit that nobody answered for is still asked for


def test_windows_of_one_event_are_told_apart(tmp_path: Path) -> None:
    truth = [{"sample_id": "a", "labels": "kick", "window_index": n} for n in (0, 1)]
    both = joined(tmp_path, truth, [{"sample_id": "a", "labels": "kick"}])
    assert both.predicted.all()
    one = joined(tmp_path, truth, [{"sample_id": "a", "labels": "kick", "window_index": 1}])
    assert one.predicted.tolist() == [False, True]


def test_top_k_takes_the_highest_whatever_their_scores(tmp_path: Path) -> None:
    said = [{"sample_id": "a", "scores": {"kick": 0.2, "snare": 0.1, "ride": 0.0}}]
    found = joined(tmp_path, [{"sample_id": "a", "labels": "kick"}], said)
    assert not found.decided().any()
    assert found.decided(top_k=1)[0].tolist() == [label == "kick" for label in found.labels]
    assert found.decided(top_k=9).sum() == 2  # a score of 0 says no


@pytest.mark.parametrize("name", ["unknown_score", "mine"])
def test_what_is_unknown_is_stated_or_read_from_a_named_key(tmp_path: Path, name: str) -> None:
    truth = [{"sample_id": "a", "is_known": True}, {"sample_id": "b", "is_known": False}]
    said = [{"sample_id": "a", name: 0.1}, {"sample_id": "b", name: 3.5}]
    options = {} if name == "unknown_score" else {"unknown_field": name}
    found = joined(tmp_path, truth, said, **options)
    assert found.unknown.tolist() == [0.1, 3.5]
    assert found.known.tolist() == [1, 0]


def test_a_score_for_unknown_is_no_label(tmp_path: Path) -> None:
    said = [{"sample_id": "a", "scores": {"kick": 0.3, "unknown": 0.6}}]
    found = joined(tmp_path, [{"sample_id": "a", "labels": "kick"}], said)
    assert found.labels == ("kick",)
    assert (found.confidence[0], found.unknown[0]) == (0.3, 0.6)


def test_files_that_hold_nothing_say_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing.jsonl: No such file"):
        read_answers(tmp_path / "missing.jsonl", tmp_path / "x")
    with pytest.raises(InputError, match=r"no truth that can be read \(as .*truth.jsonl:1"):
        joined(tmp_path, ["{}"], [])
    with pytest.raises(InputError, match="no prediction fits"):
        joined(tmp_path, [{"sample_id": "a", "labels": "kick"}], [{"sample_id": "b", "labels": "kick"}])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
KEYS = [
    "sample_id",
    "scores",
    "labels",
    "predicted_label",
    "confidence",
    "components",
    "is_known",
    "session_id",
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4) | st.binary(max_size=12), max_size=5)
)
def test_any_line_is_read_or_set_apart(tmp_path: Path, rows: list[Any]) -> None:
    encoded = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    good = b'{"sample_id": "good", "labels": ["kick"]}'
    for name in ("truth.jsonl", "said.jsonl"):
        (tmp_path / name).write_bytes(b"\n".join([good, *encoded]))
    found = read_answers(tmp_path / "truth.jsonl", tmp_path / "said.jsonl")
    assert "good" in found.sample_ids
    assert np.isfinite(found.scores).all()
    assert found.references.shape == found.scores.shape == (len(found.sample_ids), len(found.labels))
