"""Songs made to learn from: what is asked for sounds, when and where it should."""

from __future__ import annotations

import ctypes.util
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonewheel.core.errors import InputError
from tonewheel.core.seeds import generator
from tonewheel.synth.speech import draw_speaker, phrase
from tonewheel.systems.stems.making import desk, soundfont
from tonewheel.systems.stems.making.kits import Stroke, drum, read_kits
from tonewheel.systems.stems.making.singer import Sung, draw_manner, listen, sing
from tonewheel.systems.stems.making.songs import from_midi
from tonewheel.systems.stems.making.studio import Sources, Studio
from tonewheel.systems.stems.prepare import prepare

RATE = 44_100
FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")


def test_a_singer_hits_the_note() -> None:
    rng = generator(1, "singer")
    spoken = [phrase(rng, draw_speaker(rng), 2.0, RATE) for _ in range(4)]
    heard = [speech for audio in spoken if (speech := listen(audio, 17_000.0)) and speech.syllables]
    assert heard
    manner = draw_manner(rng)._replace(vibrato_semitones=0.0, breath=0.02)
    voice = sing(rng, manner, heard, [Sung(0.3, 1.4, 57.0, 0.8)], 2.0)
    middle = voice[int(0.7 * RATE) : int(1.3 * RATE)]
    lags = np.correlate(middle, middle, "full")[len(middle) :]
    found_hz = RATE / (np.argmax(lags[80:600]) + 81)
    assert 12 * abs(np.log2(found_hz / 220)) < 0.6
    assert np.abs(voice[: int(0.05 * RATE)]).max() < 0.05 * np.abs(voice).max()


def test_silence_is_no_speech() -> None:
    assert listen(np.zeros(RATE, np.float32), 8000.0) is None


def test_strokes_sound_when_they_are_struck_and_a_closing_hat_chokes(tmp_path: Path) -> None:
    shot = np.exp(-np.arange(RATE) / 8000).astype(np.float32) * np.sin(np.arange(RATE) * 0.3)
    for name in ("kick", "hihat_open", "hihat_closed"):
        soundfile.write(tmp_path / f"{name}.wav", shot * (0.01 if name == "hihat_closed" else 0.5), RATE)
    index = tmp_path / "index.csv"
    rows = ["path,kind,kit,label,sublabel,license,split"]
    rows += [
        f"{name}.wav,oneshot,mine,{name},,CC0 1.0,train" for name in ("kick", "hihat_open", "hihat_closed")
    ]
    index.write_text("\n".join(rows), encoding="utf-8")
    (kit,) = read_kits(index)
    audio = drum(generator(0), kit, [Stroke(0.5, "kick", 1.0)], 1.5)
    assert audio.shape == (2, round(1.5 * RATE))
    assert np.abs(audio[:, : round(0.499 * RATE)]).max() == 0 < np.abs(audio[:, round(0.5 * RATE) :]).max()
    rings, choked = (
        drum(generator(0), kit, [Stroke(0.1, "hihat_open", 1.0), *more], 1.0)
        for more in ([], [Stroke(0.2, "hihat_closed", 0.05)])
    )
    late = slice(round(0.3 * RATE), round(0.5 * RATE))
    assert desk.rms(choked[:, late]) < 0.2 * desk.rms(rings[:, late])
    assert kit.choose("ride") is None
    assert kit.choose("hihat_pedal") == "hihat_closed"


def test_an_amplifier_adds_partials_and_a_compressor_narrows_the_range() -> None:
    t = np.arange(RATE) / RATE
    tone = (0.1 * np.sin(2 * np.pi * 200 * t)).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(desk.amplifier(generator(0), tone, 1.0)[:RATE]))
    assert spectrum[600] > 0.02 * spectrum[200]
    steps = tone[None] * np.where(t < 0.5, 1.0, 0.1).astype(np.float32)
    squashed = desk.squash(generator(2), steps)
    before, after = (desk.rms(a[:, 8000:20000]) / desk.rms(a[:, 30000:42000]) for a in (steps, squashed))
    assert after <= before


def test_a_soundfont_plays_the_pitch_it_is_asked_for() -> None:
    if ctypes.util.find_library("fluidsynth") is None or not FONT.is_file():
        pytest.skip("libfluidsynth or its General MIDI soundfont is not here")
    audio = soundfont.play([(0.25, 0.6, 69, 0.8)], 73, FONT, 1.0)
    assert audio.shape == (2, RATE)
    assert np.abs(audio[:, : RATE // 5]).max() < 1e-4
    spectrum = np.abs(np.fft.rfft(audio[0, RATE // 4 : RATE // 4 + RATE // 2]))
    assert abs(np.argmax(spectrum) * 2 - 440) <= 6


def test_a_broken_midi_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.mid"
    path.write_bytes(b"MThd\x00\x00\x00\x06garbage")
    studio = Studio((), (), (), (), desk.Rooms([]))
    with pytest.raises(InputError, match=r"broken\.mid"):
        from_midi(generator(0), studio, path, 0.0)


def test_multitracks_are_taken_in_and_what_exists_is_not_made_again(tmp_path: Path) -> None:
    song = tmp_path / "mine" / "song"
    song.mkdir(parents=True)
    noise = generator(0).standard_normal((RATE, 2)) * 0.05
    for name in ("vocals", "other", "readme"):
        soundfile.write(song / f"{name}.wav", noise, RATE)
    sources = Sources(multitracks=tmp_path / "mine")
    first = prepare(sources, tmp_path / "out", count=0)
    assert sorted(take.stem for take in first.takes) == ["harmonic", "vocals"]
    assert np.allclose(first.read(first.takes[0], 0, RATE) * first.takes[0].gain, noise.T, atol=1e-3)
    made = (tmp_path / "out" / "song" / "vocals.npy").stat().st_mtime_ns
    prepare(sources, tmp_path / "out", count=0)
    assert (tmp_path / "out" / "song" / "vocals.npy").stat().st_mtime_ns == made


def test_nothing_to_make_songs_of_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no song"):
        prepare(Sources(), tmp_path / "out", count=0)


def test_what_is_no_soundfont_is_named(tmp_path: Path) -> None:
    (tmp_path / "font.sf2").write_bytes(b"RIFF____WAVEfmt ")
    with pytest.raises(InputError, match="is no soundfont"):
        prepare(Sources((tmp_path / "font.sf2",)), tmp_path / "out", count=1)


def test_an_index_that_will_not_do_is_named(tmp_path: Path) -> None:
    index = tmp_path / "index.csv"
    for body, told in ((b"a,b\n1,2\n", "no column path"), (b"\xff\xfe\x00", "codec"), (None, "No such file")):
        index.unlink(missing_ok=True)
        if body is not None:
            index.write_bytes(body)
        for sources in (Sources(drums=index), Sources(midi=index)):
            with pytest.raises(InputError, match=told) as refused:
                prepare(sources, tmp_path / "out", count=1)
            assert "index.csv" in str(refused.value)
