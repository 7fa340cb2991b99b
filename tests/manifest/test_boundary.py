"""Boundary packs hold every event near an edge of every window, as counting over all windows finds them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewheel.core.errors import InputError
from tonewheel.manifest.boundary import Windows, boundary_pack


@given(st.integers(1, 60), st.integers(0, 120), st.integers(0, 50), st.integers(0, 1500))
def test_edges_equal_looking_at_every_window(hop: int, more: int, margin: int, at: int) -> None:
    window = max(hop + more, 2 * margin + 1)
    windows = Windows(sample_rate_hz=1000, window_size=window, hop_size=hop, margin=margin)
    expected = set()
    for index in range(at // hop + 2):
        start, end = index * hop, index * hop + window
        if start <= at < end:
            if at - start <= margin:
                expected.add(("leading", index, at - start))
            if end - at <= margin:
                expected.add(("trailing", index, end - at))
    found = list(windows.edges(at / 1000))
    assert set(found) == expected
    assert len(found) == len(expected)


def test_a_pack_has_the_fields_of_the_gate(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    rows = [
        {
            "sample_id": "a",
            "session_id": "s",
            "onset_time": 0.512,
            "mood": 1,
            "components": [{"label": "snare"}],
        },
        {"sample_id": "b", "onset_time": 2.03, "components": [{"label": "kick"}, {"label": "crash"}]},
        {"sample_id": "c", "onset_time": 0.3, "components": [{"label": "kick"}]},
        {"sample_id": "d", "components": [{"label": "kick"}]},
    ]
    events.write_text("".join(json.dumps(one) + "\n" for one in rows))
    windows = Windows.of_ms(2048, 512, 40, 44_100)
    made = boundary_pack(events, tmp_path / "labels.jsonl", windows)
    lines = [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text().splitlines()]
    assert [(one["sample_id"], one["edge"], one["window_index"], one["labels"]) for one in lines] == [
        ("a", "leading", 1, ["snare"]), ("b", "trailing", 0, ["crash", "kick"]),
    ]  # fmt: skip
    assert lines[0]["mood"] == 1
    assert (lines[0]["window_size"], lines[0]["hop_size"]) == (90317, 22579)
    assert lines[1]["distance_ms"] == pytest.approx(18, abs=0.05)
    assert (made.leading, made.trailing, made.no_onset) == (1, 1, 1)
    assert boundary_pack(events, None, windows, edges=["trailing"]).leading == 0
    assert boundary_pack(events, None, windows, exclude=["crash"]).trailing == 0
    assert boundary_pack(events, None, windows, include=["crash"]).leading == 0


@pytest.mark.parametrize("sizes", [(512, 0, 40), (512, 600, 40), (512, 100, 256), (float("nan"), 1, 1)])
def test_windows_that_cannot_be_are_refused(sizes: tuple[float, float, float]) -> None:
    with pytest.raises(InputError):
        Windows.of_ms(*sizes, 44_100)
