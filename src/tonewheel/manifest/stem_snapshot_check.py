"""The door for stem snapshots: what types cannot say is checked, and no free text passes.

A snapshot that does not fit is refused with the key and the reason; `classification` is cut down to one or two plain
words. Values that are merely out of range (a strength of 1.2) are taken in; sanitising clips them.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from tonewheel.core.errors import InputError, nearest
from tonewheel.manifest.stem_snapshot import (
    FAMILIES,
    FLATS,
    LARGEST_BYTES,
    LONGEST_FAMILY,
    LONGEST_S,
    LONGEST_STEM,
    MOST_CORRECTIONS,
    MOST_FREQUENCIES,
    MOST_TRANSIENTS,
    PITCHES,
    QuantumFeatures,
    StemSnapshot,
)
from tonewheel.manifest.stems import STEMS


def parse_snapshot(body: bytes | str, where: str | Path = "snapshot", *, trim: bool = False) -> StemSnapshot:
    """Read one snapshot; InputError(where) names the key and what is wrong with it.

    `trim` cuts a list that is too long instead of refusing it: for files of clients that did not count.

    >>> parse_snapshot(b'{"id": 7}')
    Traceback (most recent call last):
    tonewheel.core.errors.InputError: snapshot: id: expected str, got int
    """
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    if len(raw) > LARGEST_BYTES:
        raise InputError(where, f"{len(raw)} bytes; a snapshot has at most {LARGEST_BYTES}")
    return validate(StemSnapshot.from_json(raw, where), where, trim=trim)


def validate(snapshot: StemSnapshot, where: str | Path = "snapshot", *, trim: bool = False) -> StemSnapshot:
    """The snapshot with its key, id and classification in their plain form; InputError(where) if it cannot be right."""
    for place, value in _numbers(snapshot):
        if not math.isfinite(value):
            raise InputError(where, f"{place}: {value} is no number that can be used")
    try:
        own_id = uuid.UUID(snapshot.id)
    except ValueError:
        raise InputError(where, "id: is no UUID") from None
    if own_id.version != 4 or len(snapshot.id) != 36:
        raise InputError(where, "id: is no UUID of version 4, as 36 characters")
    if not 0 <= snapshot.timestamp_ms < 1e14:
        raise InputError(where, f"timestamp: {snapshot.timestamp_ms:g} is no time in ms since 1970")
    audio = snapshot.original_audio
    if not 0 < audio.duration_s <= LONGEST_S:
        raise InputError(
            where, f"originalAudio.duration: {audio.duration_s:g} s, expected 0 to {LONGEST_S:g}"
        )
    if not 1000 <= audio.sample_rate_hz <= 768_000:
        raise InputError(
            where, f"originalAudio.sampleRate: {audio.sample_rate_hz:g} Hz, expected 1000 to 768000"
        )
    if not 1 <= audio.channels <= 64:
        raise InputError(where, f"originalAudio.channels: {audio.channels}, expected 1 to 64")

    def fit(place: str, values: tuple[Any, ...], most: int) -> tuple[Any, ...]:
        if len(values) > most and not trim:
            raise InputError(where, f"{place}: {len(values)} entries, at most {most} are taken")
        return values[:most]

    context, content = snapshot.context, snapshot.context.harmonic_content
    features = {
        name: fit(f"quantumFeatures.{name}", getattr(snapshot.features, name), LONGEST_FAMILY)
        for name in FAMILIES
    }
    truth = snapshot.ground_truth
    if truth is not None:
        truth = {
            _stem(stem, "groundTruthStems", where): fit(f"groundTruthStems.{stem}", values, LONGEST_STEM)
            for stem, values in truth.items()
        }
    corrections = snapshot.corrections
    if corrections is not None:
        corrections = fit("userCorrections", corrections, MOST_CORRECTIONS)
        for number, one in enumerate(corrections):
            _stem(one.stem, f"userCorrections[{number}].correctedStem", where)
    return msgspec.structs.replace(
        snapshot,
        id=str(own_id),
        features=QuantumFeatures(**features),
        context=msgspec.structs.replace(
            context,
            key=_key(context.key, where),
            transients=fit("musicalContext.transients", context.transients, MOST_TRANSIENTS),
            harmonic_content=msgspec.structs.replace(
                content,
                dominant_frequencies_hz=fit(
                    "musicalContext.harmonicContent.dominantFrequencies",
                    content.dominant_frequencies_hz,
                    MOST_FREQUENCIES,
                ),
            ),
        ),
        ground_truth=truth,
        corrections=corrections,
        metadata=msgspec.structs.replace(
            snapshot.metadata, classification=plain_class(snapshot.metadata.classification)
        ),
    )


def plain_class(text: str) -> str:
    """A classification of one or two plain words; anything longer or stranger, such as a file name, is "other".

    >>> plain_class("Full Mix"), plain_class("My holiday song.mp3")
    ('full-mix', 'other')
    """
    found = re.fullmatch(r"([a-z]{1,16})(?:[ _-]([a-z]{1,16}))?", text[:40].strip().lower())
    return "-".join(word for word in found.groups() if word) if found else "other"


def unknown_keys(values: Any, record: type[msgspec.Struct] = StemSnapshot, place: str = "") -> Iterator[str]:
    """The keys of a snapshot's JSON that are left out when it is read.

    >>> list(unknown_keys({"id": "", "fileName": "x", "metadata": {"user": "y"}}))
    ['fileName', 'metadata.user']
    """
    if not isinstance(values, Mapping):
        return
    known = _known_keys(record)
    for key, value in values.items():
        if key not in known:
            yield f"{place}{key}"
            continue
        for inner in known[key]:
            for one in value if isinstance(value, list) else [value]:
                yield from unknown_keys(one, inner, f"{place}{key}.")


@cache
def _known_keys(record: type[msgspec.Struct]) -> dict[str, list[type[msgspec.Struct]]]:
    """The keys of a record in JSON, and the records that their values are."""
    hints = get_type_hints(record)
    names = zip(record.__struct_encode_fields__, record.__struct_fields__, strict=True)
    return {key: _records_in(hints[field]) for key, field in names}


def _records_in(hint: Any) -> list[type[msgspec.Struct]]:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return [hint]
    return [found for inner in get_args(hint) for found in _records_in(inner)]


def _stem(name: str, place: str, where: str | Path) -> str:
    if name not in STEMS:
        raise InputError(where, f'{place}: there is no stem "{name[:40]}"{nearest(name[:40], STEMS)}')
    return name


def _key(name: str, where: str | Path) -> str:
    plain = name[:1].upper() + name[1:2].replace("♯", "#").replace("♭", "b")
    plain = FLATS.get(plain, plain)
    if len(name) > 2 or plain not in PITCHES:
        raise InputError(where, f'musicalContext.key: "{name[:40]}" is no key such as C, C# or Bb')
    return plain


def _numbers(value: Any, place: str = "") -> Iterator[tuple[str, float]]:
    """Every number of a snapshot with its place in the JSON."""
    if isinstance(value, msgspec.Struct):
        for field, name in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            yield from _numbers(getattr(value, field), f"{place}.{name}" if place else name)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _numbers(inner, f"{place}.{name}")
    elif isinstance(value, tuple):
        if value and isinstance(value[0], float) and all(map(math.isfinite, value)):
            return  # thousands of numbers at once; the loop is for finding which one it was
        for number, inner in enumerate(value):
            yield from _numbers(inner, f"{place}[{number}]")
    elif isinstance(value, float):
        yield place, value
