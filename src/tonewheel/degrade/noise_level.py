"""How loud a noise is: at an RMS of its own, or at a ratio to the sound where the sound is active."""

from __future__ import annotations

import numpy as np

from tonewheel.core.errors import InputError
from tonewheel.core.units import db_to_amplitude
from tonewheel.degrade.base import Audio
from tonewheel.degrade.crowd import active_level, active_rms


def check_level(name: str, level_db: float | None, snr_db: float | None) -> None:
    """InputError unless exactly one of the two is given, and within reason."""
    given = [value for value in (level_db, snr_db) if value is not None]
    if len(given) != 1 or not -200 <= given[0] <= 120:
        raise InputError(
            name, f"level_db {level_db}, snr_db {snr_db}: give one of the two, within -200 to 120"
        )


def at_level(
    audio: Audio, noise: Audio, sample_rate_hz: int, level_db: float | None, snr_db: float | None
) -> Audio:
    """The audio with the noise added at the level or the ratio; silence has no ratio and stays silence.

    Shape: (channels, samples) both. A level is the RMS of the noise in dB of full scale, over all channels.
    """
    if level_db is not None:
        wanted, has = db_to_amplitude(level_db), active_rms(noise, np.ones(noise.shape[-1], np.bool_))
    else:
        sound, active = active_level(audio, sample_rate_hz)
        wanted, has = sound * db_to_amplitude(-(snr_db or 0.0)), active_rms(noise, active)
    return audio + noise * np.float32(wanted / has) if has > 0 and wanted > 0 else audio
