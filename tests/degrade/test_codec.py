"""Codecs: aligned to the sample, of the same length, and audibly lossy in the way their bit rate says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from tonewheel.degrade.codec import Codec

FORMATS = ("mp3", "opus", "vorbis", "aac")


def band_noise(rate_hz: int, seconds: float = 1.0, channels: int = 0) -> np.ndarray:
    rng = np.random.default_rng(0)
    shape = (channels, round(seconds * rate_hz)) if channels else round(seconds * rate_hz)
    sections = signal.butter(2, [200, min(3000, 0.4 * rate_hz)], "band", fs=rate_hz, output="sos")
    return 0.3 * signal.sosfilt(sections, rng.standard_normal(shape)).astype(np.float32)


def delay(out: np.ndarray, audio: np.ndarray) -> int:
    return int(np.argmax(signal.correlate(out, audio, method="fft"))) - (len(audio) - 1)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("rate_hz", "bitrate_kbps"), [(16000, 16.0), (16000, 64.0), (22050, 48.0), (44100, 96.0)]
)
def test_output_is_aligned(name: str, rate_hz: int, bitrate_kbps: float) -> None:
    audio = band_noise(rate_hz)
    out = Codec(format=name, bitrate_kbps=bitrate_kbps).apply(audio, rate_hz)
    assert out.shape == audio.shape
    assert abs(delay(out, audio)) <= 1
    assert np.corrcoef(out, audio)[0, 1] > 0.75
    assert not np.array_equal(out, audio)


@pytest.mark.parametrize("name", FORMATS)
def test_stereo_keeps_its_sides_apart(name: str) -> None:
    audio = band_noise(44100, channels=2)
    out = Codec(format=name, bitrate_kbps=192.0).apply(audio, 44100)
    for side in (0, 1):
        assert np.corrcoef(out[side], audio[side])[0, 1] > 0.9
        assert abs(np.corrcoef(out[side], audio[1 - side])[0, 1]) < 0.2


@pytest.mark.parametrize("name", FORMATS)
def test_more_bits_lose_less(name: str) -> None:
    audio = band_noise(16000)

    def error(bitrate_kbps: float) -> float:
        return float(np.std(Codec(format=name, bitrate_kbps=bitrate_kbps).apply(audio, 16000) - audio))

    assert error(96.0) < 0.8 * error(24.0)


def test_low_rates_take_the_high_end() -> None:
    """What a phone's 16 kbit/s mp3 leaves above 6 kHz of white noise is at least 20 dB below what was
    there."""
    noise = 0.2 * np.random.default_rng(0).standard_normal(32000).astype(np.float32)
    out = Codec(format="mp3", bitrate_kbps=16.0).apply(noise, 16000)
    _, before = signal.welch(noise, 16000, nperseg=512)
    hz, after = signal.welch(out, 16000, nperseg=512)
    assert 10 * np.log10(after[hz > 6000].mean() / before[hz > 6000].mean()) < -20
    assert (
        abs(10 * np.log10(after[(hz > 300) & (hz < 2000)].mean() / before[(hz > 300) & (hz < 2000)].mean()))
        < 3
    )


def test_audio_above_full_scale_is_not_clipped_by_the_coder() -> None:
    audio = 20 * band_noise(16000)
    out = Codec(format="vorbis", bitrate_kbps=96.0).apply(audio, 16000)
    assert np.corrcoef(out, audio)[0, 1] > 0.95
    assert out.std() == pytest.approx(audio.std(), rel=0.1)
