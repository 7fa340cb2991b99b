"""The duplicates gate: the same audio twice, whatever it is called.

Signature: the audio at 8 kHz, 33 bands from 150 Hz to 3 kHz on a logarithmic scale, windows of 0.37 s each
1/16 s; a bit says whether the difference between two neighbouring bands grew since the frame before (Haitsma
and Kalker, "A highly robust audio fingerprinting system", ISMIR 2002). It survives other codecs, gains,
equalisers and cuts, but not another tempo. Two files share audio when, at one offset, their bits agree far
more than by chance (0.5) over some seconds.

Offsets are voted for by equal 32-bit frames over an inverted index, so the work grows with the data, not with
the number of pairs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.progress import progress
from tonewheel.gates.base import Finding, Gate, Verdict
from tonewheel.manifest.tracks import Track

RATE_HZ = 8_000
WINDOW_SAMPLES = 3_000
HOP_SAMPLES = 500
BANDS = 33
MOST_COMMON = 200
"""A frame that occurs more often (a held note, a fade) says nothing and casts no votes."""

Signature = NDArray[np.uint32]


def signature(audio: NDArray[Any], sample_rate_hz: int) -> Signature:
    """One 32-bit word a frame of mono audio (samples,); silence gives no frames of use but does no harm.

    >>> rng = np.random.default_rng(0)
    >>> signature(rng.standard_normal(8000).astype(np.float32), 8000).shape
    (10,)
    """
    from tonewheel.audio.resample import resample

    mono = np.asarray(resample(np.asarray(audio, np.float32), sample_rate_hz, RATE_HZ), np.float32)
    frames = 1 + (mono.size - WINDOW_SAMPLES) // HOP_SAMPLES
    if frames < 2:
        return np.empty(0, np.uint32)
    cut = np.lib.stride_tricks.sliding_window_view(mono, WINDOW_SAMPLES)[::HOP_SAMPLES]
    edges_hz = np.geomspace(150.0, 3_000.0, BANDS + 1)
    edges = np.round(edges_hz / RATE_HZ * 4096).astype(int)
    window = np.hanning(WINDOW_SAMPLES).astype(np.float32)
    energy = np.empty((frames, BANDS))
    for start in range(0, frames, 512):  # bounded memory for a concert of three hours
        power = np.abs(np.fft.rfft(cut[start : start + 512] * window, 4096)) ** 2
        energy[start : start + 512] = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1)
    # On a logarithmic scale an equaliser is a constant, and the difference in time removes it.
    level = np.log(energy + 1e-9)
    grew = np.diff(np.diff(level, axis=1), axis=0) > 0
    bits = np.asarray(grew.astype(np.uint32) << np.arange(BANDS - 1, dtype=np.uint32))
    return np.asarray(bits.sum(axis=1), dtype=np.uint32)


def shared_audio(
    signatures: Mapping[str, Signature], least_s: float = 5.0, least_equal: float = 0.68
) -> list[tuple[str, str, float, float]]:
    """Pairs that share `least_s` of audio: (a, b, where b starts in a in seconds, share of equal bits)."""
    names = list(signatures)
    places: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, name in enumerate(names):
        words, first = np.unique(signatures[name], return_index=True)
        for word, frame in zip(words.tolist(), first.tolist(), strict=True):
            # The same frame again in one file is a held sound; its first place is enough to vote.
            if 4 <= int(word).bit_count() <= 28:
                places[word].append((number, frame))
    votes: Counter[tuple[int, int, int]] = Counter()
    for found in places.values():
        if 1 < len(found) <= MOST_COMMON:
            for i, (a, at) in enumerate(found):
                votes.update((a, b, at - bt) for b, bt in found[i + 1 :] if b != a)
    best: dict[tuple[int, int], tuple[float, int]] = {}
    for (a, b, offset), count in votes.items():
        if count >= 2:
            equal = _agreement(signatures[names[a]], signatures[names[b]], offset, least_s)
            if equal >= least_equal and equal > best.get((a, b), (0.0, 0))[0]:
                best[a, b] = (equal, offset)
    hop_s = HOP_SAMPLES / RATE_HZ
    return [(names[a], names[b], offset * hop_s, equal) for (a, b), (equal, offset) in sorted(best.items())]


def _agreement(a: Signature, b: Signature, offset: int, least_s: float) -> float:
    """Share of equal bits of the best stretch of `least_s` where b starts at frame `offset` of a."""
    start, end = max(offset, 0), min(a.size, b.size + offset)
    frames = int(least_s * RATE_HZ / HOP_SAMPLES)
    if end - start < frames:
        return 0.0
    different = np.bitwise_count(a[start:end] ^ b[start - offset : end - offset]).astype(np.int64)
    running = np.concatenate(([0], np.cumsum(different)))
    return float(1.0 - (running[frames:] - running[:-frames]).min() / (frames * (BANDS - 1)))


class DuplicatesGate(Gate):
    """No two files of music hold the same audio, wherever it starts and whatever it was encoded with."""

    name: ClassVar[str] = "duplicates"

    least_s: float = 5.0
    """Shortest stretch of audio that counts as the same."""
    least_equal: float = 0.68
    """Share of equal bits of that stretch; chance is 0.5, another codec 0.8 and more."""

    def check(self, tracks: Sequence[Track], root: Path) -> Verdict:
        from tonewheel.audio.decode import load

        files = [track for track in tracks if track.kind == "music"]
        signatures = {}
        for track in progress(files, "comparing audio", unit="files"):
            try:
                audio, rate_hz = load(root / track.path, sample_rate_hz=RATE_HZ, mono=True)
            except InputError:
                continue  # the health gate reports what cannot be decoded
            signatures[track.path] = signature(audio, rate_hz)
        split = {track.path: track.split for track in files}
        findings = []
        for a, b, offset_s, equal in shared_audio(signatures, self.least_s, self.least_equal):
            across = f", across {split[a]} and {split[b]}" if split[a] != split[b] else ""
            reason = f"holds audio of {b} ({equal:.0%} of bits equal, offset {offset_s:+.2f} s{across})"
            findings.append(Finding(path=a, reason=reason))
        return self.verdict(findings, len(files), "files share audio with another file")
