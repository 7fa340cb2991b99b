"""Tempo and bars: exact where the playing is exact, close where people play, honest where nothing is heard."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import generator
from tonewheel.manifest.drum_hits import DrumHit
from tonewheel.manifest.midi import read_midi
from tonewheel.manifest.timing import steady
from tonewheel.synth.compose import compose
from tonewheel.systems.drums.rhythm import fit, pulse
from tonewheel.systems.drums.rhythm.tempo import Tempo, find_tempo, snap

OCTAVE = 0.04
GROOVES = 24


def beat(
    bpm: float, bars: int = 16, offset_s: float = 0.0, beats: int = 4, jitter_s: float = 0.0
) -> list[DrumHit]:
    """Kick on one, snare on the back beats, hats in between."""
    rng = generator(1, str(bpm), beats)
    hits = []
    for step in range(bars * beats * 2):
        time_s = offset_s + step * 30 / bpm + (rng.normal(0, jitter_s) if jitter_s else 0.0)
        place = step % (2 * beats)
        labels = ["hihat_closed"]
        labels += ["kick"] if place == 0 or (beats == 4 and place == 4) else []
        labels += ["snare"] if place in ((2, 6) if beats == 4 else (2, 4)) else []
        hits += [DrumHit(onset_s=max(0.0, time_s), label=label, velocity=0.7) for label in labels]
    return hits


def far(found: Tempo, bpm: float) -> float:
    return abs(found.bpm / bpm - 1)


@pytest.mark.parametrize("bpm", [72.0, 97.3, 120.0, 141.7, 178.0])
def test_an_exact_tempo_is_found_exactly(bpm: float) -> None:
    found = find_tempo(beat(bpm, offset_s=0.75))
    assert far(found, bpm) < 1e-4
    assert found.offset_s == pytest.approx(0.75, abs=1e-3)
    assert found.meter == "4/4"
    assert found.meter_sure
    assert len(found.timing.points) == 1


def test_hours_of_one_tempo_have_one_point() -> None:
    found = find_tempo(beat(150.0, bars=2400))
    assert len(found.timing.points) == 1
    assert far(found, 150.0) < 1e-5


def test_human_timing_moves_neither_tempo_nor_bar() -> None:
    found = find_tempo(beat(104.0, bars=24, offset_s=0.5, jitter_s=0.012))
    assert far(found, 104.0) < 2e-3
    assert found.offset_s == pytest.approx(0.5, abs=0.02)


def test_three_beats_are_three() -> None:
    found = find_tempo(beat(110.0, beats=3, bars=20))
    assert (found.meter, found.meter_sure) == ("3/4", True)
    assert found.offset_s == pytest.approx(0.0, abs=1e-3)


def test_what_says_nothing_about_the_meter_is_not_sure() -> None:
    clicks = [DrumHit(onset_s=k * 0.5, label="hihat_closed") for k in range(64)]
    found = find_tempo(clicks)
    assert found.meter == "4/4"
    assert not found.meter_sure
    assert "not sure" in str(found)


def test_noise_has_less_confidence_than_a_beat() -> None:
    rng = generator(3, "noise")
    noise = [DrumHit(onset_s=float(t), label="snare") for t in np.sort(rng.uniform(0, 40, 120))]
    assert find_tempo(noise).confidence < 0.5 < find_tempo(beat(120.0)).confidence


def test_too_little_is_said_to_be_too_little() -> None:
    for hits in ([], [DrumHit(onset_s=1.25, label="kick")]):
        found = find_tempo(hits)
        assert (found.bpm, found.confidence) == (120.0, 0.0)
    assert find_tempo([DrumHit(onset_s=1.25, label="kick")]).offset_s == 1.25


def test_a_drifting_tempo_gets_points_that_follow_it() -> None:
    time_s, hits, beats_s = 0.0, [], []
    for number in range(160):
        beats_s.append(time_s)
        hits.append(DrumHit(onset_s=time_s, label="kick" if number % 2 == 0 else "snare"))
        hits.append(DrumHit(onset_s=time_s + 30 / (100 + number * 0.1), label="hihat_closed", velocity=0.5))
        time_s += 60 / (100 + number * 0.1)  # 100 to 116 BPM
    timing = find_tempo(hits).timing
    assert 2 <= len(timing.points) <= 12
    assert timing.points[-1].bpm > timing.points[0].bpm + 8
    away = []
    for at_s in beats_s:
        point = timing.at(at_s)
        turns = (at_s - point.time_s) * point.bpm / 60
        away.append(abs(turns - round(turns)) * 60 / point.bpm)
    assert max(away) < 0.06
    assert np.median(away) < 0.015


def test_a_change_of_song_changes_the_tempo() -> None:
    first = beat(90.0, bars=12)
    second = beat(132.0, bars=16, offset_s=first[-1].onset_s + 2.0)
    found = find_tempo([*first, *second])
    tempi = [point.bpm for point in found.timing.points]
    assert min(abs(bpm - 90) for bpm in tempi) < 0.5
    assert min(abs(bpm - 132) for bpm in tempi) < 0.5


def test_a_given_tempo_and_offset_are_taken() -> None:
    hits = beat(120.0, offset_s=0.3)
    slow = find_tempo(hits, bpm=60.0)
    assert slow.bpm == 60.0
    assert slow.confidence == 1.0
    assert (slow.offset_s - 0.3) % 0.5 == pytest.approx(0.0, abs=5e-3) or (slow.offset_s - 0.3) % 0.5 > 0.495
    moved = find_tempo(hits, offset_s=0.1)
    assert moved.offset_s == 0.1
    assert far(moved, 120.0) < 1e-3
    both = find_tempo(hits, bpm=100.0, offset_s=-0.2)
    assert both.timing == steady(100.0, -0.2, both.meter)
    with pytest.raises(InputError, match="--tempo: bpm must be"):
        find_tempo(hits, bpm=-3.0)
    with pytest.raises(InputError, match="--offset: must be seconds"):
        find_tempo(hits, offset_s=float("nan"))


def test_synthesised_songs_have_the_tempo_that_they_were_composed_in() -> None:
    errors, bars = [], []
    for seed in range(9_000_000, 9_000_012):
        song = compose(seed, seconds=40.0)
        if song.metre != "4/4" or len(song.drums) < 60:
            continue
        hits = [DrumHit(onset_s=e.onset_s, label=e.label, velocity=e.velocity) for e in song.drums]
        found = find_tempo(hits)
        if far(found, song.tempo_bpm) > OCTAVE:
            continue
        errors.append(far(found, song.tempo_bpm))
        downbeats = np.array([time_s for time_s, number in song.beats() if number == 1])
        bars.append(np.abs(downbeats - found.offset_s).min() < 0.03)
    assert len(errors) >= 5
    assert np.median(errors) < 2e-4
    assert np.mean(bars) >= 0.7


def test_snapping_moves_to_the_grid_and_nothing_else_does() -> None:
    hits = [
        DrumHit(onset_s=0.51, label="kick", confidence=0.5),
        DrumHit(onset_s=0.49, label="kick", confidence=0.9),
        DrumHit(onset_s=0.88, label="snare"),
        DrumHit(onset_s=0.01, label="snare"),
    ]
    snapped = snap(hits, steady(120.0, 0.25), "1/16")
    assert [(h.onset_s, h.label) for h in snapped] == [(0.0, "snare"), (0.5, "kick"), (0.875, "snare")]
    assert snapped[1].confidence == 0.9
    triplet = snap([DrumHit(onset_s=0.3, label="kick")], steady(120.0), "1/12")
    assert triplet[0].onset_s == pytest.approx(1 / 3, abs=1e-6)
    for wrong in ("2/16", "1/0", "1/65", "sixteenth"):
        with pytest.raises(InputError, match="--snap: must be a note value"):
            snap(hits, steady(120.0), wrong)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 60), st.sampled_from(["kick", "snare", "ride", "theremin"]), st.floats(0, 1)),
        max_size=60,
    )
)
def test_any_hits_have_some_timing(raw: list[tuple[float, str, float]]) -> None:
    found = find_tempo([DrumHit(onset_s=t, label=name, velocity=v) for t, name, v in raw])
    assert 40 < found.bpm < 320
    assert found.offset_s >= -1e-3
    assert 0 <= found.confidence <= 1
    times = [point.time_s for point in found.timing.points]
    assert times == sorted(times)


def test_the_weights_can_be_fitted_again() -> None:
    weights = fit.fit(None, count=6, seed=1)
    assert len(weights.cues) == len(pulse.CUES) == len(pulse.shipped().cues)
    assert np.shape(weights.bars.four) == np.shape(pulse.shipped().bars.four) == (8, 5)
    found = find_tempo(beat(120.0), weights=weights)
    assert min(abs(found.bpm / 120 - k) for k in (0.5, 1, 2)) < 0.01


@pytest.mark.slow
def test_grooves_that_people_played(shared_audio: Path) -> None:
    folder = shared_audio / "drums" / "groove"
    with (folder / "info.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "validation"]
    rows = [r for r in rows if float(r["duration"]) > 20 and 60 <= float(r["bpm"]) <= 200][:GROOVES]
    ratios = []
    for row in rows:
        found = find_tempo(read_midi(folder / row["midi_filename"]).hits)
        ratios.append(found.bpm / float(row["bpm"]))
    right = np.abs(np.log2(ratios)) < np.log2(1 + OCTAVE)
    octaves = np.abs(np.log2(ratios) - np.round(np.log2(ratios))) < np.log2(1 + OCTAVE)
    assert right.mean() >= 0.75
    assert octaves.mean() >= 0.85
    assert np.median(np.abs(np.array(ratios)[right] - 1)) < 2e-3
