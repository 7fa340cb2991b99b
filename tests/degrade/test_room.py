"""Rooms: reverberation time by Schroeder integration, direct sound against the rest, alignment, length."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from scipy import signal

from tonewheel.core.errors import InputError
from tonewheel.degrade.room import DIRECT_S, OCTAVES_HZ, Room

RATE_HZ = 16000


def t60_by_schroeder(tail: np.ndarray, rate_hz: int, from_db: float = -5, to_db: float = -30) -> float:
    """ISO 3382: backward integrated energy, a straight line fitted from -5 to -30 dB, read off at 60 dB."""
    energy = np.cumsum(tail[::-1].astype(np.float64) ** 2)[::-1]
    curve_db = 10 * np.log10(np.maximum(energy / energy[0], 1e-12))
    chosen = np.flatnonzero((curve_db <= from_db) & (curve_db >= to_db))
    slope, _ = np.polyfit(chosen / rate_hz, curve_db[chosen], 1)
    return -60 / slope


def octave(response: np.ndarray, centre_hz: float) -> np.ndarray:
    edges = [centre_hz / 2**0.3, centre_hz * 2**0.3]
    return signal.sosfiltfilt(signal.butter(4, edges, "band", fs=RATE_HZ, output="sos"), response)


@pytest.mark.parametrize("seed", range(5))
def test_t60_of_a_drawn_room_is_the_stated_one_in_every_octave(seed: int) -> None:
    """One response fluctuates like a real one (an octave by 3 to 8 %), so eight rooms of equal parameters
    are averaged."""
    drawn = Room.draw(np.random.default_rng(seed))
    measured = []
    for noise_seed in range(8):
        response = msgspec.structs.replace(drawn, seed=noise_seed).response(RATE_HZ).samples
        tail = response[round((drawn.pre_delay_ms / 1000 + 0.003) * RATE_HZ) :]
        measured.append([t60_by_schroeder(octave(tail, hz), RATE_HZ) for hz in OCTAVES_HZ[1:6]])
    np.testing.assert_allclose(np.mean(measured, axis=0), drawn.t60_s[1:6], rtol=0.1)


@pytest.mark.parametrize("t60_s", [0.3, 1.0, 2.5])
def test_t60_over_the_whole_band(t60_s: float) -> None:
    room = Room(t60_s=(t60_s,) * 7, pre_delay_ms=0.0, early_reflections=0, seed=3)
    tail = room.response(RATE_HZ).samples[round(0.003 * RATE_HZ) :]
    assert t60_by_schroeder(tail, RATE_HZ) == pytest.approx(t60_s, rel=0.04)


def test_t60_agrees_with_pyroomacoustics() -> None:
    rt = pytest.importorskip("pyroomacoustics.experimental.rt60")
    room = Room(t60_s=(1.2,) * 7, early_reflections=0, direct_to_reverb_db=-10.0, seed=1)
    tail = room.response(RATE_HZ).samples[round(0.012 * RATE_HZ) :]
    assert rt.measure_rt60(tail, fs=RATE_HZ, decay_db=20) == pytest.approx(1.2, rel=0.1)


@pytest.mark.parametrize("stated_db", [-10.0, 0.0, 9.0])
def test_direct_to_reverberant_ratio(stated_db: float) -> None:
    response = Room(direct_to_reverb_db=stated_db, seed=5).response(RATE_HZ)
    end = response.direct + round(DIRECT_S * RATE_HZ) + 1
    direct, reverb = (
        np.sum(part.astype(float) ** 2) for part in (response.samples[:end], response.samples[end:])
    )
    assert 10 * np.log10(direct / reverb) == pytest.approx(stated_db, abs=0.05)


def test_the_response_is_as_long_as_its_decay_and_is_used_whole() -> None:
    room = Room(t60_s=(2.5,) * 7, direct_to_reverb_db=-20.0, seed=2)
    assert len(room.response(RATE_HZ).samples) >= 2.5 * RATE_HZ
    click = np.zeros(4 * RATE_HZ, np.float32)
    click[0] = 1
    out = room.apply(click, RATE_HZ)
    response = room.response(RATE_HZ).samples
    np.testing.assert_allclose(out[: len(response)], response, atol=1e-6)
    assert np.abs(out[2 * RATE_HZ : round(2.4 * RATE_HZ)]).max() > 0


@pytest.mark.parametrize("samples", [1, 50, 2000, 90000])
def test_convolution_equals_the_direct_sum(samples: int) -> None:
    audio = np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    room = Room(t60_s=(0.1,) * 7, seed=samples)
    expected = np.convolve(audio.astype(float), room.response(8000).samples.astype(float))[:samples]
    np.testing.assert_allclose(room.apply(audio, 8000), expected, atol=2e-5)


@pytest.mark.parametrize("seed", range(4))
def test_level_stays_for_pink_noise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = 12 * RATE_HZ
    hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    pink = np.fft.irfft(np.fft.rfft(rng.standard_normal(size)) / np.sqrt(np.maximum(hz, 50)), size).astype(
        np.float32
    )
    out = Room.draw(rng).apply(pink, RATE_HZ)
    late = slice(4 * RATE_HZ, None)
    assert 20 * np.log10(out[late].std() / pink[late].std()) == pytest.approx(0, abs=1.0)


def write_response(path: Path, delay_s: float = 0.1, rate_hz: int = 48000) -> str:
    import soundfile

    rng = np.random.default_rng(0)
    t = np.arange(rate_hz) / rate_hz
    samples = np.zeros((rate_hz, 2))
    start = round(delay_s * rate_hz)
    samples[start:] = (
        0.02 * rng.standard_normal((rate_hz - start, 2)) * 10 ** (-3 * t[: rate_hz - start, None] / 0.6)
    )
    samples[start] = 0.8
    samples[start + 2400, 1] = 0.9  # the right microphone hears a reflection louder than the direct sound
    soundfile.write(path, samples, rate_hz, subtype="FLOAT")
    return str(path)


@pytest.mark.parametrize("channel", [0, 1])
def test_a_measured_response_is_aligned_to_its_direct_sound(tmp_path: Path, channel: int) -> None:
    room = Room(path=write_response(tmp_path / "hall.wav"), channel=channel)
    click = np.zeros(RATE_HZ, np.float32)
    click[3000] = 1
    out = np.abs(room.apply(click, RATE_HZ))
    assert np.argmax(out[2990:3100]) == 10, "the direct sound must stay where the click was"
    assert (np.argmax(out) == 3000) == (channel == 0)


def test_a_measured_response_can_be_heard_from_further_away(tmp_path: Path) -> None:
    room = Room(path=write_response(tmp_path / "hall.wav"), direct_to_reverb_db=-12.0)
    response = room.response(RATE_HZ)
    end = response.direct + round(DIRECT_S * RATE_HZ) + 1
    energy = response.samples.astype(float) ** 2
    assert 10 * np.log10(energy[:end].sum() / energy[end:].sum()) == pytest.approx(-12, abs=0.05)


def test_useless_files_are_refused(tmp_path: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "silent.wav", np.zeros(100), 16000)
    for name in ("silent.wav", "missing.wav"):
        with pytest.raises(InputError, match=name):
            Room(path=str(tmp_path / name)).apply(np.ones(10, np.float32), RATE_HZ)


def test_measured_halls_keep_their_reverberation(shared_audio: Path) -> None:
    """York Minster is 7 s to the index's estimate; a truncated response would decay much faster."""
    path = shared_audio / "music/ir/ir_room_Reverb.js_YorkMinster.flac"
    response = Room(path=str(path)).response(RATE_HZ)
    assert len(response.samples) > 4.3 * RATE_HZ
    assert response.direct <= 0.002 * RATE_HZ
    assert t60_by_schroeder(octave(response.samples, 500.0), RATE_HZ, -5, -20) > 4
