"""Drum events as manifests hold them: one line, one instant of a recording, and what was struck there.

`events.jsonl` is written by many programs, so a line may hold more than is known here: unknown keys, of the
event, of its components and of its loudness, are kept and written again. What is known must have the right
type and range, or the line is broken. A label that the taxonomy does not know does not break a line: health
counts those.

A number that is null is one that nobody measured, as if the key were missing.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

import msgspec

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record, explain

Text = Annotated[str, msgspec.Meta(min_length=1)]
Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
# Tables make floats of whole numbers, so 64.0 is one, too.
Whole = int | Annotated[float, msgspec.Meta(multiple_of=1)]
Controller = (
    Annotated[int, msgspec.Meta(ge=0, le=127)] | Annotated[float, msgspec.Meta(ge=0, le=127, multiple_of=1)]
)
Positive = Annotated[float, msgspec.Meta(gt=0)]

LONGEST_LINE_BYTES = 1 << 20
"""A longer line is no event. DuckDB sets aside several buffers of twice this size."""

DECODE_ERRORS = (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError)


class _Component(Record, kw_only=True, forbid_unknown_fields=False, gc=False):
    label: Text
    velocity: Unit | None = None
    dynamic_bucket: str | None = None
    """ghost, light, medium or accent."""
    openness: Unit | None = None
    """0 closed .. 1 open."""
    openness_raw: Controller | None = None
    """MIDI CC4 as the module sent it."""
    openness_curve_id: str | None = None


class _Loudness(Record, kw_only=True, forbid_unknown_fields=False, gc=False):
    LUFS_i: float | None = None
    peak_dbfs: float | None = None


class _Event(Record, kw_only=True, forbid_unknown_fields=False, gc=False):
    sample_id: Text
    session_id: str | None = None
    track_id: str | None = None
    drummer_id: str | None = None
    kit_id: str | None = None
    room_id: str | None = None
    source_set: str | None = None
    is_synthetic: bool | None = None
    negative_example: bool | None = None
    audio_path: str | None = None
    """Relative to the manifest."""
    onset_time: Seconds | None = None
    offset_time: Seconds | None = None
    tempo_bpm: Positive | None = None
    meter: str | None = None
    bar_index: Whole | None = None
    beat_index: Whole | None = None
    components: tuple[_Component, ...] | None = None
    techniques: tuple[str, ...] | None = None
    context_ms: dict[str, Any] | None = None
    label_method: str | None = None
    bleed_level: str | None = None
    """low, med or high."""
    mix_context: str | None = None
    """full_mix, close_mic or overheads."""
    device_vendor: str | None = None
    device_model: str | None = None
    loudness: _Loudness | None = None
    qc: dict[str, Any] | None = None


LINES = msgspec.json.Decoder(_Event)
"""What decides, for every reader of manifests, whether a line is an event. What it makes has no room for unknown
keys, which millions of lines would pay for."""


class Component(_Component, kw_only=True, forbid_unknown_fields=False):
    """A drum that was struck: its label, how hard, and for a hi-hat how open it was."""

    extras: dict[str, Any] = msgspec.field(default_factory=dict)
    """The keys that are not known here, as they came."""

    def to_row(self) -> dict[str, Any]:
        """The JSON object: the fields that are set, then the unknown keys as they came."""
        return _row(self)


class Loudness(_Loudness, kw_only=True, forbid_unknown_fields=False):
    """How loud the clip of an event is."""

    extras: dict[str, Any] = msgspec.field(default_factory=dict)

    def to_row(self) -> dict[str, Any]:
        """The JSON object: the fields that are set, then the unknown keys as they came."""
        return _row(self)


class DrumEvent(_Event, kw_only=True, forbid_unknown_fields=False):
    """One line of a drum manifest; times in seconds from the start of the audio.

    >>> event = DrumEvent.from_row({"sample_id": "a", "onset_time": 1.5, "mood": "calm",
    ...     "components": [{"label": "kick", "velocity": 0.8, "skin": "calf"}]})
    >>> event.components[0].label, event.extras
    ('kick', {'mood': 'calm'})
    >>> event.to_row()["components"]
    [{'label': 'kick', 'velocity': 0.8, 'skin': 'calf'}]
    """

    components: tuple[Component, ...] | None = None
    loudness: Loudness | None = None
    extras: dict[str, Any] = msgspec.field(default_factory=dict)

    @classmethod
    def from_row(cls, row: dict[str, Any], where: str = "event") -> Self:
        """The event of a JSON object; InputError(where) says what breaks it."""
        _Event.from_dict(row, where)
        values = {**_known(row, _Event), "extras": _unknown(row, _Event)}
        if row.get("components") is not None:
            values["components"] = [
                {**_known(one, _Component), "extras": _unknown(one, _Component)} for one in row["components"]
            ]
        if loudness := row.get("loudness"):
            values["loudness"] = {**_known(loudness, _Loudness), "extras": _unknown(loudness, _Loudness)}
        return cls.from_dict(values, where)

    def to_row(self) -> dict[str, Any]:
        """The JSON object: the fields that are set, then the unknown keys as they came."""
        row = _row(self)
        if self.components is not None:
            row["components"] = [one.to_row() for one in self.components]
        if self.loudness is not None:
            row["loudness"] = self.loudness.to_row()
        return row

    @classmethod
    def from_line(cls, line: str | bytes, where: str = "event") -> Self:
        """The event of a line of a manifest; InputError(where) says what breaks it."""
        if problem := broken(line.encode() if isinstance(line, str) else line):
            raise InputError(where, problem)
        row: dict[str, Any] = msgspec.json.decode(line)
        return cls.from_row(row, where)

    def to_line(self) -> bytes:
        """The event as a line of a manifest, without the newline."""
        return msgspec.json.encode(self.to_row())


def _row(record: Component | Loudness | DrumEvent) -> dict[str, Any]:
    fields = {name: getattr(record, name) for name in record.__struct_fields__ if name != "extras"}
    return {name: value for name, value in fields.items() if value is not None} | record.extras


def _known(row: dict[str, Any], kind: type[Record]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key in kind.__struct_fields__}


def _unknown(row: dict[str, Any], kind: type[Record]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in kind.__struct_fields__}


def broken(line: bytes) -> str | None:
    """Why a line is no event, or None if it is one.

    >>> broken(b'{"sample_id": "a", "onset_time": 2.5, "components": [{"label": "gong"}]}')
    >>> broken(b'{"onset_time": 2.5}')
    'key "sample_id" is missing'
    >>> broken(b'{"sample_id": "a", "components": [{"label": "kick", "velocity": 90}]}')
    'components[0].velocity: expected float <= 1.0'
    """
    if len(line) >= LONGEST_LINE_BYTES:
        return f"the line is longer than {LONGEST_LINE_BYTES >> 20} MiB; is this JSONL?"
    if b"\0" in line:
        return "holds NUL bytes; was the file cut off while it was written?"
    try:
        line.decode()
        LINES.decode(line)
    except UnicodeDecodeError as error:
        return f"is not UTF-8 text (byte {error.start})"
    except DECODE_ERRORS as error:
        return explain(error, _Event)
    return None


def problems(line: bytes) -> list[str]:
    """Everything that breaks a line, key by key; empty if nothing does.

    >>> problems(b'{"sample_id": "", "onset_time": -1, "tempo_bpm": 120}')
    ['sample_id: expected str of length >= 1', 'onset_time: expected float >= 0.0']
    """
    first = broken(line)
    if first is None:
        return []
    try:
        row = msgspec.json.decode(line)
    except DECODE_ERRORS:
        return [first]
    if not isinstance(row, dict):
        return [first]
    found = [] if "sample_id" in row else [str(broken(b"{}"))]
    for key, value in row.items():
        alone = {"sample_id": "x"} | {key: value}
        if reason := broken(msgspec.json.encode(alone)):
            found.append(reason)
    return found or [first]
