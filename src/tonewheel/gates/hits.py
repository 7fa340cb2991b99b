"""The hits gate: the same drum hit twice, whatever it is called, however loud, in whichever codec.

The signature of music (`gates.duplicates`) needs seconds; a hit has a tenth of one. A hit is cut from just
before its onset, sharpened (difference of neighbours) and described twice: by the shape of its bands over time,
of unit length and without its level, which finds candidates; and by its waveform, whose normalised correlation
at the best shift decides. Two strokes on one drum have like bands, but not one waveform; a copy, a gain, a codec
or another cut does keep it.

Candidates come from an exact search in blocks: 20,000 hits are 200 million dot products, some seconds; memory
grows with the number of hits (4 kB each), not of pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.progress import progress
from tonewheel.gates.base import Finding, Judgement, Limits, Verdict
from tonewheel.manifest.tracks import Quarantined

RATE_HZ = 16_000
HIT_SAMPLES = 1_920
FRAME_SAMPLES = 240
CUT_S = 0.2
"""What is read of a recording around a labelled hit."""
BEFORE_SAMPLES = 32
SHIFT_SAMPLES = 80
BANDS = 20
FINER = 4
LIKE_BANDS = 0.85
"""Cosine above which two hits are compared by their waveforms."""


class Clip(NamedTuple):
    """A hit in a file: around `onset_s`, or at the first onset when that is None."""

    name: str
    path: Path
    onset_s: float | None = None


class Print(NamedTuple):
    """What is kept of a hit."""

    bands: NDArray[np.float32]
    wave: NDArray[np.float16]


def hit_print(audio: NDArray[Any], sample_rate_hz: int) -> Print | None:
    """What is kept of the first hit in mono audio (samples,), or None when it is silent.

    >>> rng = np.random.default_rng(0)
    >>> hit = rng.standard_normal(4000) * np.exp(-np.arange(4000) / 500)
    >>> again = np.concatenate((np.zeros(333), 0.1 * hit))
    >>> likeness(hit_print(hit, 16_000), hit_print(again, 16_000)) > 0.99
    True
    """
    from tonewheel.audio.resample import resample

    mono = resample(np.asarray(audio, np.float32), sample_rate_hz, RATE_HZ).astype(np.float64)
    sharp = np.diff(mono, prepend=0.0)
    peak = float(np.abs(sharp).max(initial=0.0))
    if peak < 1e-6:
        return None
    start = int(np.argmax(np.abs(sharp) >= 0.1 * peak)) - BEFORE_SAMPLES
    cut = np.zeros(HIT_SAMPLES)
    piece = sharp[max(start, 0) : start + HIT_SAMPLES]
    cut[max(-start, 0) : max(-start, 0) + piece.size] = piece
    frames = np.lib.stride_tricks.sliding_window_view(cut, 2 * FRAME_SAMPLES)[::FRAME_SAMPLES]
    power = np.abs(np.fft.rfft(frames * np.hanning(2 * FRAME_SAMPLES))) ** 2
    edges = np.unique(np.round(np.geomspace(2, power.shape[1] - 1, BANDS + 1)).astype(int))
    energy = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1)
    level = np.log(energy + energy.max() * 1e-4)
    level = (level - level.mean()).ravel()
    scale = float(np.linalg.norm(level))
    return Print((level / max(scale, 1e-9)).astype(np.float32), (cut / np.abs(cut).max()).astype(np.float16))


def likeness(a: Print, b: Print) -> float:
    """Normalised correlation of two hits at their best shift, either polarity, 0..1."""
    return float(_likeness(a.wave, b.wave[None])[0])


def _likeness(wave: NDArray[np.float16], waves: NDArray[np.float16]) -> NDArray[np.float64]:
    """Likeness of one wave (samples,) to many (n, samples), shifts to a quarter of a sample; shape (n,)."""
    first, others = wave.astype(np.float32), waves.astype(np.float32)
    size = 2 * HIT_SAMPLES
    cross = np.fft.rfft(others, size, axis=1) * np.conj(np.fft.rfft(first, size))
    fine = np.abs(np.fft.irfft(cross, FINER * size, axis=1)) * FINER
    near = FINER * SHIFT_SAMPLES + 1
    highest = np.maximum(fine[:, :near].max(axis=1), fine[:, -near:].max(axis=1))
    return np.asarray(highest / (np.linalg.norm(first) * np.linalg.norm(others, axis=1)))


def same_hits(prints: Sequence[Print], least_alike: float = 0.9) -> list[tuple[int, int, float]]:
    """Pairs (first, second, likeness) of prints that are one hit, in order."""
    if not prints:
        return []
    bands, waves = np.stack([one.bands for one in prints]), np.stack([one.wave for one in prints])
    found = []
    for start in range(0, len(bands), 512):
        alike = bands[start : start + 512] @ bands[start:].T >= LIKE_BANDS
        for row in range(len(alike)):
            others = np.flatnonzero(alike[row, row + 1 :]) + start + row + 1
            for part in np.split(others, range(256, len(others), 256)):
                scores = _likeness(waves[start + row], waves[part])
                kept = scores >= least_alike
                found += [
                    (start + row, int(other), float(score))
                    for other, score in zip(part[kept], scores[kept], strict=True)
                ]
    return found


class HitsGate(Limits):
    """No two clips hold the same drum hit."""

    name: ClassVar[str] = "duplicates"

    least_alike: float = 0.9
    """Correlation of two waveforms above which they are one hit. Of 237 hits of three kits, one pair of
    different strokes had 0.95 and all others less than 0.9; copies have 0.97, as Opus at 64 kbit/s 0.93, as
    MP3 at 128 kbit/s 0.89 or more (95 % of them)."""
    most_share: float = 0.0
    """Largest share of hits that may be copies of others."""

    def check(self, clips: Iterable[Clip]) -> tuple[Judgement, list[Quarantined]]:
        """Judge clips; those that cannot be decoded or are silent are returned, with their reasons."""
        left_out: list[Quarantined] = []
        kept: list[Clip] = []
        prints: list[Print] = []
        for clip in progress(clips, "listening to hits", unit="hits"):
            try:
                made = hit_print(*_cut(clip))
                if made is None:
                    raise InputError(clip.path, "is silent")
            except InputError as error:
                left_out.append(Quarantined(path=clip.name, reason=error.reason))
                continue
            kept.append(clip)
            prints.append(made)
        pairs = [
            (a, b, score)
            for a, b, score in same_hits(prints, self.least_alike)
            if not _overlap(kept[a], kept[b])
        ]
        copies = {second for _, second, _ in pairs}
        share = len(copies) / max(len(kept), 1)
        findings = tuple(
            Finding(path=kept[b].name, reason=f"is the same hit as {kept[a].name} (correlation {score:.3f})")
            for a, b, score in pairs
        )
        verdict = Verdict(
            gate=self.name,
            passed=share <= self.most_share,
            value=share,
            limit=self.most_share,
            detail=f"{len(copies)} of {len(kept)} hits are copies of another one",
            findings=findings,
        )
        measured = {
            "hits": len(kept),
            "copies": len(copies),
            "pairs": [[kept[a].name, kept[b].name, round(score, 4)] for a, b, score in pairs],
        }
        return Judgement((verdict,), measured), left_out


def _overlap(a: Clip, b: Clip) -> bool:
    """Whether two hits are one moment of a recording: a kick and a hat played together are not copies."""
    if a.path != b.path or a.onset_s is None or b.onset_s is None:
        return False
    return abs(a.onset_s - b.onset_s) < CUT_S


def _cut(clip: Clip) -> tuple[NDArray[np.float32], int]:
    from tonewheel.audio.decode import load

    if clip.onset_s is None:
        return load(clip.path, duration_s=2.0)
    # A little before the labelled onset, because labels are off by some milliseconds.
    return load(clip.path, start_s=max(0.0, clip.onset_s - 0.02), duration_s=CUT_S)
