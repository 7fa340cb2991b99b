"""What passes the door as a stem snapshot, and what does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewheel.core.errors import InputError
from tonewheel.manifest.stem_snapshot import FAMILIES, LARGEST_BYTES, StemSnapshot
from tonewheel.manifest.stem_snapshot_check import parse_snapshot, plain_class, unknown_keys


def sent(**changes: Any) -> dict[str, Any]:
    """A snapshot as a browser sends it, with some of its keys changed."""
    values: dict[str, Any] = {
        "id": "3F2B8C1E-9A4D-4C6E-8F00-0123456789AB",
        "timestamp": 1763728000000,
        "originalAudio": {"duration": 183.2, "sampleRate": 44100, "channels": 2},
        "quantumFeatures": {name: [0.25, -0.5, 1] for name in FAMILIES},
        "musicalContext": {
            "key": "Db",
            "mode": "minor",
            "bpm": None,
            "transients": [{"time": 0.5, "strength": 0.9}],
            "harmonicContent": {"dominantFrequencies": [55, 110.5], "tensionLevel": 0.3},
        },
        "groundTruthStems": {"vocals": [0.1, 0.2], "sub": []},
        "userCorrections": [
            {
                "correctedStem": "vocals",
                "correctionType": "cut",
                "frequencyRange": [200, 800],
                "timeRange": [1.5, 2],
                "strength": 0.5,
            },
            {"correctedStem": "bass", "correctionType": "boost", "strength": 1.7},
        ],
        "metadata": {"classification": "Full mix", "confidence": 0.8, "processingTime": 812.5},
    }
    values.update(changes)
    return values


def body(**changes: Any) -> bytes:
    return json.dumps(sent(**changes)).encode()


def test_every_field_arrives_where_its_name_says() -> None:
    found = parse_snapshot(body())
    assert found.original_audio.duration_s == 183.2
    assert found.context.transients[0].time_s == 0.5
    assert found.context.harmonic_content.dominant_frequencies_hz == (55.0, 110.5)
    assert found.ground_truth == {"vocals": (0.1, 0.2), "sub": ()}
    assert found.corrections is not None
    assert found.corrections[0].frequency_hz == (200.0, 800.0)
    assert found.corrections[1].time_s is None
    # Equal things are written equally: ids in small letters, flats as sharps, a class as plain words.
    assert found.id == "3f2b8c1e-9a4d-4c6e-8f00-0123456789ab"
    assert (found.context.key, found.metadata.classification) == ("C#", "full-mix")


def test_what_is_written_is_what_was_sent() -> None:
    found = parse_snapshot(body())
    again = json.loads(found.to_json())
    expected = sent(id=found.id)
    expected["musicalContext"]["key"] = "C#"
    expected["metadata"]["classification"] = "full-mix"
    assert again == expected
    assert parse_snapshot(found.to_json()) == found


def test_what_is_optional_may_be_left_out() -> None:
    values = sent()
    for name in ("groundTruthStems", "userCorrections"):
        del values[name]
    del values["musicalContext"]["mode"]
    found = parse_snapshot(json.dumps(values))
    assert found.ground_truth is None
    assert json.loads(found.to_json()).keys() == values.keys()
    assert json.loads(found.to_json())["musicalContext"]["bpm"] is None


REFUSED = {
    "id: is no UUID": {"id": "song 7"},
    "version 4": {"id": "3f2b8c1e-9a4d-1c6e-8f00-0123456789ab"},
    "36 characters": {"id": "3f2b8c1e9a4d4c6e8f000123456789ab"},
    "timestamp: expected float": {"timestamp": "now"},
    "timestamp: -1": {"timestamp": -1},
    "originalAudio.duration": {"originalAudio": {"duration": 0, "sampleRate": 44100, "channels": 2}},
    "originalAudio.channels": {"originalAudio": {"duration": 1, "sampleRate": 44100, "channels": 0}},
    "quantumFeatures.energy: 1001": {
        "quantumFeatures": {**sent()["quantumFeatures"], "energy": [0.0] * 1001}
    },
    "quantumFeatures.stereo": {"quantumFeatures": {**sent()["quantumFeatures"], "stereo": [0.0, None]}},
    'key "spectral" is missing': {"quantumFeatures": {}},
    'no stem "vocal".*vocals': {"groundTruthStems": {"vocal": []}},
    "groundTruthStems.bass: 501": {"groundTruthStems": {"bass": [0] * 501}},
    r"userCorrections\[0\].correctedStem": {
        "userCorrections": [{"correctedStem": "horn", "correctionType": "cut", "strength": 1}]
    },
    "correctionType": {
        "userCorrections": [{"correctedStem": "bass", "correctionType": "mute", "strength": 1}]
    },
    "at most 100": {
        "userCorrections": [{"correctedStem": "bass", "correctionType": "cut", "strength": 1}] * 101
    },
    "dominantFrequencies: 11": {
        "musicalContext": {
            **sent()["musicalContext"],
            "harmonicContent": {"dominantFrequencies": [55] * 11, "tensionLevel": 0},
        }
    },
    'musicalContext.key: "H"': {"musicalContext": {**sent()["musicalContext"], "key": "H"}},
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_snapshot_that_does_not_fit_is_refused_by_name(reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        parse_snapshot(body(**REFUSED[reason]))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_refused(number: str) -> None:
    with pytest.raises(InputError):
        parse_snapshot(body().replace(b"-0.5", number.encode(), 1))


def test_a_huge_or_deep_body_is_refused() -> None:
    with pytest.raises(InputError, match="at most"):
        parse_snapshot(b" " * (LARGEST_BYTES + 1))
    deep = b'{"a":' * 60_000 + b"1" + b"}" * 60_000
    with pytest.raises(InputError, match="too deeply"):
        parse_snapshot(deep[:LARGEST_BYTES])
    with pytest.raises(InputError):
        parse_snapshot(b"[" * 100_000 + b"]" * 100_000)


def test_files_may_hold_lists_that_are_too_long() -> None:
    values = sent()
    values["musicalContext"]["harmonicContent"]["dominantFrequencies"] = list(range(50, 90))
    found = parse_snapshot(json.dumps(values), trim=True)
    assert found.context.harmonic_content.dominant_frequencies_hz == tuple(range(50, 60))


def test_no_free_text_passes() -> None:
    values = sent(trackName="secret tape.wav")
    values["metadata"] |= {"classification": "secret tape.wav", "user": "secret"}
    values["userCorrections"][0]["note"] = "secret"
    raw = json.dumps(values)
    assert "secret" not in parse_snapshot(raw).to_json()
    assert set(unknown_keys(json.loads(raw))) == {"trackName", "metadata.user", "userCorrections.note"}
    assert plain_class("ünïcode") == "other"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(
    name=st.sampled_from(sorted(sent())),
    inner=st.sampled_from(["", "key", "bpm", "vocals", "channels"]),
    value=JSON,
)
def test_wild_values_are_taken_or_refused_and_never_crash(name: str, inner: str, value: Any) -> None:
    values = sent()
    if inner and isinstance(values[name], dict):
        values[name][inner] = value
    else:
        values[name] = value
    try:
        found = parse_snapshot(json.dumps(values))
    except InputError:
        return
    assert isinstance(found, StemSnapshot)
    assert parse_snapshot(found.to_json()) == found


@given(st.binary(max_size=200))
def test_wild_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(InputError):
        parse_snapshot(raw)
