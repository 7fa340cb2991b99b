"""From any recording to drum hits and their tempo, in bounded memory.

The ladder, each step usable alone: `hear` (blocks of sound to hits) < `transcribe` (a file to hits and tempo).
Sound is heard in blocks of a fixed length, whatever lengths it arrives in, so the same sound gives the same
hits to the last bit. Times are those of the audio: nothing is moved to a grid unless `snap` says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec import field
from msgspec.structs import replace
from numpy.typing import NDArray

from tonewheel.audio.decode import blocks, probe, regular_blocks
from tonewheel.core.errors import InputError, nearest
from tonewheel.core.progress import progress
from tonewheel.core.records import Record
from tonewheel.manifest.components import class_of, fold, is_known
from tonewheel.manifest.drum_hits import DrumHit, in_order
from tonewheel.manifest.timing import bpm_problem
from tonewheel.systems.drums.families import FAMILIES, LABELS
from tonewheel.systems.drums.hearing.decode import DecodeRule, Picker
from tonewheel.systems.drums.hearing.ears import Ears, Stream
from tonewheel.systems.drums.hearing.refine import Refiner
from tonewheel.systems.drums.rhythm.tempo import Tempo, find_tempo, note_value, snap

if TYPE_CHECKING:
    from tonewheel.systems.drums.hits.classifier import HitClassifier

Audio = NDArray[np.float32]

BLOCK_S = 10.0
"""Sound is heard in blocks of this length; a hit is told at most so much later than it could be."""
STRETCH = 4.0
"""Sensitivity 1 takes 2 from the log-odds of every threshold, sensitivity 0 adds 2."""
MIDDLE = 0.5


class Options(Record):
    """What the user of a transcription can change; the defaults are as trained."""

    sensitivity: float = MIDDLE
    """0..1: higher finds more hits, and more that are none."""
    confidence: float = 0.0
    """Hits that are less sure than this are left out."""
    thresholds: dict[str, float] = field(default_factory=dict)
    """0..1 by family (kick, snare, tom, hihat, cymbal, aux_percussion), or by label for the least confidence."""
    bpm: float | None = None
    offset_s: float | None = None
    snap: str | None = None
    """A note value such as 1/16 that hits are moved to; None leaves them where they were played."""

    def check(self) -> None:
        """InputError that names the option which cannot be."""
        for name in ("sensitivity", "confidence"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise InputError(f"--{name}", f"must be 0..1, got {value:g}")
        for name, value in self.thresholds.items():
            _place(name)
            if not 0 < value < 1:
                raise InputError("--threshold", f"{name} must be above 0 and below 1, got {value:g}")
        if self.snap is not None:
            note_value(self.snap)
        if self.bpm is not None and (reason := bpm_problem(self.bpm)):
            raise InputError("--tempo", reason)
        if self.offset_s is not None and not math.isfinite(self.offset_s):
            raise InputError("--offset", f"must be seconds, got {self.offset_s}")

    def rule(self, rule: DecodeRule) -> DecodeRule:
        """The decision rule of the weights as these options change it.

        >>> options = Options(sensitivity=0.75, thresholds={"KD": 0.3})
        >>> [round(t, 2) for t in options.rule(DecodeRule()).thresholds]
        [0.3, 0.2, 0.2, 0.2, 0.2, 0.2]
        """
        shift = STRETCH * (self.sensitivity - MIDDLE)
        moved = [threshold if shift == 0 else _shifted(threshold, shift) for threshold in rule.thresholds]
        for name, value in self.thresholds.items():
            family, label = _place(name)
            if label is None:
                moved[family] = value
        return replace(rule, thresholds=tuple(moved))

    def keeps(self, hit: DrumHit) -> bool:
        """Whether a hit is sure enough, for all and for its label."""
        labels = {label: value for name, value in self.thresholds.items() if (label := _place(name)[1])}
        return hit.confidence >= max(self.confidence, labels.get(hit.label, 0.0))


class Transcription(Record):
    """What was struck in a recording, and in which tempo."""

    path: str
    seconds: float
    hits: tuple[DrumHit, ...]
    tempo: Tempo
    model: str
    """Fingerprint of the weights."""

    @property
    def confidence(self) -> float | None:
        """Mean of the hits'; None without hits."""
        return sum(hit.confidence for hit in self.hits) / len(self.hits) if self.hits else None

    def tally(self) -> Mapping[str, int]:
        """Hits by label, in the order of the labels, only those that were found."""
        counts = {label: sum(hit.label == label for hit in self.hits) for label in LABELS}
        return {label: count for label, count in counts.items() if count}


def hear(
    sound: Iterable[Audio],
    ears: Ears,
    options: Options | None = None,
    classifier: HitClassifier | None = None,
) -> Iterator[DrumHit]:
    """Hits of a stream of mono blocks at `ears.spec.sample_rate_hz`, of any lengths, a block or two later.

    Memory does not grow with the stream. A classifier says more about each hit (`refine.Refiner`).
    """
    options = options or Options()
    options.check()
    stream, picker = Stream(ears), Picker(options.rule(ears.rule))
    refiner = Refiner(classifier, ears.spec.sample_rate_hz) if classifier else None
    for block in regular_blocks(sound, round(BLOCK_S * ears.spec.sample_rate_hz)):
        found = picker.push(stream.push(block))
        if refiner:
            refiner.hear(block)
            found = refiner.refine(found)
        yield from filter(options.keeps, found)
    found = picker.push(stream.finish(), last=True)
    yield from filter(options.keeps, refiner.refine(found, last=True) if refiner else found)


def transcribe(
    path: str | Path,
    ears: Ears | None = None,
    options: Options | None = None,
    classifier: HitClassifier | None = None,
    *,
    block_s: float = 1.0,
) -> Transcription:
    """Hits and tempo of a file of any format; InputError when it cannot be read to its end."""
    ears, options = ears or Ears.shipped(), options or Options()
    options.check()
    heard = _Counted(path, ears.spec.sample_rate_hz, block_s)
    hits = in_order(hear(heard, ears, options, classifier))
    tempo = find_tempo(hits, bpm=options.bpm, offset_s=options.offset_s)
    if options.snap is not None:
        hits = snap(hits, tempo.timing, options.snap)
    return Transcription(
        path=str(path),
        seconds=round(heard.samples / heard.sample_rate_hz, 6),
        hits=tuple(hits),
        tempo=tempo,
        model=ears.fingerprint,
    )


class _Counted:
    """The blocks of a file, with a bar on stderr, and how many samples there were."""

    def __init__(self, path: str | Path, sample_rate_hz: int, block_s: float) -> None:
        self.path, self.sample_rate_hz, self.block_s = path, sample_rate_hz, block_s
        self.samples = 0

    def __iter__(self) -> Iterator[Audio]:
        seconds = probe(self.path).seconds
        total = None if seconds is None else math.ceil(seconds / self.block_s)
        sound = blocks(self.path, block_s=self.block_s, sample_rate_hz=self.sample_rate_hz, mono=True)
        unit = "seconds" if self.block_s == 1 else "blocks"
        for block in progress(sound, f"transcribe {Path(self.path).name}", total=total, unit=unit):
            self.samples += len(block)
            yield block


def _shifted(threshold: float, log_odds: float) -> float:
    return 1 / (1 + (1 / threshold - 1) * math.exp(log_odds))


def _place(name: str) -> tuple[int, str | None]:
    """Family number of a name, and the label where it is one of several of its family."""
    plain = name.strip().casefold()
    if plain in FAMILIES:
        return FAMILIES.index(plain), None
    if is_known(name):
        label = class_of(name)
        # A label that names its family (SD is the snare) means all of it.
        return FAMILIES.index(fold(label, 5) or label), None if label in FAMILIES else label
    try:
        family = fold(name, 5)  # KD, SD, TT, HH, CY
    except InputError:
        family = None
    if family is None:
        known = dict.fromkeys((*FAMILIES, *LABELS))
        raise InputError("--threshold", f'no drum "{name[:40]}"{nearest(plain, known)}: {", ".join(known)}')
    return FAMILIES.index(family), None
