"""The health gate: every file can be decoded and holds sound, neither silence nor mostly clipping."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from tonewheel.core.errors import InputError
from tonewheel.core.progress import progress
from tonewheel.gates.base import Finding, Gate, Verdict
from tonewheel.manifest.tracks import Track


class HealthGate(Gate):
    """Files decode to finite samples, are long enough, are not silent and are not clipped.

    The file is streamed, so its length does not matter. A sample is clipped when it is one of at least three
    in a row at one channel's extreme value, at full scale or just below; the peaks of a limiter are no such
    runs.
    """

    name: ClassVar[str] = "health"

    shortest_s: float = 5.0
    """Shortest music that is of use; responses and noises are judged by `shortest_other_s`."""
    shortest_other_s: float = 0.01
    silent_dbfs: float = -60.0
    """RMS below which a file is silent."""
    most_clipped: float = 0.001
    """Largest share of clipped samples."""
    most_broken: int = 0
    """How many files may fail."""

    def check(self, tracks: Sequence[Track], root: Path) -> Verdict:
        files = [track for track in tracks if track.kind != "midi"]
        findings = []
        for track in progress(files, "checking audio", unit="files"):
            reasons = self.problems(root / track.path, music=track.kind == "music")
            if reasons:
                findings.append(Finding(path=track.path, reason="; ".join(reasons)))
        return self.verdict(findings, len(files), "files are not fit for use", self.most_broken)

    def problems(self, path: Path, music: bool = True) -> list[str]:
        """What is wrong with one file; empty if nothing is."""
        from tonewheel.audio.decode import blocks, probe

        samples = clipped = 0
        energy = 0.0
        try:
            rate_hz = probe(path).sample_rate_hz
            for block in blocks(path, block_s=10.0):
                audio = np.atleast_2d(block)
                if not np.isfinite(audio).all():
                    return ["holds NaN or infinite samples"]
                samples += audio.shape[-1]
                energy += float(np.mean(np.square(audio, dtype=np.float64), axis=0).sum())
                clipped += max(clipped_samples(channel) for channel in audio)
        except InputError as error:
            return [error.reason]
        if samples == 0:
            return ["holds no samples"]
        found = []
        shortest_s = self.shortest_s if music else self.shortest_other_s
        if samples / rate_hz < shortest_s:
            found.append(f"lasts {samples / rate_hz:.2f} s, the shortest allowed is {shortest_s:g} s")
        level_db = 10 * np.log10(max(energy / samples, 1e-20))
        if music and level_db < self.silent_dbfs:
            found.append(f"is silent ({level_db:.0f} dBFS RMS, at least {self.silent_dbfs:g} is expected)")
        elif energy == 0:
            found.append("is digital silence")
        if music and clipped / samples > self.most_clipped:
            found.append(
                f"{clipped / samples:.2%} of the samples are clipped, at most {self.most_clipped:.2%} may be"
            )
        return found


def clipped_samples(audio: np.ndarray, run: int = 3) -> int:
    """Samples of one channel in runs of at least `run` equal values of 0.98 or more, either sign.

    >>> clipped_samples(np.array([0.2, 1.0, 1.0, 1.0, 0.3, 1.0, -1.0], np.float32))
    3
    """
    if audio.size < run:
        return 0
    flat = np.concatenate(([False], (audio[1:] == audio[:-1]) & (np.abs(audio[1:]) >= 0.98), [False]))
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    lengths = edges[1::2] - edges[::2] + 1  # k equal neighbours are k + 1 samples
    return int(lengths[lengths >= run].sum())
