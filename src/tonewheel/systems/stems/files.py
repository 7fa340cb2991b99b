"""A recording to a folder of stems: one file a stem, and a manifest that says what they sum to.

The sound is read, taken apart and written in blocks: memory does not grow with the recording. wav becomes wav, all
else flac, so that nothing is lost twice; samples have 24 bits (32-bit float where the recording has floats). What
mp3, opus and the like decode to can go beyond full scale, which flac cannot hold: such a recording becomes wav of
floats. Files appear when all of them are whole, the manifest last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

import numpy as np

from tonewheel.audio.decode import blocks, probe
from tonewheel.audio.encode import Writer
from tonewheel.core.errors import InputError, nearest
from tonewheel.core.files import refuse_overwrite, write_json
from tonewheel.core.progress import progress
from tonewheel.core.records import Record
from tonewheel.manifest.stem_snapshot import StemSnapshot
from tonewheel.manifest.stems import DEFINITIONS, FOLDS
from tonewheel.systems.stems.features.listen import Listener
from tonewheel.systems.stems.features.snapshot import make_snapshot
from tonewheel.systems.stems.masker import Masker
from tonewheel.systems.stems.separate import Stream

BLOCK_S = 4.0
MANIFEST = "manifest.json"
FLOATS = ("float", "double", "pcm_32")


class StemFile(Record):
    """One file of a separation."""

    stem: str
    file: str
    of: str
    """What belongs to it."""
    peak: float
    rms_db: float | None
    """Of full scale; None for silence."""
    share: float
    """Of the energy of all stems."""


class Separation(Record):
    """What `stems separate` writes beside the stems."""

    recording: str
    sample_rate_hz: int
    channels: int
    samples: int
    seconds: float
    stems: tuple[StemFile, ...]
    left_out: tuple[str, ...]
    """Stems that were made and not written."""
    sum_error: float
    """The largest difference of a sample between the sum of all stems, written or not, and the recording."""
    weights: str
    """SHA-256 of the weights."""


def stems_of(fold: int, only: Sequence[str]) -> tuple[str, ...]:
    """The names that are to be written; InputError for a fold or a stem that there is not.

    >>> stems_of(2, []), stems_of(6, ["bass"])
    (('vocals', 'accompaniment'), ('bass',))
    """
    if fold not in FOLDS:
        raise InputError("--stems", f"6, 4 or 2, got {fold}")
    names = tuple(FOLDS[fold])
    for name in only:
        if name not in names:
            raise InputError(
                "--only", f'there is no stem "{name}" among {", ".join(names)}{nearest(name, names)}'
            )
    return tuple(name for name in names if not only or name in only)


def separate_file(
    source: Path,
    folder: Path,
    masker: Masker,
    *,
    fold: int = 6,
    only: Sequence[str] = (),
    force: bool = False,
    fingerprint: str = "",
    snapshot: Path | None = None,
) -> Separation:
    """Write the stems of a recording into a folder; InputError for what cannot be read, or is there without `force`.

    `snapshot` is a file for what sharing the separation would send: all of it, and nothing is sent here.
    """
    wanted = stems_of(fold, only)
    info = probe(source)
    rate, channels = info.sample_rate_hz, info.channels
    refuse_overwrite(folder / MANIFEST, force)
    lossy = info.sample_format is None
    wav = source.suffix.lower() in (".wav", ".wave") or channels > 8 or (lossy and _beyond_full_scale(source))
    suffix = ".wav" if wav else ".flac"
    limited = not wav or not (lossy or info.sample_format in FLOATS)
    if source.resolve() in {(folder / f"{name}{suffix}").resolve() for name in wanted}:
        raise InputError(source, "would be replaced by its own stem; give another folder")
    stream = Stream(masker, rate, channels, fold=fold, limited=limited)
    meter = Meter(stream.names)
    listener = None if snapshot is None else Listener(rate)
    began = perf_counter()
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(
                Writer(
                    folder / f"{name}{suffix}",
                    rate,
                    channels,
                    sample_format="pcm_24" if limited else "float",
                    force=force,
                )
            )
            for name in wanted
        }
        total = None if info.seconds is None else int(-(-info.seconds // BLOCK_S))
        parts = progress(blocks(source, block_s=BLOCK_S), source.name, total, "blocks")
        for stems, mix in _beside(stream, parts):
            meter.push(stems, mix)
            if listener is not None and mix.shape[1]:
                listener.push(mix[:2])
            for name, writer in writers.items():
                writer.write(stems[stream.names.index(name)])
        if not meter.samples:
            raise InputError(source, "holds no sound")
    about = {name: " + ".join(DEFINITIONS[member] for member in FOLDS[fold][name]) for name in wanted}
    done = Separation(
        recording=source.name,
        sample_rate_hz=rate,
        channels=channels,
        samples=meter.samples,
        seconds=round(meter.samples / rate, 3),
        stems=tuple(meter.of(name, f"{name}{suffix}", about[name]) for name in wanted),
        left_out=tuple(name for name in stream.names if name not in wanted),
        sum_error=meter.sum_error,
        weights=fingerprint,
    )
    if listener is not None and snapshot is not None:
        write_json(snapshot, shared(listener, done, (perf_counter() - began) * 1000))
    write_json(folder / MANIFEST, done)
    return done


def shared(listener: Listener, done: Separation, took_ms: float) -> StemSnapshot:
    """The snapshot of a separation, without its name: features and context of the mix."""
    return make_snapshot(
        listener.finish(), duration_s=done.seconds, channels=done.channels, processing_ms=took_ms
    )


def _beyond_full_scale(source: Path) -> bool:
    return any(np.abs(part).max(initial=0) >= 1 for part in blocks(source, block_s=BLOCK_S))


def _beside(stream: Stream, parts: Iterable[np.ndarray]) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Stems with the samples of the mix that they are of."""
    waiting = np.zeros((stream.channels, 0), np.float32)
    for part in parts:
        waiting = np.concatenate([waiting, part], axis=1)
        stems = stream.push(part)
        yield stems, waiting[:, : stems.shape[2]]
        waiting = waiting[:, stems.shape[2] :]
    yield stream.finish(), waiting


class Meter:
    """Levels of stems, and what their sum misses of the mix, gathered block by block."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.energy, self.peak = np.zeros(len(names)), np.zeros(len(names))
        self.samples, self.channels, self.sum_error = 0, 1, 0.0

    def push(self, stems: np.ndarray, mix: np.ndarray) -> None:
        """The next samples: (stems, channels, n) and (channels, n)."""
        if not stems.shape[2]:
            return
        self.samples += stems.shape[2]
        self.channels = stems.shape[1]
        self.energy += np.square(stems, dtype=np.float64).sum(axis=(1, 2))
        self.peak = np.maximum(self.peak, np.abs(stems).max(axis=(1, 2)))
        missed = np.abs(stems.sum(axis=0, dtype=np.float64) - mix).max()
        self.sum_error = max(self.sum_error, float(missed))

    def of(self, name: str, file: str, about: str) -> StemFile:
        """What was gathered about one stem."""
        at = self.names.index(name)
        mean = self.energy[at] / (self.samples * self.channels)
        return StemFile(
            stem=name,
            file=file,
            of=about,
            peak=round(float(self.peak[at]), 5),
            rms_db=round(10 * float(np.log10(mean)), 2) if mean > 0 else None,
            share=round(float(self.energy[at] / max(self.energy.sum(), 1e-30)), 5),
        )
