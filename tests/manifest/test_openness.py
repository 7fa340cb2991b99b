"""Openness: the curve of the module, found without case, its sense whatever it is, raw values kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewheel.core.errors import InputError
from tonewheel.manifest.event_lines import BrokenLineError
from tonewheel.manifest.openness import GENERIC, Breakpoint, Curve, Curves, calibrate


def curve(curve_id: str, *points: tuple[float, float], offset: float = 0.0) -> dict[str, Any]:
    return {
        "curve_id": curve_id,
        "offset": offset,
        "breakpoints": [{"raw": raw, "normalized": value} for raw, value in points],
    }


def write_curves(path: Path, **vendors: Any) -> Path:
    path.write_text(json.dumps({"schema_version": 1, "vendors": vendors}))
    return path


def write_events(path: Path, *events: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in events))
    return path


def hat(sample_id: str, raw: int | None, label: str = "hihat_open", **event: Any) -> dict[str, Any]:
    component = {"label": label, "skin": "kept"} | ({} if raw is None else {"openness_raw": raw})
    return {"sample_id": sample_id, "components": [component], **event}


@given(
    st.lists(
        st.tuples(st.integers(0, 127), st.floats(0, 1)), min_size=2, max_size=6, unique_by=lambda p: p[0]
    ),
    st.floats(-1, 1),
    st.integers(0, 127),
)
def test_it_is_numpys_interpolation_then_offset_then_clip(
    points: list[tuple[int, float]], offset: float, raw: int
) -> None:
    points.sort()
    breakpoints = tuple(Breakpoint(raw=x, normalized=y) for x, y in points)
    expected = np.clip(np.interp(raw, *zip(*points, strict=True)) + offset, 0, 1)
    assert Curve(curve_id="x", breakpoints=breakpoints, offset=offset)(raw) == pytest.approx(expected)


def test_vendor_model_override_and_polarity(tmp_path: Path) -> None:
    curves = write_curves(
        tmp_path / "curves.json",
        Roland={"TD-17": curve("td17", (0, 1), (90, 0))},
        alesis={"Strike": curve("strike", (0, 0), (127, 1), offset=0.1)},
    )
    events = write_events(
        tmp_path / "events.jsonl",
        hat("a", 45, device_vendor="ROLAND", device_model="td-17"),
        hat("b", 90, vendor="Alesis", model="STRIKE"),
        hat("c", 127, vendor="Alesis", model="STRIKE")
        | {"components": [{"label": "hihat_open", "openness_raw": 127, "openness_curve_id": "TD17"}]},
        hat("d", 10, vendor="Nobody", model="X"),
        hat("e", None, vendor="Roland", model="TD-17"),
        hat("f", 10, "kick", vendor="Roland", model="TD-17"),
    )
    done = calibrate(events, tmp_path / "out.jsonl", Curves.read(curves))
    out = [json.loads(line)["components"][0] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert out[0] == {
        "label": "hihat_open", "skin": "kept", "openness_raw": 45, "openness": 0.5,
        "openness_curve_id": "td17", "openness_calibrated": True,
    }  # fmt: skip
    assert out[1]["openness"] == pytest.approx(90 / 127 + 0.1, abs=1e-6)
    assert (out[2]["openness"], out[2]["openness_raw"]) == (0.0, 127)
    assert "openness" not in out[3] | out[4] | out[5]
    assert (done.events, done.changed, done.hats, done.calibrated) == (6, 3, 4, 3)
    assert done.by_curve == {"strike": 1, "td17": 2}
    assert done.no_curve == {"Nobody X": 1}
    # Once more changes nothing.
    assert calibrate(tmp_path / "out.jsonl", None, Curves.read(curves)).changed == 0


def test_a_wrong_polarity_is_told(tmp_path: Path) -> None:
    events = write_events(
        tmp_path / "events.jsonl", hat("a", 0, "hihat_open"), hat("b", 90, "hihat_closed"), hat("c", 5, "ohh")
    )
    known = Curves.read(GENERIC)
    wrong = calibrate(events, None, known, default=known.must("generic_high_is_open"))
    assert "does this module send high for closed" in wrong.warnings[0]
    assert wrong.by_curve == {"generic_high_is_open": 3}
    right = calibrate(events, None, known, default=known.must("generic_high_is_closed_90"))
    assert right.warnings == ()
    with pytest.raises(InputError, match="did you mean"):
        known.must("generic_high_is_opn")


def test_a_dry_run_writes_nothing_and_untouched_lines_stay_byte_for_byte(tmp_path: Path) -> None:
    odd = '{ "sample_id" : "a",  "x": 1.50, "components": [] }\n'
    events = tmp_path / "events.jsonl"
    events.write_text(odd)
    before = sorted(tmp_path.iterdir())
    assert calibrate(events, None, Curves.read()).dry_run
    assert sorted(tmp_path.iterdir()) == before
    calibrate(events, events, Curves.read())
    assert events.read_text() == odd


def test_broken_lines_are_set_apart_with_their_reason(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_bytes(b'{"sample_id": "a"}\n{"sample_id": 3}\nnonsense \xff\n\n{"sample_id": "b"}')
    done = calibrate(events, tmp_path / "out.jsonl", Curves.read())
    assert (done.events, done.quarantined) == (2, 2)
    apart = [json.loads(line) for line in (tmp_path / "out.quarantine.jsonl").read_text().splitlines()]
    assert [one["line"] for one in apart] == [2, 3]
    assert apart[0]["text"] == '{"sample_id": 3}'
    with pytest.raises(BrokenLineError):
        calibrate(events, tmp_path / "strict.jsonl", Curves.read(), strict=True)
    assert not (tmp_path / "strict.jsonl").exists()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (curve("x", (0, 0)), "at least 2 breakpoints"),
        (curve("x", (0, 0), (0, 1)), "two breakpoints have raw 0"),
        (curve("x", (0, 0), (128, 1)), "raw 0..127"),
        (curve("x", (0, 0), (127, 1.5)), "normalized 0..1"),
        (curve("", (0, 0), (127, 1)), "curve_id is empty"),
        (curve("x", (0, 0), (127, 1), offset=9), "offset must be"),
    ],
)
def test_curves_that_cannot_be_are_refused(tmp_path: Path, bad: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=f"V M: .*{reason}"):
        Curves.read(write_curves(tmp_path / "curves.json", V={"M": bad}))
