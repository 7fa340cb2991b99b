"""What a hit is by rule, without any learning: where its energy lies and how fast it dies away.

This is what `BEATSIGHT_USE_ML_CLASSIFIER=0` falls back to, and what the classifier is measured against. The
thresholds are those a drummer would name; they were not fitted.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.systems.drums.families import LABELS
from tonewheel.systems.drums.hits.answers import FileAnswer, HitAnswer
from tonewheel.systems.drums.hits.classifier import find_onset, load_hit
from tonewheel.systems.drums.stage.kits import SAMPLE_RATE_HZ

Audio = NDArray[np.float32]

BANDS_HZ = (20.0, 120.0, 300.0, 1000.0, 3000.0, 6000.0, 16_000.0)
HEARD_S = 0.06
LATE_S = 0.2


def features(
    audio: Audio, sample_rate_hz: int, onset_s: float | None = None
) -> tuple[NDArray[np.float64], float]:
    """Shares of energy in six bands over the first 60 ms, and how far it has fallen after 0.2 s, dB."""
    start = round((find_onset(audio, sample_rate_hz) if onset_s is None else onset_s) * sample_rate_hz)
    width = round(HEARD_S * sample_rate_hz)
    early, late_start = audio[start : start + width], start + round(LATE_S * sample_rate_hz)
    late = audio[late_start : late_start + width]
    power = np.abs(np.fft.rfft(np.pad(early, (0, max(0, width - len(early)))))) ** 2
    hz = np.arange(len(power)) * sample_rate_hz / max(width, 1)
    bands = np.array([power[(hz >= low) & (hz < high)].sum() for low, high in pairwise(BANDS_HZ)])
    loud = float(np.mean(np.square(early))) if len(early) else 0.0
    left = float(np.mean(np.square(late))) if len(late) else 0.0
    return bands / max(float(bands.sum()), 1e-12), 10 * float(np.log10((loud + 1e-12) / (left + 1e-12)))


def judge(
    audio: Audio, sample_rate_hz: int, onset_s: float | None = None, level_db: float = 0.0
) -> HitAnswer:
    """What a hit is, by rule; the velocity is its level, nothing is ever unknown.

    >>> time_s = np.arange(22_050) / 44_100
    >>> thump = (np.sin(2 * np.pi * 55 * time_s) * np.exp(-time_s / 0.05)).astype(np.float32)
    >>> judge(thump, 44_100).label
    'kick'
    """
    (sub, low, body, mid, presence, air), fall_db = features(audio, sample_rate_hz, onset_s)
    high = presence + air
    if sub > 0.5:
        label = "kick" if fall_db > 12 else "tom_low"
    elif low + sub > 0.6:
        label = "tom_low" if sub > low else "tom_mid" if body < 0.15 else "tom_high"
    elif high > 0.6:
        label = "hihat_closed" if fall_db > 25 else "hihat_open" if fall_db > 12 else "crash"
        if label != "hihat_closed" and mid > 0.2:
            label = "ride"
    elif fall_db > 30 and low < 0.1 and mid + body > 0.6:
        label = "cross_stick"
    elif fall_db < 8:
        label = "crash" if high > 0.2 else "ride"
    else:
        label = "snare" if body + low > 0.15 else "aux_percussion"
    openness = {"hihat_closed": 0.0, "hihat_open": 1.0}.get(label)
    velocity = float(np.clip(1 + level_db / 40, 0, 1)) if np.isfinite(level_db) else 0.5
    scores = {name: float(name == label) for name in LABELS}
    return HitAnswer(
        label=label, scores=scores, velocity=velocity, openness=openness, unknown=0.0, pitch_hz=None
    )


def judge_file(path: str | Path) -> FileAnswer:
    """What the hit in a file is, by rule; InputError when there is none to hear."""
    audio, peak_db = load_hit(path, SAMPLE_RATE_HZ)
    return FileAnswer(path=str(path), **judge(audio, SAMPLE_RATE_HZ, level_db=peak_db).to_dict())
