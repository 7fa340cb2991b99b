"""Cut many short clips out of one recording while it is decoded once, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import blocks, probe

Audio = NDArray[np.float32]


def cut_clips(
    path: str | PathLike[str], starts_s: Iterable[float], seconds: float, *, block_s: float = 5.0
) -> Iterator[tuple[Audio, int]]:
    """The mono clip of `seconds` from each start, in order, and how many of its samples lie in the recording.

    Starts must rise; what lies before the recording or after it is silence. Exact to the sample.

    >>> import tempfile, soundfile
    >>> name = tempfile.mkdtemp() + "/ramp.wav"
    >>> soundfile.write(name, np.arange(8000) / 8000, 8000, subtype="FLOAT")
    >>> clips = list(cut_clips(name, [-0.5, 0.25, 0.75], 0.5))
    >>> [inside for _, inside in clips], round(float(clips[1][0][0]), 3)
    ([0, 4000, 2000], 0.25)
    """
    rate = probe(path).sample_rate_hz
    length = round(seconds * rate)
    stream = blocks(path, block_s=block_s, mono=True)
    held, base, ended = np.zeros(0, np.float32), 0, False
    before = None
    for start_s in starts_s:
        if before is not None and start_s < before:
            raise ValueError(f"starts must rise, got {start_s:g} s after {before:g} s")
        before = start_s
        start = round(start_s * rate)
        drop = min(max(start - base, 0), len(held))
        held, base = held[drop:], base + drop
        while not ended and base + len(held) < start + length:
            block = next(stream, None)
            if block is None:
                ended = True
                break
            held = np.concatenate([held, block])
            drop = min(max(start - base, 0), len(held))
            held, base = held[drop:], base + drop
        clip = np.zeros(length, np.float32)
        first, last = max(start, base), min(start + length, base + len(held))
        if first < last:
            clip[first - start : last - start] = held[first - base : last - base]
        yield clip, max(0, last - first)
