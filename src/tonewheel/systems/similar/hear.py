"""From a file to what an index keeps of it, or to a query: every file is heard once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import load
from tonewheel.core.errors import InputError
from tonewheel.gates.duplicates import RATE_HZ as SIGNATURE_HZ
from tonewheel.gates.duplicates import Signature, signature
from tonewheel.systems.similar.backbones.base import Backbone, embed_file
from tonewheel.systems.similar.backbones.hand import Hand
from tonewheel.systems.similar.features.many import default_cache, measure_cached
from tonewheel.systems.similar.features.track import measure_track
from tonewheel.systems.similar.same import thin
from tonewheel.systems.similar.tracks import MOMENT_HOP_S, MOMENT_S, Entry, Heard, Sound

Floats = NDArray[np.float32]


def hear(root: Path, track: str, title: str, artist: str, backbone: Backbone) -> Heard:
    """All that the index keeps of `root / track`; InputError when it cannot be decoded or is silent."""
    path = root / track
    features, _ = measure_cached(path, default_cache())
    frames = embed_file(backbone, path)
    vector = _audible(backbone.pool(frames), path)
    whole = _signature(path)
    return Heard(
        entry=Entry(track=track, title=title, artist=artist, features=features),
        vector=vector,
        hand=_hand(path, backbone, vector),
        moments=moments(frames, backbone),
        kept=thin(whole),
        whole=whole,
    )


def hear_query(path: Path, backbone: Backbone, start_s: float = 0.0, end_s: float | None = None) -> Sound:
    """A file, or the moment of it from `start_s` to `end_s`."""
    features = measure_track(path, start_s=start_s, end_s=end_s)
    vector = _audible(backbone.pool(embed_file(backbone, path, start_s=start_s, end_s=end_s)), path)
    hand = _hand(path, backbone, vector, start_s, end_s)
    return Sound(features, vector, hand, _signature(path, start_s, end_s))


def moments(frames: Floats, backbone: Backbone) -> NDArray[np.int8]:
    """The vectors of a track's moments from its frames; a silent moment is zeros. Shape: -> (moments, size)."""
    length = max(1, round((MOMENT_S - backbone.window_s) / backbone.hop_s) + 1)
    hop = max(1, round(MOMENT_HOP_S / backbone.hop_s))
    starts = range(0, max(1, len(frames) - length + hop), hop)
    rows = np.stack([backbone.pool(frames[start : start + length]) for start in starts])
    return np.round(rows * 127).astype(np.int8)


def _audible(vector: Floats, path: Path) -> Floats:
    if not vector.any():
        raise InputError(path, "is silent: there is nothing to compare")
    return vector


def _hand(
    path: Path, backbone: Backbone, vector: Floats, start_s: float = 0.0, end_s: float | None = None
) -> Floats:
    if isinstance(backbone, Hand):
        return vector
    hand = Hand()
    return hand.pool(embed_file(hand, path, start_s=start_s, end_s=end_s))


def _signature(path: Path, start_s: float = 0.0, end_s: float | None = None) -> Signature:
    audio, rate_hz = load(
        path,
        sample_rate_hz=SIGNATURE_HZ,
        start_s=start_s,
        duration_s=None if end_s is None else end_s - start_s,
    )
    return signature(audio, rate_hz)
