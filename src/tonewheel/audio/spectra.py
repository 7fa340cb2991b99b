"""Short-time spectra and log-mel of audio: numpy here, the same numbers in torch in learn/spectra.py.

Conventions: periodic Hann window of `n_fft` samples, no padding and no centring (frame f covers the samples
[f * hop, f * hop + n_fft)), power = |STFT| ** 2 unscaled, as librosa with `center=False`. Mel filters are
triangles that equal `librosa.filters.mel`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record

Audio = NDArray[np.float32]

_FRAMES_AT_ONCE = 1024  # 8 MB of frames at n_fft 1024: memory does not grow with the audio


class MelSpec(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a log-mel is computed; it is stored with every model that reads one.

    >>> MelSpec().frames(48_000), MelSpec().frame_rate_hz
    (184, 62.5)
    """

    sample_rate_hz: int = 16_000
    n_fft: int = 1024  # window length in samples
    hop_samples: int = 256
    n_mels: int = 64
    f_min_hz: float = 160.0
    f_max_hz: float = 7600.0
    floor: float = 1e-6  # mel power below this counts as this before the natural log
    mel_scale: Literal["slaney", "htk"] = "slaney"
    mel_norm: Literal["slaney", "none"] = "slaney"  # slaney: each triangle has area 1 over Hz

    def __post_init__(self) -> None:
        for name in ("sample_rate_hz", "n_fft", "hop_samples", "n_mels", "floor"):
            if getattr(self, name) <= 0:
                raise InputError("mel spec", f"{name} is {getattr(self, name)}; it must be above 0")
        if not 0 <= self.f_min_hz < self.f_max_hz <= self.sample_rate_hz / 2:
            raise InputError(
                "mel spec",
                f"f_min_hz {self.f_min_hz:g} and f_max_hz {self.f_max_hz:g} must rise within"
                f" 0 to {self.sample_rate_hz / 2:g} Hz, half the sample rate",
            )

    @property
    def frame_rate_hz(self) -> float:
        """Frames in a second."""
        return self.sample_rate_hz / self.hop_samples

    def frames(self, samples: int) -> int:
        """How many whole frames fit into this many samples (0 when shorter than one window)."""
        return frame_count(samples, self.n_fft, self.hop_samples)


def frame_count(samples: int, n_fft: int, hop_samples: int) -> int:
    """How many windows of n_fft samples fit, one every hop_samples.

    >>> frame_count(1024, 1024, 256), frame_count(1023, 1024, 256)
    (1, 0)
    """
    return 0 if samples < n_fft else 1 + (samples - n_fft) // hop_samples


def hann(n_fft: int) -> NDArray[np.float64]:
    """Periodic Hann window, (n_fft,).

    >>> hann(4).round(3).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    window: NDArray[np.float64] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    return window


def stft(audio: NDArray[Any], n_fft: int = 1024, hop_samples: int = 256) -> NDArray[np.complex64]:
    """Complex spectrum of Hann windows: (..., samples) -> (..., n_fft // 2 + 1, frames) complex64.

    >>> import numpy as np
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
    >>> spectrum = stft(tone)
    >>> spectrum.shape, int(np.abs(spectrum[:, 0]).argmax()) * 16_000 / 1024
    ((513, 59), 1000.0)
    """
    audio = np.asarray(audio, np.float32)
    out = np.empty(
        (*audio.shape[:-1], n_fft // 2 + 1, frame_count(audio.shape[-1], n_fft, hop_samples)), np.complex64
    )
    for first, spectrum in _spectra(audio, n_fft, hop_samples):
        out[..., first : first + spectrum.shape[-2]] = np.swapaxes(spectrum, -1, -2)
    return out


def power(audio: NDArray[Any], n_fft: int = 1024, hop_samples: int = 256) -> Audio:
    """|STFT| ** 2: (..., samples) -> (..., n_fft // 2 + 1, frames) float32.

    >>> import numpy as np
    >>> power(np.zeros(2048)).shape
    (513, 5)
    """
    audio = np.asarray(audio, np.float32)
    out = np.empty(
        (*audio.shape[:-1], n_fft // 2 + 1, frame_count(audio.shape[-1], n_fft, hop_samples)), np.float32
    )
    for first, spectrum in _spectra(audio, n_fft, hop_samples):
        out[..., first : first + spectrum.shape[-2]] = np.swapaxes(_squared(spectrum), -1, -2)
    return out


def log_mel(audio: NDArray[Any], spec: MelSpec | None = None) -> Audio:
    """Natural log of the mel power: (..., samples) at spec.sample_rate_hz -> (..., n_mels, frames) float32.

    Power below `spec.floor` counts as the floor, so digital silence is log(floor) everywhere. Memory beyond
    the result stays at some megabytes, however long the audio is.

    >>> import numpy as np
    >>> silence = log_mel(np.zeros(16_000))
    >>> silence.shape, round(float(silence.max()), 3)
    ((64, 59), -13.816)
    """
    spec = spec or MelSpec()
    audio = np.asarray(audio, np.float32)
    filters = mel_filterbank(spec)
    out = np.empty((*audio.shape[:-1], spec.n_mels, spec.frames(audio.shape[-1])), np.float32)
    for first, spectrum in _spectra(audio, spec.n_fft, spec.hop_samples):
        mel = np.swapaxes(_squared(spectrum) @ filters.T, -1, -2)
        out[..., first : first + mel.shape[-1]] = np.log(np.maximum(mel, spec.floor))
    return out


def mel_filterbank(spec: MelSpec | None = None) -> Audio:
    """Triangular mel filters, (n_mels, n_fft // 2 + 1) float32, equal to `librosa.filters.mel`.

    Slaney's scale (Auditory Toolbox, 1998) is linear to 1 kHz and logarithmic above; HTK's is
    2595 log10(1 + f / 700).

    >>> mel_filterbank().shape
    (64, 513)
    """
    spec = spec or MelSpec()
    low_mel, high_mel = _to_mel(np.array([spec.f_min_hz, spec.f_max_hz]), spec.mel_scale)
    edges_mel = np.linspace(low_mel, high_mel, spec.n_mels + 2)
    edges_hz = _to_hz(edges_mel, spec.mel_scale)
    bins_hz = np.arange(spec.n_fft // 2 + 1) * spec.sample_rate_hz / spec.n_fft
    rising = (bins_hz - edges_hz[:-2, None]) / np.diff(edges_hz)[:-1, None]
    falling = (edges_hz[2:, None] - bins_hz) / np.diff(edges_hz)[1:, None]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    if spec.mel_norm == "slaney":
        filters *= 2.0 / (edges_hz[2:] - edges_hz[:-2])[:, None]
    return filters.astype(np.float32)


def _spectra(audio: Audio, n_fft: int, hop_samples: int) -> Iterator[tuple[int, NDArray[np.complex128]]]:
    """(first frame, spectra (..., frames, bins)) in runs of frames, so that memory stays bounded.

    In double precision: the rounding of a float32 transform is as strong in every bin as in the loudest,
    which moves the logarithm of quiet bins by up to 1e-4.
    """
    total = frame_count(audio.shape[-1], n_fft, hop_samples)
    if total == 0:
        return
    window = hann(n_fft)
    frames = np.lib.stride_tricks.sliding_window_view(audio, n_fft, axis=-1)[..., ::hop_samples, :]
    for first in range(0, total, _FRAMES_AT_ONCE):
        yield first, np.fft.rfft(frames[..., first : first + _FRAMES_AT_ONCE, :] * window, axis=-1)


def _squared(spectrum: NDArray[np.complex128]) -> Audio:
    squared = np.square(spectrum.real)
    squared += np.square(spectrum.imag)
    return squared.astype(np.float32)


_LINEAR_TO_HZ, _HZ_PER_MEL, _LOG_STEP = 1000.0, 200.0 / 3, np.log(6.4) / 27  # Slaney's three constants


def _to_mel(hz: NDArray[np.float64], scale: str) -> NDArray[np.float64]:
    if scale == "htk":
        return np.asarray(2595.0 * np.log10(1.0 + hz / 700.0))
    above = _LINEAR_TO_HZ / _HZ_PER_MEL + np.log(np.maximum(hz, _LINEAR_TO_HZ) / _LINEAR_TO_HZ) / _LOG_STEP
    return np.where(hz < _LINEAR_TO_HZ, hz / _HZ_PER_MEL, above)


def _to_hz(mel: NDArray[np.float64], scale: str) -> NDArray[np.float64]:
    if scale == "htk":
        return np.asarray(700.0 * (10.0 ** (mel / 2595.0) - 1.0))
    knee = _LINEAR_TO_HZ / _HZ_PER_MEL
    return np.where(
        mel < knee, mel * _HZ_PER_MEL, _LINEAR_TO_HZ * np.exp(_LOG_STEP * (np.maximum(mel, knee) - knee))
    )
