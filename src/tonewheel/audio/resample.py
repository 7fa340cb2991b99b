"""Change the sample rate of audio, whole or block by block, with soxr (the SoX resampler library)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]


def resample(audio: NDArray[Any], from_hz: int, to_hz: int) -> Audio:
    """Audio at another sample rate, with the same pitch and tempo.

    Shapes: (samples,) or (channels, samples) in; the same with round(samples * to_hz / from_hz) out, float32.
    Filter: soxr HQ (linear phase, no delay).

    >>> import numpy as np
    >>> resample(np.zeros((2, 44100), np.float32), 44100, 16000).shape
    (2, 16000)
    """
    audio = np.asarray(audio, np.float32)
    if from_hz == to_hz or audio.shape[-1] == 0:
        return audio
    stream = Resampler(from_hz, to_hz, channels=1 if audio.ndim == 1 else len(audio))
    return stream.push(audio, last=True)


class Resampler:
    """A resampler that is fed block by block; its joined output equals `resample` of the joined input.

    Push blocks of (samples,) when channels is 1 (or (1, samples)), else (channels, samples). A push gives
    what is ready, which may be nothing: the filter looks some milliseconds ahead. The push with `last=True`
    gives the rest.

    >>> import numpy as np
    >>> stream = Resampler(48000, 16000)
    >>> parts = [stream.push(np.zeros(4800, np.float32), last=i == 9) for i in range(10)]
    >>> sum(len(part) for part in parts)
    16000
    """

    def __init__(self, from_hz: int, to_hz: int, channels: int = 1) -> None:
        self.from_hz, self.to_hz, self.channels = from_hz, to_hz, channels
        self._stream: Any = None
        if from_hz != to_hz:
            import soxr

            self._stream = soxr.ResampleStream(from_hz, to_hz, channels, dtype="float32", quality="HQ")

    def push(self, block: NDArray[Any], last: bool = False) -> Audio:
        """The samples that are ready after this block; shape as the block's."""
        block = np.asarray(block, np.float32)
        if self._stream is None:
            return block
        interleaved = block if self.channels == 1 and block.ndim == 1 else block.T
        ready: Audio = self._stream.resample_chunk(np.ascontiguousarray(interleaved), last=bool(last))
        return ready if block.ndim == 1 else np.ascontiguousarray(ready.T)
