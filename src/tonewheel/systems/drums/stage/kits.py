"""Struck drums, one hit each: recorded kits and synthesised ones, as instruments with layers of strength.

An instrument is one physical drum or cymbal struck in one way: its hits, from soft to hard, are of the same
sound. Kits are put together from instruments, also of several kits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import load
from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.core.seeds import generator
from tonewheel.manifest.components import class_of, is_known
from tonewheel.manifest.licence import classify
from tonewheel.manifest.tracks import Quarantined, Track

Audio = NDArray[np.float32]

SAMPLE_RATE_HZ = 44_100
LONGEST_S = 4.0
FADE_IN_S = 0.0005
SYNTHETIC_KINDS = ("acoustic", "acoustic", "acoustic", "electronic", "hand", "lofi")
OURS = "CC0-1.0 (made by tonewheel.synth)"

HELD_OUT = re.compile(
    r"gogodze_oh/|dm_tr505/|sonicpi_menegass/crash/|muldjord/crash/\d+-CrashL|muldjord/ride/.*RideL"
)
"""Train kits and cymbals that validation keeps to itself: an acoustic kit, a drum machine, and cymbals, which
that acoustic kit lacks."""

FINER = {
    "side_stick": "cross_stick",
    "foot_stomp": "hihat_pedal",
}
"""Where the finer label of a pack says another class than its label."""

_STRENGTHS = {
    "ghost": 0.0,
    "pp": 0.0,
    "p": 1.0,
    "soft": 1.0,
    "mp": 2.0,
    "mf": 2.5,
    "f": 3.0,
    "hard": 3.0,
    "ff": 4.0,
}


class Shot(Record):
    """One hit: where it lies in `shots.npy`, and of which instrument it is."""

    kit: str
    instrument: str
    label: str
    strength: float
    """Order within the instrument; only its rank matters."""
    start: int
    length: int
    split: str
    licence: str
    source: str = ""
    synthetic: bool = False


def label_of(pack_label: str, finer: str) -> str:
    """One of the 12 labels for the label and finer label of a pack of one-shots.

    >>> label_of("aux", "side_stick"), label_of("aux", "cowbell"), label_of("crash", "china")
    ('cross_stick', 'aux_percussion', 'crash')
    """
    if finer in FINER:
        return FINER[finer]
    if pack_label == "aux":
        return "aux_percussion"
    if not is_known(pack_label):
        raise InputError("one-shot", f'label "{pack_label}" is not one of the taxonomy')
    return class_of(pack_label)


def instrument_of(stem: str) -> str:
    """The instrument that a file's name speaks of, without take, layer and round robin.

    >>> instrument_of("11-CrashR"), instrument_of("ride2_OH_MP_3"), instrument_of("ho_vl2_rr2")
    ('CrashR', 'ride2', 'ho')
    """
    stem = re.sub(r"^\d+-", "", stem)
    return re.split(r"_OH_|_vl\d|_(?:hard|soft)$", stem)[0]


def strength_of(velocity: str, stem: str, peak: float) -> float:
    """Order of a hit within its instrument: by dynamics, layer or number if they are told, else by peak.

    >>> strength_of("PP", "ride2_OH_PP_4", 1.0) < strength_of("FF", "ride2_OH_FF_3", 0.9)
    True
    """
    told = velocity.strip().lower()
    if told in _STRENGTHS:
        return _STRENGTHS[told] + 0.1 * peak
    layer = re.fullmatch(r"(?:vl)?(\d+)", told)
    return float(layer.group(1)) + 0.1 * peak if layer else peak


def read_shots(
    tracks: list[Track], folder: Path, left_out: list[Quarantined]
) -> Iterator[tuple[Shot, Audio]]:
    """Decode the one-shots of an index whose licence lets them train, or of its test split."""
    for track in tracks:
        licence = classify(track.licence)
        if not licence.may_train and track.split != "test":
            left_out.append(Quarantined(path=track.path, reason=licence.reason))
            continue
        extras = {key: str(value or "") for key, value in track.extras.items()}
        audio, _ = load(folder / track.path, sample_rate_hz=SAMPLE_RATE_HZ)
        onset = round(float(extras.get("onset_s") or 0.0) * SAMPLE_RATE_HZ)
        audio = audio[onset : onset + round(LONGEST_S * SAMPLE_RATE_HZ)]
        peak = float(np.abs(audio).max(initial=0.0))
        if peak < 1e-4:
            left_out.append(Quarantined(path=track.path, reason="is silent"))
            continue
        stem, kit = Path(track.path).stem, extras.get("kit", folder.name)
        split = track.split or "train"
        yield (
            Shot(
                kit=kit,
                instrument=instrument_of(stem),
                label=label_of(extras.get("label", ""), extras.get("sublabel", "")),
                strength=strength_of(extras.get("velocity", ""), stem, float(extras.get("peak") or peak)),
                start=0,
                length=len(audio),
                split="valid" if split == "train" and HELD_OUT.search(track.path) else split,
                licence=track.licence,
                source=extras.get("source", track.source_repo),
            ),
            _faded(audio / np.float32(peak)),
        )


def synthesise_shots(count: int, seed: int) -> Iterator[tuple[Shot, Audio]]:
    """Hits of `count` synthesised kits; every eighth kit is for validation."""
    from tonewheel.synth.drums import LEVELS_DB, draw_kit, one_shot

    for number in range(count):
        rng = generator(seed, "kit", number)
        kit = draw_kit(rng, SYNTHETIC_KINDS[number % len(SYNTHETIC_KINDS)])
        for label in LEVELS_DB:
            for level, variant in ((0, 0), (1, 1), (2, 2), (3, 3)):
                audio = one_shot(kit, label, level, variant, SAMPLE_RATE_HZ)
                yield (
                    Shot(
                        kit=f"synth-{number:03d}",
                        instrument=label,
                        label=label,
                        strength=float(level),
                        start=0,
                        length=len(audio),
                        split="valid" if number % 8 == 7 else "train",
                        licence=OURS,
                        source="tonewheel.synth.drums",
                        synthetic=True,
                    ),
                    _faded(audio / np.float32(max(float(np.abs(audio).max()), 1e-6))),
                )


def _faded(audio: Audio) -> Audio:
    """A start and an end without a click."""
    out = audio.copy()
    start, end = round(FADE_IN_S * SAMPLE_RATE_HZ), min(len(out) // 4, round(0.03 * SAMPLE_RATE_HZ))
    out[:start] *= np.linspace(0, 1, start, dtype=np.float32)[: len(out)]
    if end:
        out[-end:] *= np.linspace(1, 0, end, dtype=np.float32)
    return out
