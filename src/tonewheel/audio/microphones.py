"""Microphones that recorded together, read side by side: how much later does each hear the same transients?

The files are streamed, so a session of hours needs no more memory than one of minutes. Transients are spread
over the whole recording: the strongest of each stretch, some hundred in all, because drift shows in time and
not in number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import blocks, probe
from tonewheel.audio.delay import Peak, find_delay, transients
from tonewheel.core.progress import progress

Audio = NDArray[np.float32]

WINDOW_S = (0.004, 0.026)
"""Heard around a transient, before and after it."""
GAP_S = 0.1


class Heard(NamedTuple):
    """One transient: when, and for each pair (a, b) how much later b has it, as it is and inverted."""

    time_s: float
    peaks: dict[tuple[int, int], tuple[Peak, Peak]]


class Listening(NamedTuple):
    """All transients of a session, at the sample rate of its first microphone."""

    sample_rate_hz: int
    seconds: float
    """What all microphones have in common."""
    heard: list[Heard]
    notes: list[str]
    """Lengths or rates that differ."""


def listen_to_session(paths: Sequence[str | Path], *, search_s: float = 0.005, most: int = 400) -> Listening:
    """Delays of about `most` transients between all pairs of files; InputError for what cannot be decoded."""
    infos = [probe(path) for path in paths]
    rate_hz = infos[0].sample_rate_hz
    notes = [
        f"{Path(path).name} has {info.sample_rate_hz} Hz, not {rate_hz}; it was resampled"
        for path, info in zip(paths, infos, strict=True)
        if info.sample_rate_hz != rate_hz
    ]
    lengths_s = [info.seconds for info in infos if info.seconds is not None]
    if lengths_s and max(lengths_s) - min(lengths_s) > 0.5:
        notes.append(f"the files last {min(lengths_s):.1f} to {max(lengths_s):.1f} s; the rest was not heard")
    seconds = min(lengths_s, default=600.0)
    stretch_s = min(max(seconds / most, 1.0), 10.0)
    per_stretch = math.ceil(most * stretch_s / max(seconds, stretch_s))
    margin = round(search_s * rate_hz)
    heard: list[Heard] = []
    end = 0
    stretches = _stretches(paths, rate_hz, round(stretch_s * rate_hz), round(0.2 * rate_hz) + margin)
    for first, audio, inside in progress(stretches, "listening", math.ceil(seconds / stretch_s), "stretches"):
        heard += _hear(audio, rate_hz, first, inside, per_stretch, margin)
        end = max(end, first + audio.shape[1])
    return Listening(rate_hz, end / rate_hz, heard, notes)


def _stretches(
    paths: Sequence[str | Path], rate_hz: int, length: int, context: int
) -> Iterator[tuple[int, Audio, tuple[int, int]]]:
    """(position of the first sample, audio (mics, n), the part of it that is new), with context around it."""
    streams = [blocks(path, block_s=1.0, sample_rate_hz=rate_hz, mono=True) for path in paths]
    held = np.zeros((len(paths), 0), np.float32)
    first = done = 0
    for parts in zip(*streams, strict=False):
        common = min(len(part) for part in parts)
        held = np.concatenate((held, np.stack([part[:common] for part in parts])), axis=1)
        while first + held.shape[1] >= done + length + context:
            yield first, held, (done - first, done + length - first)
            done += length
            drop = max(0, done - context - first)
            held, first = held[:, drop:].copy(), first + drop
    if first + held.shape[1] > done:
        yield first, held, (done - first, held.shape[1])


def _hear(
    audio: Audio, rate_hz: int, first: int, inside: tuple[int, int], most: int, margin: int
) -> list[Heard]:
    positions, rises = transients(audio, rate_hz, gap_s=GAP_S)
    before, after = (round(part_s * rate_hz) for part_s in WINDOW_S)
    fits = (positions >= max(inside[0], before + margin)) & (positions < inside[1])
    fits &= positions + after + margin <= audio.shape[1]
    positions, rises = positions[fits], rises[fits]
    chosen = np.sort(positions[np.argsort(-rises, kind="stable")[:most]])
    found = []
    for at in chosen.tolist():
        peaks = {}
        for a, b in combinations(range(len(audio)), 2):
            window = _sharper(audio[a, at - before : at + after])
            wide = _sharper(audio[b, at - before - margin : at + after + margin])
            peaks[a, b] = find_delay(window, wide, margin)
        found.append(Heard((first + at) / rate_hz, peaks))
    return found


def _sharper(audio: NDArray[Any]) -> NDArray[np.float64]:
    """The difference between neighbours: a drum's boom says little about when it was struck."""
    return np.diff(np.asarray(audio, np.float64), prepend=float(audio[0]))
