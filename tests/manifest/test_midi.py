"""MIDI drums: what mido itself plays is what we read, what we write reads back, broken files are refused."""

from __future__ import annotations

from pathlib import Path

import mido
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tonewheel.core.errors import InputError
from tonewheel.manifest.drum_hits import DrumHit
from tonewheel.manifest.midi import read_midi, write_midi
from tonewheel.manifest.openness import Breakpoint, Curve
from tonewheel.manifest.timing import Timing, TimingPoint

HAT_NOTES = (42, 46, 44)


def save(path: Path, *tracks: list[mido.Message | mido.MetaMessage], ticks: int = 480, kind: int = 1) -> Path:
    file = mido.MidiFile(type=kind, ticks_per_beat=ticks)
    for messages in tracks:
        file.tracks.append(mido.MidiTrack(messages))
    file.save(str(path))
    return path


def note(time: int, number: int, velocity: int = 100, channel: int = 9) -> mido.Message:
    return mido.Message("note_on", channel=channel, note=number, velocity=velocity, time=time)


def cc4(time: int, value: int) -> mido.Message:
    return mido.Message("control_change", channel=9, control=4, value=value, time=time)


def test_notes_velocity_and_tempo_map(tmp_path: Path) -> None:
    tempo = [
        mido.MetaMessage("set_tempo", tempo=500_000, time=0),
        mido.MetaMessage("time_signature", numerator=6, denominator=8, time=480),
        mido.MetaMessage("set_tempo", tempo=1_000_000, time=480),
    ]
    drums = [note(0, 36, 127), note(480, 38, 64), note(480, 49, 1), note(480, 42), note(0, 42, 0)]
    score = read_midi(save(tmp_path / "a.mid", tempo, drums))
    assert [(hit.onset_s, hit.label) for hit in score.hits] == [
        (0.0, "kick"), (0.5, "snare"), (1.0, "crash"), (2.0, "hihat_closed"),
    ]  # fmt: skip
    assert score.hits[1].velocity == pytest.approx(64 / 127)
    assert [(one.time_s, one.bpm, one.meter) for one in score.timing.points] == [
        (0.0, 120.0, "4/4"), (0.5, 120.0, "6/8"), (1.0, 60.0, "6/8"),
    ]  # fmt: skip


def test_openness_is_the_last_value_at_the_hit_and_the_raw_one_is_kept(tmp_path: Path) -> None:
    # The value of the same tick counts, even from a later track; a kick has none.
    drums = [note(0, 42), note(100, 46), note(100, 36), note(100, 46)]
    pedal = [cc4(100, 127), cc4(150, 64)]
    hits = read_midi(save(tmp_path / "a.mid", drums, pedal)).hits
    assert [hit.openness_raw for hit in hits] == [None, 127, None, 64]
    assert [hit.openness for hit in hits] == [None, 1.0, None, pytest.approx(64 / 127)]


def test_a_pedal_that_sends_high_for_closed_is_noticed(tmp_path: Path) -> None:
    drums = [cc4(0, 90), note(0, 42), note(100, 42), cc4(10, 0), note(90, 46), cc4(10, 45), note(90, 26)]
    score = read_midi(save(tmp_path / "a.mid", drums))
    assert score.openness_curve_id == "guessed_high_is_closed_90"
    assert [hit.openness for hit in score.hits] == [0.0, 0.0, 1.0, 0.5]
    told = Curve(
        curve_id="mine", breakpoints=(Breakpoint(raw=0, normalized=0), Breakpoint(raw=90, normalized=1))
    )
    assert [hit.openness for hit in read_midi(tmp_path / "a.mid", curve=told).hits] == [1.0, 1.0, 0.0, 0.5]


def test_notes_without_a_label_are_counted_and_other_channels_are_named(tmp_path: Path) -> None:
    score = read_midi(save(tmp_path / "a.mid", [note(0, 36), note(0, 3), note(0, 3)]))
    assert (len(score.hits), score.unknown_notes) == (1, {3: 2})
    with pytest.raises(InputError, match="notes on channel 1, 3, but none on 10"):
        read_midi(save(tmp_path / "b.mid", [note(0, 36, channel=0), note(0, 36, channel=2)]))
    assert len(read_midi(tmp_path / "b.mid", channel=3).hits) == 1


def test_time_code_files_have_seconds_of_their_own(tmp_path: Path) -> None:
    path = save(tmp_path / "a.mid", [note(0, 36), note(1000, 36)])
    content = bytearray(path.read_bytes())
    content[12:14] = bytes([256 - 25, 40])  # 25 frames a second, 40 ticks a frame
    path.write_bytes(content)
    assert [hit.onset_s for hit in read_midi(path).hits] == [0.0, 1.0]


HITS = st.builds(
    DrumHit,
    onset_s=st.floats(0, 600),
    label=st.sampled_from(["kick", "snare", "cross_stick", "hihat_closed", "hihat_open", "ride", "tom_low"]),
    velocity=st.integers(1, 127).map(lambda value: value / 127),
    openness=st.none() | st.integers(0, 127).map(lambda value: value / 127),
)


def test_many_changes_of_tempo_do_not_add_their_errors_up(tmp_path: Path) -> None:
    points = tuple(TimingPoint(time_s=number * 0.50029, bpm=60 + number % 7) for number in range(400))
    write_midi(tmp_path / "a.mid", [DrumHit(onset_s=199.9, label="kick")], Timing(points=points))
    assert abs(read_midi(tmp_path / "a.mid").hits[0].onset_s - 199.9) < 0.0003


@settings(max_examples=40, deadline=None)
@given(st.lists(HITS, max_size=30), st.floats(30, 300), st.floats(0.1, 300), st.floats(30, 300))
@example([DrumHit(onset_s=1.5078125, label="kick")], 30.0, 1.5078125, 91.0)
def test_written_hits_read_back(
    tmp_path_factory: pytest.TempPathFactory, hits: list[DrumHit], bpm: float, change_s: float, after: float
) -> None:
    path = tmp_path_factory.mktemp("midi") / "a.mid"
    timing = Timing(
        points=(TimingPoint(time_s=0, bpm=bpm), TimingPoint(time_s=change_s, bpm=after, meter="7/8"))
    )
    write_midi(path, hits, timing)
    again = read_midi(path).hits
    assert sorted(hit.label for hit in again) == sorted(hit.label for hit in hits)
    for label in {hit.label for hit in hits}:
        wrote = sorted((hit for hit in hits if hit.label == label), key=lambda hit: hit.onset_s)
        read = [hit for hit in again if hit.label == label]
        assert all(abs(a.onset_s - b.onset_s) < 0.0006 for a, b in zip(wrote, read, strict=True))
        assert sorted(round(hit.velocity * 127) for hit in wrote) == sorted(
            round(hit.velocity * 127) for hit in read
        )


def test_openness_survives_writing(tmp_path: Path) -> None:
    hits = [
        DrumHit(onset_s=0.5, label="hihat_open", openness=20 / 127),
        DrumHit(onset_s=1.0, label="hihat_closed", openness=1.0),
    ]
    write_midi(tmp_path / "a.mid", hits)
    # The file says in which sense its CC4 is, so these odd values are not taken for the other one.
    assert [hit.openness for hit in read_midi(tmp_path / "a.mid").hits] == [pytest.approx(20 / 127), 1.0]


def test_a_hit_that_cannot_be_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is this a MIDI velocity"):
        write_midi(tmp_path / "a.mid", [DrumHit(onset_s=0, label="kick", velocity=90)])
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_files_are_refused_or_read_but_never_crash(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("midi") / "a.mid"
    write_midi(path, [DrumHit(onset_s=n / 4, label="hihat_open", openness=0.5) for n in range(5)])
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        score = read_midi(path)
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert all(hit.onset_s >= 0 for hit in score.hits)


@pytest.mark.parametrize("content", [b"", b"RIFF....", b"MThd", b"\0" * 100])
def test_what_is_no_midi_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mid"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_midi(path)
    with pytest.raises(InputError):
        read_midi(tmp_path)


def test_grooves_are_read_as_mido_plays_them(shared_audio: Path) -> None:
    files = sorted((shared_audio / "drums" / "groove").rglob("*.mid"), key=lambda path: path.stat().st_size)
    if not files:
        pytest.skip("no grooves")
    for path in files[100:400:100]:
        now, played = 0.0, []
        for message in mido.MidiFile(path):
            now += message.time
            if message.type == "note_on" and message.velocity > 0:
                played.append((now, message.note))
        read = read_midi(path)
        assert len(read.hits) + sum(read.unknown_notes.values()) == len(played)
        assert [hit.onset_s for hit in read.hits] == pytest.approx(
            sorted(time for time, number in played if number not in read.unknown_notes)
        )
