"""Drum events keep what they do not know, and say what is wrong; labels fold as the taxonomy says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewheel.core.errors import InputError
from tonewheel.manifest import components
from tonewheel.manifest.drum_events import DrumEvent, broken, problems

plain_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
unknown = st.dictionaries(st.text(max_size=6).map("x".__add__) | st.just("extras"), plain_json, max_size=3)


@given(event=unknown, component=unknown, loudness=unknown, onset=st.floats(0, 1e9))
def test_unknown_keys_survive_reading_and_writing(
    event: dict[str, Any], component: dict[str, Any], loudness: dict[str, Any], onset: float
) -> None:
    row = {
        "sample_id": "a",
        "onset_time": onset,
        "is_synthetic": False,
        "components": [{"label": "gong", "velocity": 0.5, **component}, {"label": "kick"}],
        "techniques": [],
        "loudness": {"LUFS_i": -20.5, **loudness},
        "qc": {"status": "ok"},
        **event,
    }
    line = json.dumps(row).encode()
    read = DrumEvent.from_line(line)
    assert json.loads(read.to_line()) == row
    assert DrumEvent.from_line(read.to_line()) == read


def test_a_broken_line_says_everything_that_is_wrong() -> None:
    row = {"session_id": 3, "onset_time": -1, "components": [{"label": "kick", "velocity": 1.5}], "new": 1}
    assert problems(json.dumps(row).encode()) == [
        'key "sample_id" is missing',
        "session_id: expected str | null, got int",
        "onset_time: expected float >= 0.0",
        "components[0].velocity: expected float <= 1.0",
    ]
    with pytest.raises(InputError, match=r"events\.jsonl: not JSON"):
        DrumEvent.from_line(b'{"sample_id": "a", "onset_time": NaN}', "events.jsonl")


@pytest.mark.parametrize("line", [b'{"sample_id": "a", "x": "\x00"}', b"\xff", b"[" * 100_000, b'"a"', b""])
def test_no_line_is_too_odd_for_a_reason(line: bytes) -> None:
    assert broken(line)
    assert problems(line)


def test_whole_numbers_may_be_written_as_floats() -> None:
    assert (
        broken(b'{"sample_id": "a", "bar_index": 3.0, "components": [{"label": "x", "openness_raw": 64.0}]}')
        is None
    )
    assert broken(b'{"sample_id": "a", "bar_index": 3.5}')


def test_every_label_of_the_format_has_a_class_and_a_place_in_the_folds() -> None:
    named = (
        "kick snare rimshot cross_stick hihat_closed hihat_open hihat_pedal hihat_foot_splash ride ride_bow "
        "ride_bell crash crash2 splash china tom_high tom_mid tom_low aux_percussion"
    )
    labels = named.split()
    assert {components.class_of(label) for label in labels} == set(components.classes())
    for count in (3, 5, 8, 12):
        assert {components.fold(label, count) for label in labels} - {None} == set(
            components.fold_classes(count)
        )
    assert components.fold("china", 5) == "cymbal"
    assert components.fold("aux_percussion", 5) is None
    assert components.fold("CY", 8) is None  # nobody knows whether it is the ride


def test_the_general_midi_map_is_that_of_the_format() -> None:
    notes = {
        "kick": (35, 36), "snare": (38, 40), "cross_stick": (37,), "hihat_closed": (22, 42), "hihat_open": (26, 46),
        "hihat_pedal": (44,), "tom_high": (48, 50), "tom_mid": (45, 47), "tom_low": (41, 43, 58),
        "ride": (51, 53, 59), "crash": (49, 57), "china": (52,), "splash": (55,),
        "aux_percussion": (39, 54, 56, 69, 70),
    }  # fmt: skip
    expected = {note: label for label, own in notes.items() for note in own}
    assert {note: components.gm_label(note) for note in range(128) if components.gm_label(note)} == expected
    for label in notes:
        assert components.gm_label(components.gm_note(label)) == label


def test_errors_name_the_nearest_and_the_folds_there_are() -> None:
    with pytest.raises(InputError, match="did you mean"):
        components.class_of("snarre")
    with pytest.raises(InputError, match="3, 5, 8, 12"):
        components.fold("kick", 4)


def test_a_taxonomy_that_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    shipped = json.loads(components.SHIPPED.read_text())
    shipped["labels"]["kick"]["class"] = "drum"
    shipped["labels"]["snare"]["aliases"] = ["Floor Tom"]
    shipped["midi"]["notes"]["60"] = "bongo"
    path = tmp_path / "components.json"
    path.write_text(json.dumps(shipped))
    with pytest.raises(InputError) as raised:
        components.load_components(path)
    assert 'label "kick" is of no class: "drum"' in str(raised.value)
    assert '"floor_tom" means both "snare" and "tom_low"' in str(raised.value)
    assert "MIDI note 60" in str(raised.value)


def test_the_older_taxonomy_is_read_for_its_names(tmp_path: Path) -> None:
    path = tmp_path / "components.json"
    path.write_text('{"classes": [{"id": "kick", "aliases": ["Bass Drum"], "color": "red"}, {"id": "gong"}]}')
    assert components.label_names(path) == {"bass_drum": "kick", "kick": "kick", "gong": "gong"}
