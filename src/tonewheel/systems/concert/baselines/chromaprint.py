"""Chromaprint (AcoustID's fingerprint) through its own program `fpcalc`, matched by bit error rate.

A sub-fingerprint is 32 bits every 0.124 s, each from 2.6 s of chroma. Two recordings are compared at every
offset by the share of bits that differ, as Haitsma and Kalker (2002) do and AcoustID does after its index
lookup; there is no index here, so nothing is lost to one.

`fpcalc` gives nothing for less than 2.7 s of audio. A shorter query is therefore repeated up to 3.5 s, which
is more than the program does for its user: of 30 exact excerpts of 1 s (valid split, 10 songs) it finds 23 so
and 15 with silence after them; without either it has nothing to say.
"""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import MissingDependencyError, TonewheelError
from tonewheel.systems.concert.baselines.base import SAMPLE_RATE_HZ, Audio, Scores, mono

PROGRAM = "fpcalc"
FLAGS = (
    "-raw",
    "-json",
    "-length",
    "0",
    "-format",
    "s16le",
    "-rate",
    str(SAMPLE_RATE_HZ),
    "-channels",
    "1",
    "-",
)

SHORTEST_S = 3.5
"""Queries are repeated up to this length."""

Words = NDArray[np.uint32]


class MissingFpcalcError(MissingDependencyError):
    """`fpcalc` is not on the PATH; it is a program, so pip cannot bring it."""

    def __init__(self) -> None:
        super().__init__(PROGRAM, "the comparison with Chromaprint")
        self.args = (
            f"{PROGRAM} is not installed and {self.needed_for} needs it: apt-get install libchromaprint-tools"
            " (Debian, Ubuntu), brew install chromaprint (macOS) or https://acoustid.org/chromaprint",
        )

    def __reduce__(self) -> tuple[type[MissingFpcalcError], tuple[()]]:  # type: ignore[override]
        return type(self), ()


def available() -> bool:
    """Whether `fpcalc` can be called."""
    return shutil.which(PROGRAM) is not None


class Chromaprint:
    """The share of equal bits at the best offset is the score: 0.5 is chance, 1.0 the same audio.

    MissingFpcalcError when the program is not there.
    """

    name = "chromaprint"

    def __init__(self) -> None:
        if not available():
            raise MissingFpcalcError
        self._references: list[tuple[int, Words]] = []

    def add(self, song: int, audio: Audio) -> None:
        """Take a reference. Shape: (samples,) at 16 kHz."""
        self._references.append((song, fingerprint(audio)))

    def rank(self, query: Audio) -> Scores:
        """1 - bit error rate at the best offset of each song. Shape: (samples,) -> (songs,)."""
        scores = np.full(1 + max((song for song, _ in self._references), default=-1), -np.inf)
        if not np.any(query):
            return scores
        words = fingerprint(np.resize(query, max(len(query), round(SHORTEST_S * SAMPLE_RATE_HZ))))
        if len(words):
            for song, reference in self._references:
                if len(reference):
                    scores[song] = max(scores[song], 1.0 - lowest_bit_error_rate(words, reference))
        return scores


def fingerprint(audio: Audio) -> Words:
    """Raw sub-fingerprints of `fpcalc`, one every 0.124 s from 2.6 s on.

    Shape: mono (samples,) at 16 kHz -> (words,) uint32; empty for audio that is too short for the program.
    """
    pcm = np.round(np.clip(mono(audio), -1.0, 1.0) * 32767).astype("<i2").tobytes()
    try:
        done = subprocess.run([PROGRAM, *FLAGS], input=pcm, capture_output=True, check=False, timeout=120)
    except FileNotFoundError:
        raise MissingFpcalcError from None
    # fpcalc 1.5 leaves with 3 ("End of file") beside a whole fingerprint: the output decides, not the status.
    if done.stdout.strip():
        return np.array(json.loads(done.stdout)["fingerprint"], dtype=np.uint32)
    message = done.stderr.decode(errors="replace").strip()
    if "Empty fingerprint" in message or not pcm:
        return np.zeros(0, dtype=np.uint32)
    raise TonewheelError(f"{PROGRAM} left with status {done.returncode}: {message or 'no message'}")


def lowest_bit_error_rate(query: Words, reference: Words) -> float:
    """Lowest share of differing bits over all offsets at which the shorter lies inside the longer.

    >>> reference = np.array([0, 0xFFFFFFFF, 0xF0F0F0F0, 7], dtype=np.uint32)
    >>> lowest_bit_error_rate(np.array([0xF0F0F0F1, 7], dtype=np.uint32), reference)
    0.015625
    """
    short, long = sorted((query, reference), key=len)
    runs = np.lib.stride_tricks.sliding_window_view(long, len(short))
    errors = np.bitwise_count(runs ^ short).sum(axis=1, dtype=np.int64)
    return float(errors.min()) / (32 * len(short))
