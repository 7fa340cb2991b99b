"""Composite labels: as fine as there are tracks for, never a label that is too rare."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tonewheel.core.errors import InputError
from tonewheel.systems.similar.features.record import Features
from tonewheel.systems.similar.labels import EVERYTHING, Edges, back_off, composite

TRACK = Features(
    path="a.wav",
    content_sha256="",
    seconds=60.0,
    tempo_bpm=120.0,
    brightness_hz=2e3,
    loudness_lufs=-9.0,
    key="C major",
)
parts = st.lists(
    st.tuples(
        st.sampled_from("01"), st.sampled_from(["slow", "fast"]), st.sampled_from(["low", "medium", "high"])
    ),
    min_size=1,
    max_size=60,
)


@pytest.mark.parametrize(
    ("tempo_bpm", "name"),
    [(134.9, "slow"), (135.0, "medium"), (141.9, "medium"), (142.0, "fast")],
)
def test_tempo_edges_are_those_of_the_format(tempo_bpm: float, name: str) -> None:
    assert composite(3, replace(TRACK, tempo_bpm=tempo_bpm))[:2] == ("3", name)


@pytest.mark.parametrize(
    ("energy", "name"), [(0.39, "low"), (0.4, "medium"), (0.59, "medium"), (0.6, "high")]
)
def test_energy_edges_are_those_of_the_format(energy: float, name: str) -> None:
    assert composite(0, replace(TRACK, energy_progression=energy))[2] == name


def test_edges_may_be_others_and_must_rise() -> None:
    assert composite(0, TRACK, Edges(tempo_bpm=(90.0, 110.0)))[1] == "fast"
    with pytest.raises(InputError, match="must rise"):
        Edges(energy=(0.6, 0.4))


def test_a_common_label_is_full_and_a_rare_one_is_coarser() -> None:
    tracks = [("0", "fast", "high")] * 6 + [("0", "fast", "low")] * 5 + [("0", "slow", "low")] * 4
    tracks += [("1", "slow", "low")] * 3 + [("1", "fast", "high")] * 2
    labels = Counter(back_off(tracks, fewest=4))
    assert labels == {"0_fast_high": 6, "0_fast_low": 5, "0_slow_low": 4, "1": 5}


@given(parts, st.integers(1, 8))
def test_every_label_has_enough_tracks_and_is_true(tracks: list[tuple[str, str, str]], fewest: int) -> None:
    labels = back_off(tracks, fewest)
    counts = Counter(labels)
    assert min(counts.values()) >= min(fewest, len(tracks))
    for label, track in zip(labels, tracks, strict=True):
        assert label == EVERYTHING or "_".join(track).startswith(label)
