"""The long part of an alignment, done once: embed a recording in pieces of ten minutes that stay on disk.

Memory is that of one piece, whatever the recording's length. A killed run goes on with the piece that it was in.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import blocks, probe
from tonewheel.core.errors import InputError
from tonewheel.core.files import atomic_path
from tonewheel.core.progress import progress
from tonewheel.systems.concert.decode.emission import Heard
from tonewheel.systems.concert.embed import PARTS_AT_ONCE, Embedder

Floats = NDArray[np.float32]
PIECE_STEPS = 1200
"""Ten minutes at a hop of 0.5 s: what a killed run loses at most."""
BLOCK_S = 10.0
LEAST_S = 0.25
"""A rest that is shorter makes no step of its own."""


class Recording(NamedTuple):
    """What was heard, a step every hop; `peaks` (steps,) is the largest amplitude of each step, for a picture."""

    heard: Heard
    peaks: Floats
    seconds: float


class _Piece(NamedTuple):
    parts: Floats
    music: Floats
    peaks: Floats


def hear(path: Path, embedder: Embedder, cache: Path) -> Recording:
    """Embed a recording, or read what an earlier run has left in `cache` and go on; InputError if it holds no sound."""
    pieces: list[_Piece] = []
    while (file := cache / f"heard-{len(pieces):04d}.npz").is_file() and (piece := _read(file)) is not None:
        pieces.append(piece)
        if len(piece.music) < PIECE_STEPS:
            return _joined(pieces, embedder)
    start_s = len(pieces) * PIECE_STEPS * embedder.hop_s
    seconds = probe(path).seconds
    rate = embedder.spec.sample_rate_hz
    if seconds is None or seconds > start_s + LEAST_S:
        sound = blocks(path, sample_rate_hz=rate, mono=True, block_s=BLOCK_S, start_s=start_s)
        total = None if seconds is None else round((seconds - start_s) / BLOCK_S)
        for piece in _pieces(progress(sound, "listen", total, "blocks of 10 s"), embedder):
            with (
                atomic_path(cache / f"heard-{len(pieces):04d}.npz") as temporary,
                temporary.open("wb") as out,
            ):
                np.savez(out, parts=piece.parts.astype(np.float16), music=piece.music, peaks=piece.peaks)
            pieces.append(piece)
    return _joined(pieces, embedder)


def _joined(pieces: list[_Piece], embedder: Embedder) -> Recording:
    parts, music, peaks = (np.concatenate(column) for column in zip(*pieces, strict=True))
    part_s = embedder.recipe.views.part_s
    return Recording(Heard(parts, music), peaks, (len(music) - 1) * embedder.hop_s + part_s)


def _read(file: Path) -> _Piece | None:
    """A piece, or None where the file is damaged: it is then made again."""
    try:
        with np.load(file, allow_pickle=False) as held:
            return _Piece(held["parts"].astype(np.float32), held["music"], held["peaks"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _pieces(sound: Iterable[Floats], embedder: Embedder) -> Iterator[_Piece]:
    """Pieces of exactly `PIECE_STEPS`, the last one shorter."""
    waiting: list[_Piece] = []
    held = 0
    for some in _steps(sound, embedder):
        waiting.append(some)
        held += len(some.music)
        while held >= PIECE_STEPS:
            whole = _Piece(*(np.concatenate(column) for column in zip(*waiting, strict=True)))
            yield _Piece(*(values[:PIECE_STEPS] for values in whole))
            waiting = [_Piece(*(values[PIECE_STEPS:] for values in whole))]
            held -= PIECE_STEPS
    if held or not waiting:
        if not waiting:
            raise InputError("audio", "is empty")
        yield _Piece(*(np.concatenate(column) for column in zip(*waiting, strict=True)))


def _steps(sound: Iterable[Floats], embedder: Embedder) -> Iterator[_Piece]:
    """Embed a stream of mono blocks part by part; the parts are those of the whole."""
    spec = embedder.spec
    hop = round(embedder.hop_s * spec.sample_rate_hz)
    frames = spec.frames(round(embedder.recipe.views.part_s * spec.sample_rate_hz))
    needed = (frames - 1) * spec.hop_samples + spec.n_fft
    held = np.zeros(0, np.float32)
    given = False
    for block in sound:
        held = np.concatenate([held, block])
        ready = (len(held) - needed) // hop + 1
        if ready >= PARTS_AT_ONCE:
            yield _embed(held[: needed + (ready - 1) * hop], ready, hop, embedder)
            held = held[ready * hop :]
            given = True
    if len(held) >= needed or not given:
        yield _embed(held, max(1, (len(held) - needed) // hop + 1), hop, embedder)


def _embed(audio: Floats, steps: int, hop: int, embedder: Embedder) -> _Piece:
    embedded = embedder.embed_parts(embedder.parts(audio))
    padded = np.abs(np.pad(audio[: steps * hop], (0, max(0, steps * hop - len(audio)))))
    return _Piece(embedded.embeddings, embedded.music, padded.reshape(steps, hop).max(axis=1))
