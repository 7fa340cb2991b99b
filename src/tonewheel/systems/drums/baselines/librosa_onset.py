"""librosa's onset strength in the same three bands, with its own peak picking: what many reach for first.

It comes with the extra `baselines`; where librosa is not installed, its column is left out.
"""

from __future__ import annotations

import warnings
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from tonewheel.systems.drums.baselines.flux import BANDS_HZ, HOP_SAMPLES, N_FFT

Audio = NDArray[np.float32]


def available() -> bool:
    """Whether librosa can be imported."""
    return find_spec("librosa") is not None


def onsets(audio: Audio, sample_rate_hz: int = 44_100) -> dict[str, NDArray[np.float64]]:
    """Times of three classes in seconds, with librosa's own settings."""
    import librosa

    found = {}
    for name, (low, high) in BANDS_HZ.items():
        with warnings.catch_warnings():
            # The lowest band is narrower than 16 of its filters can be; those that are empty do no harm.
            warnings.filterwarnings("ignore", message="Empty filters detected")
            mel = librosa.feature.melspectrogram(
                y=audio,
                sr=sample_rate_hz,
                n_fft=N_FFT,
                hop_length=HOP_SAMPLES,
                n_mels=16,
                fmin=low,
                fmax=high,
            )
        strength = librosa.onset.onset_strength(
            S=librosa.power_to_db(mel), sr=sample_rate_hz, hop_length=HOP_SAMPLES
        )
        times = librosa.onset.onset_detect(
            onset_envelope=strength, sr=sample_rate_hz, hop_length=HOP_SAMPLES, units="time"
        )
        found[name] = np.asarray(times, dtype=np.float64)
    return found
