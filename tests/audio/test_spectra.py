"""Spectra and log-mel against librosa, and the torch twin against numpy."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tonewheel.audio.spectra import MelSpec, log_mel, mel_filterbank, power, stft
from tonewheel.core.errors import InputError

SPECS = (
    MelSpec(),
    MelSpec(mel_scale="htk"),
    MelSpec(mel_norm="none", n_mels=96),
    MelSpec(
        sample_rate_hz=44_100,
        n_fft=2048,
        n_mels=128,
        f_min_hz=0,
        f_max_hz=22_050,
        mel_scale="htk",
        mel_norm="none",
    ),
)


def music(seconds: float, sample_rate_hz: int = 16_000, seed: int = 0) -> np.ndarray:
    """Decaying chords over a little noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * sample_rate_hz)) / sample_rate_hz
    tones = sum(np.sin(2 * np.pi * hz * t) for hz in rng.uniform(100, 3000, 8)) * np.exp(-3 * (t % 0.5)) * 0.1
    return (tones + 0.01 * rng.normal(size=t.size)).astype(np.float32)


def test_filters_and_power_equal_librosa() -> None:
    import librosa

    for spec in SPECS:
        expected = librosa.filters.mel(
            sr=spec.sample_rate_hz,
            n_fft=spec.n_fft,
            n_mels=spec.n_mels,
            fmin=spec.f_min_hz,
            fmax=spec.f_max_hz,
            htk=spec.mel_scale == "htk",
            norm="slaney" if spec.mel_norm == "slaney" else None,
        )
        np.testing.assert_allclose(mel_filterbank(spec), expected, atol=1e-5 * expected.max())
    audio = music(1.0)
    expected_power = np.abs(librosa.stft(audio, n_fft=1024, hop_length=256, center=False)) ** 2
    np.testing.assert_allclose(power(audio), expected_power, rtol=1e-3, atol=1e-6 * expected_power.max())


def test_stft_equals_scipy() -> None:
    from scipy.signal import ShortTimeFFT, get_window

    audio = music(1.0)
    theirs = ShortTimeFFT(get_window("hann", 1024), 256, fs=16_000, phase_shift=None)
    expected = theirs.stft(audio.astype(np.float64))[:, theirs.lower_border_end[1] - theirs.p_min :][:, :59]
    np.testing.assert_allclose(np.abs(stft(audio)), np.abs(expected), atol=1e-4)


def test_a_tone_lights_the_mel_band_it_lies_in() -> None:
    spec = MelSpec()
    centres_hz = (mel_filterbank(spec) * (np.arange(513) * 15.625)).sum(1) / mel_filterbank(spec).sum(1)
    for hz in (300.0, 1000.0, 5000.0):
        mel = log_mel(0.5 * np.sin(2 * np.pi * hz * np.arange(16_000) / 16_000), spec)
        assert abs(centres_hz[mel[:, 5].argmax()] - hz) < 0.05 * hz


@pytest.mark.parametrize("spec", SPECS[:3])
@pytest.mark.parametrize("shape", [(16_000,), (2, 16_000), (2, 3, 5_000)])
def test_the_torch_twin_agrees(spec: MelSpec, shape: tuple[int, ...]) -> None:
    import torch

    from tonewheel.learn.spectra import LogMel

    audio = music(np.prod(shape) / 16_000).reshape(shape)
    ours, theirs = log_mel(audio, spec), LogMel(spec)(torch.from_numpy(audio)).numpy()
    assert ours.shape == theirs.shape == (*shape[:-1], spec.n_mels, spec.frames(shape[-1]))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_the_quick_torch_twin_is_near_even_where_it_is_quiet() -> None:
    import torch

    from tonewheel.learn.spectra import LogMel

    loud_and_quiet = music(2.0) + 0.9 * np.sin(np.arange(32_000) * 0.1).astype(np.float32)
    off = np.abs(log_mel(loud_and_quiet) - LogMel(precise=False)(torch.from_numpy(loud_and_quiet)).numpy())
    assert off.max() < 2e-4
    assert LogMel()(torch.zeros(3, 1000)).shape == (3, 64, 0)


def test_blocks_of_frames_leave_no_seam_and_memory_is_bounded() -> None:
    audio = music(120)  # 7,497 frames, many blocks
    log_mel(audio[:2000])
    tracemalloc.start()
    whole = log_mel(audio)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < whole.nbytes + 30e6
    for frame in (0, 1023, 1024, 7_000):
        alone = log_mel(audio[frame * 256 : frame * 256 + 1024])
        np.testing.assert_allclose(whole[:, frame : frame + 1], alone, atol=1e-5)


def test_short_and_silent_audio() -> None:
    assert log_mel(np.zeros(1023)).shape == (64, 0)
    assert log_mel(np.zeros(0)).shape == (64, 0)
    assert np.allclose(log_mel(np.zeros(1024)), np.log(1e-6))


def test_a_spec_that_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="within 0 to 4000 Hz, half the sample rate"):
        MelSpec(sample_rate_hz=8_000)
    with pytest.raises(InputError, match="hop_samples is 0"):
        MelSpec(hop_samples=0)
    spec = MelSpec(n_mels=96)
    assert MelSpec.from_json(spec.to_json()) == spec
