"""Labels: a song is the same everywhere, fits its form, and its versions are labelled as they differ."""

from __future__ import annotations

import numpy as np
import pytest

from tonewheel.core.errors import InputError
from tonewheel.synth.compose import compose
from tonewheel.synth.drums import LABELS
from tonewheel.synth.harmony import SCALES, voice_lead
from tonewheel.synth.song import METRES, Song
from tonewheel.synth.styles import STYLES
from tonewheel.synth.versions import align


@pytest.mark.parametrize("style", sorted(STYLES))
def test_every_style_composes_a_consistent_song(style: str) -> None:
    song = compose(11, style, seconds=60.0)
    bar_s = METRES[song.metre][0] * song.beat_s
    assert song == compose(11, style, seconds=60.0)
    assert Song.from_json(song.to_json()) == song
    assert 40 < song.seconds < 95
    for before, after in zip(song.sections, song.sections[1:], strict=False):
        assert after.start_s == pytest.approx(before.end_s)
    for section in song.sections:
        assert section.end_s - section.start_s == pytest.approx(section.bars * bar_s, rel=1e-9)
    assert song.chords[0].start_s == song.sections[0].start_s
    assert song.chords[-1].end_s == pytest.approx(song.sections[-1].end_s)
    assert {event.label for event in song.drums} <= set(LABELS)
    assert all(0 < event.velocity <= 1 and 0 <= event.onset_s < song.seconds for event in song.drums)
    assert all(
        0 <= note.start_s < song.seconds and 0 < note.velocity <= 1
        for part in song.parts
        for note in part.notes
    )


def test_songs_differ() -> None:
    songs = [compose(seed, seconds=20.0) for seed in range(40)]
    assert len({song.style for song in songs}) > 10
    assert len({song.key for song in songs}) > 20
    assert min(song.tempo_bpm for song in songs) < 80 < 130 < max(song.tempo_bpm for song in songs)
    assert {song.metre for song in songs} == set(METRES)


def test_lead_stays_in_key_and_chords_name_the_scale() -> None:
    song = compose(21, "pop")
    scale = {(song.tonic + step) % 12 for step in SCALES[song.mode]}
    lead = song.parts[-1]
    assert {note.pitch % 12 for note in lead.notes} <= scale
    assert {chord.root for chord in song.chords} <= scale


def test_voice_leading_moves_little() -> None:
    voicing = (60, 64, 67)
    following = voice_lead((9, 0, 4), voicing, 62.0)
    assert sorted(pitch % 12 for pitch in following) == [0, 4, 9]
    assert sum(abs(a - b) for a, b in zip(voicing, following, strict=True)) <= 3


@pytest.mark.parametrize("kind", ["live", "cover"])
def test_version_transposes_the_tune_and_aligns_beats(kind: str) -> None:
    song = compose(31, "rock", seconds=60.0)
    for seed in range(6):
        other = song.version(seed, kind=kind)
        assert other == song.version(seed, kind=kind)
        assert other.title == song.title
        assert abs(np.log(other.tempo_bpm / song.tempo_bpm)) < (0.051 if kind == "live" else 0.151)
        assert (other.parts[0].instrument == song.parts[0].instrument) == (kind == "live")
        shift = (other.tonic - song.tonic) % 12
        sources = {section.source for section in other.sections}
        assert len(sources & {section.source for section in song.sections}) >= len(song.sections) - 1
        beats = align(song, other)
        assert np.allclose(np.diff(beats[:, 0])[:4], song.beat_s)
        assert np.allclose(np.diff(beats[:, 1])[:4], other.beat_s)
        chord = next(chord for chord in song.chords if chord.start_s >= beats[0, 0] - 1e-9)
        twin = next(chord for chord in other.chords if chord.start_s >= beats[0, 1] - 1e-9)
        assert (twin.root - chord.root) % 12 == shift
        assert twin.quality == chord.quality


def test_unknown_names_are_refused() -> None:
    with pytest.raises(InputError, match="folk"):
        compose(1, "fokl")
    with pytest.raises(InputError, match="kind"):
        compose(1).version(2, kind="remix")
    with pytest.raises(InputError, match="no version"):
        align(compose(1), compose(2))
