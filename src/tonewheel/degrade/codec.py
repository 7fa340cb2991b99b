"""Lossy codec: what a phone, a video or a messenger does to sound before anybody hears it again."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Literal, Self

import numpy as np

from tonewheel.core.errors import InputError
from tonewheel.degrade.base import Audio, Degradation

Format = Literal["mp3", "opus", "vorbis", "aac"]

RATES_HZ: dict[str, tuple[int, ...]] = {
    "mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    "opus": (8000, 12000, 16000, 24000, 48000),
    "vorbis": (8000, 11025, 16000, 22050, 32000, 44100, 48000),
    "aac": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
}
MP3_DELAY = 1105
"""LAME's 576 samples and the decoder's 529; libsndfile removes them itself where a LAME tag fits into a
frame."""

AAC_DELAY = 1024


class Codec(Degradation):
    """Encoded and decoded in memory; delay taken out, length kept. Level is lowered for the coder if above
    +-1.

    `bitrate_kbps` is of all channels. Vorbis has a quality instead of a rate, to which it is only roughly
    mapped. Rates that a codec does not know go through the next higher one that it does. At most 2
    channels.

    >>> tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000).astype(np.float32)
    >>> out = Codec(format="mp3", bitrate_kbps=64).apply(tone, 16000)
    >>> out.shape, bool(np.abs(out - tone)[2000:-2000].max() < 0.02)
    ((16000,), True)
    """

    format: Format
    bitrate_kbps: float = 64.0

    def __post_init__(self) -> None:
        if not 4 <= self.bitrate_kbps <= 512:
            raise InputError("codec", f"bitrate {self.bitrate_kbps} kbit/s: need 4 to 512")

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        *,
        formats: Sequence[Format] = ("aac", "mp3", "opus", "vorbis"),
        bitrate_kbps: tuple[float, float] = (24.0, 128.0),
    ) -> Self:
        """One of the formats and a bit rate uniform in octaves."""
        bitrate = float(np.exp(rng.uniform(*np.log(bitrate_kbps))))
        return cls(format=formats[int(rng.integers(len(formats)))], bitrate_kbps=round(bitrate, 1))

    def process(self, audio: Audio, sample_rate_hz: int) -> Audio:
        if len(audio) > 2:
            pairs = [audio[first : first + 2] for first in range(0, len(audio), 2)]
            return np.concatenate([self.process(pair, sample_rate_hz) for pair in pairs])
        peak = float(np.abs(audio).max())
        if peak == 0.0:
            return audio
        scale = np.float32(0.99 / max(peak, 0.99))
        rates = RATES_HZ[self.format]
        coded_hz = next((rate for rate in rates if rate >= sample_rate_hz), rates[-1])
        ready = _resample(audio * scale, sample_rate_hz, coded_hz)
        samples = ready.shape[-1]
        # Coders swallow what ends within their first frames; silence behind it is cheap, and cut off again.
        padded = np.pad(ready, ((0, 0), (0, max(0, coded_hz - samples))))
        through = _aac if self.format == "aac" else _sndfile
        decoded = through(padded, coded_hz, self.format, self.bitrate_kbps)
        back = _resample(decoded[:, :samples], coded_hz, sample_rate_hz)
        out = np.zeros_like(audio)
        length = min(out.shape[-1], back.shape[-1])
        out[:, :length] = back[:, :length] / scale
        return out


def _resample(audio: Audio, from_hz: int, to_hz: int) -> Audio:
    if from_hz == to_hz:
        return audio
    import soxr

    return np.asarray(soxr.resample(audio.T, from_hz, to_hz).T, dtype=np.float32)


def _sndfile(audio: Audio, rate_hz: int, name: str, bitrate_kbps: float) -> Audio:
    """Through libsndfile, whose compression level 0 to 1 spans a range of bit rates.

    Source: libsndfile, mpeg_l3_encode.c and ogg_opus.c.
    """
    import soundfile

    channels = len(audio)
    if name == "mp3":
        low, high = (32, 320) if rate_hz >= 32000 else (8, 160) if rate_hz >= 16000 else (8, 64)
        compression = 1 - (bitrate_kbps - low) / (high - low)
    elif name == "opus":
        compression = 1 - (bitrate_kbps / channels - 6) / 250
    else:
        # A channel at 16 kHz takes 24 to 70 kbit/s, at 48 kHz 50 to 240, in proportion to quality.
        lowest = 16 + rate_hz / 1000 * 0.7
        compression = 1 - (bitrate_kbps / channels - lowest) / (4 * lowest)
    kind, subtype = {"mp3": ("MP3", "MPEG_LAYER_III"), "opus": ("OGG", "OPUS"), "vorbis": ("OGG", "VORBIS")}[
        name
    ]
    mode = "CONSTANT" if name == "mp3" else None
    level = float(np.clip(compression, 0.0, 0.99))
    memory = io.BytesIO()
    with soundfile.SoundFile(
        memory, "w", rate_hz, channels, subtype, format=kind, compression_level=level, bitrate_mode=mode
    ) as encoder:
        # In one go, minutes of Vorbis overflow the stack of libsndfile: it keeps a whole write there.
        for first in range(0, audio.shape[-1], 10 * rate_hz):
            encoder.write(audio.T[first : first + 10 * rate_hz])
    memory.seek(0)
    decoded: Audio = soundfile.read(memory, dtype="float32", always_2d=True)[0].T
    untagged = name == "mp3" and decoded.shape[-1] != audio.shape[-1]
    return decoded[:, MP3_DELAY:] if untagged else decoded


def _aac(audio: Audio, rate_hz: int, name: str, bitrate_kbps: float) -> Audio:
    """Through FFmpeg's own AAC encoder in ADTS, which PyAV carries."""
    import av

    memory = io.BytesIO()
    layout = "mono" if len(audio) == 1 else "stereo"
    with av.open(memory, "w", format="adts") as container:
        stream = container.add_stream("aac", rate=rate_hz)
        stream.layout = layout
        stream.bit_rate = round(bitrate_kbps * 1000)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio), format="fltp", layout=layout)
        frame.sample_rate = rate_hz
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    memory.seek(0)
    with av.open(memory, "r", format="aac") as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    decoded: Audio = np.concatenate(frames, axis=-1)[:, AAC_DELAY:].astype(np.float32)
    return decoded
