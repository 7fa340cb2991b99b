"""A track is heard once and measured: file -> one pass -> tempo, beats, bars -> the record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import blocks, probe
from tonewheel.core.errors import InputError
from tonewheel.core.files import sha256
from tonewheel.systems.similar.features.bars import find_downbeat
from tonewheel.systems.similar.features.energy import energy_curve, energy_progression
from tonewheel.systems.similar.features.key import find_key
from tonewheel.systems.similar.features.kick import kick_pattern, kick_strength
from tonewheel.systems.similar.features.listen import listen
from tonewheel.systems.similar.features.pumping import sidechain_depth_db
from tonewheel.systems.similar.features.record import Features
from tonewheel.systems.similar.features.tempo import TempoPrior, find_beats, onsets, strength

Audio = NDArray[np.float32]

SHORTEST_S = 1.0
BLOCK_S = 10.0


def measure_track(
    path: str | PathLike[str],
    *,
    start_s: float = 0.0,
    end_s: float | None = None,
    prior: TempoPrior | None = None,
) -> Features:
    """All measures of a file, or of a span of it, in bounded memory.

    InputError when it cannot be decoded, is shorter than 1 s, or silent (below -70 LUFS all through).

    >>> import soundfile, tempfile
    >>> name = tempfile.mkdtemp() + "/tone.wav"
    >>> soundfile.write(name, 0.1 * np.sin(2 * np.pi * 440 * np.arange(3 * 44_100) / 44_100), 44_100)
    >>> track = measure_track(name)
    >>> round(track.brightness_hz, -1), track.stereo_width, track.sidechain_depth_db, track.key[0]
    (440.0, 0.0, 0.0, 'A')
    """
    about = probe(path)
    sound = blocks(path, block_s=BLOCK_S, start_s=start_s, end_s=end_s)
    whole = start_s == 0 and end_s is None
    return _measure(
        sound, about.sample_rate_hz, about.channels, str(path), sha256(path) if whole else "", prior
    )


def measure_audio(
    audio: NDArray[np.floating], sample_rate_hz: int, *, name: str = "audio", prior: TempoPrior | None = None
) -> Features:
    """All measures of (samples,) or (channels, samples); errors as `measure_track`, under `name`."""
    sound = np.atleast_2d(np.asarray(audio, np.float32))
    return _measure(_cut(sound, sample_rate_hz), sample_rate_hz, len(sound), name, "", prior)


def _cut(sound: Audio, sample_rate_hz: int) -> Iterator[Audio]:
    step = round(BLOCK_S * sample_rate_hz)
    for first in range(0, sound.shape[1], step):
        yield sound[:, first : first + step]


def _measure(
    sound: Iterable[Audio],
    sample_rate_hz: int,
    channels: int,
    name: str,
    digest: str,
    prior: TempoPrior | None,
) -> Features:
    heard = listen(sound, sample_rate_hz, channels)
    if heard.seconds < SHORTEST_S:
        raise InputError(name, f"is {heard.seconds:.2f} s long; at least {SHORTEST_S:g} s can be measured")
    lufs = heard.loudness.integrated_lufs()
    if not np.isfinite(lufs):
        raise InputError(name, "is silent (below -70 LUFS all through); there is nothing to measure")
    rises = onsets(heard.bands)
    found = find_beats(strength(rises), prior)
    beats = np.array(found.frames, np.int64)
    kicks = kick_strength(heard.bands, rises)
    pattern = kick_pattern(kicks, beats, find_downbeat(beats, heard.pitches, rises))
    curve = energy_curve(heard.loudness.steps())
    key = find_key(heard.pitches, heard.bass)
    return Features(
        path=name,
        content_sha256=digest,
        seconds=round(heard.seconds, 3),
        tempo_bpm=round(found.bpm, 2),
        tempo_confidence=round(found.confidence, 4),
        energy_curve=tuple(curve.round(4).tolist()),
        energy_mean=round(float(curve.mean()), 4),
        energy_progression=round(energy_progression(curve), 4),
        kick_pattern=pattern,
        sidechain_depth_db=round(sidechain_depth_db(heard.bands, kicks), 2) if any(pattern) else 0.0,
        stereo_width=round(heard.side / max(heard.side + heard.middle, 1e-20), 4),
        brightness_hz=round(heard.centroid_hz, 1),
        loudness_lufs=round(lufs, 2),
        loudness_range_lu=round(heard.loudness.loudness_range_lu(), 2),
        key=key.name,
        key_confidence=round(key.confidence, 4),
        chroma=tuple(key.chroma.round(4).tolist()),
    )
