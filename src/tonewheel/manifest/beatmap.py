"""Beatmaps (`.bsm`): a song's drum hits for a rhythm game, as JSON that other programs write as well.

A beatmap is kept as the JSON it came as: keys that we do not know survive at every level, values that we know
are checked when it is read. Times in the file are milliseconds, here seconds. `hitObjects` are sorted by time.
A file that does not fit is refused with the path, the place in it and the reason.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

from tonewheel.core.errors import InputError
from tonewheel.core.files import atomic_path, read_text, reading
from tonewheel.manifest.components import canonical, class_of, is_known
from tonewheel.manifest.drum_hits import DrumHit, in_order, problem
from tonewheel.manifest.timing import Timing, TimingPoint, bpm_problem, meter_problem, timing_of

LARGEST_BYTES = 64 * 2**20
VERSION = "1.0.0"
PAST_THE_END_MS = 1000.0
"""So much later than the end of the audio a hit may be; durations are often cut."""
LANES = {
    "hihat_pedal": 0,
    "aux_percussion": 0,
    "snare": 1,
    "cross_stick": 1,
    "tom_high": 2,
    "kick": 3,
    "tom_mid": 4,
    "tom_low": 4,
    "hihat_closed": 5,
    "hihat_open": 5,
    "ride": 6,
    "crash": 6,
}
"""The fixed seven lanes of the beatmaps' own editor, by class; for hits that come without a lane."""


class BeatmapHit(DrumHit):
    """A drum hit of a beatmap, with the lane it is shown in and its techniques."""

    lane: int | None = None
    techniques: tuple[str, ...] = ()


class Beatmap:
    """A beatmap that was read or made; `values` is its JSON and is not to be changed.

    >>> made = make_beatmap([DrumHit(onset_s=0.5, label="kick")], title="A")
    >>> made.hits()[0].onset_s, made.timing.points[0].bpm, made.title
    (0.5, 120.0, 'A')
    """

    def __init__(self, values: dict[str, Any], where: str | Path = "beatmap") -> None:
        if not isinstance(values, dict):
            raise InputError(where, "a beatmap is a JSON object")
        _Check(where).beatmap(values)
        objects = sorted(values["hitObjects"], key=lambda one: one["time"])
        self.values: dict[str, Any] = {**values, "hitObjects": objects}

    @property
    def title(self) -> str:
        """The song's title; "" when it has none."""
        return str((self.values.get("metadata") or {}).get("title") or "")

    @property
    def audio(self) -> dict[str, Any]:
        """What it says about its audio: filename, hash, duration (ms), sampleRate, ..."""
        found: dict[str, Any] = self.values.get("audio") or {}
        return found

    @property
    def timing(self) -> Timing:
        """Tempo and meter: `bpm` from `offset` on, then the timing points."""
        timing = self.values.get("timing") or {}
        bpm, meter = float(timing.get("bpm") or 120.0), timing.get("timeSignature") or "4/4"
        points = [TimingPoint(time_s=(timing.get("offset") or 0) / 1000, bpm=bpm, meter=meter)]
        for one in sorted(timing.get("timingPoints") or [], key=lambda point: point["time"]):
            bpm, meter = float(one.get("bpm") or bpm), one.get("timeSignature") or meter
            points.append(TimingPoint(time_s=one["time"] / 1000, bpm=bpm, meter=meter))
        return timing_of(points)

    def hits(self, unknown: Callable[[str], None] | None = None) -> list[BeatmapHit]:
        """The hits, by time, with labels of the taxonomy; a component that has none is handed to `unknown`.

        InputError without `unknown`, naming the nearest label.
        """
        found = []
        for one in self.values["hitObjects"]:
            if unknown is not None and not is_known(one["component"]):
                unknown(one["component"])
                continue
            found.append(
                BeatmapHit(
                    onset_s=one["time"] / 1000,
                    label=canonical(one["component"]),
                    velocity=_or(one.get("velocity"), 1.0),
                    openness=one.get("openness"),
                    confidence=_or(one.get("confidence"), 1.0),
                    lane=one.get("lane"),
                    techniques=tuple(one.get("techniques") or ()),
                )
            )
        return found

    def with_hits(self, hits: Iterable[DrumHit], timing: Timing | None = None) -> Beatmap:
        """The same beatmap with other hits (and timing); everything else stays."""
        values = deepcopy(self.values)
        values["hitObjects"] = [_hit_object(hit) for hit in in_order(hits)]
        if timing is not None:
            values["timing"] = (values.get("timing") or {}) | _timing_values(timing)
        return Beatmap(values)

    def write(self, path: str | Path) -> None:
        """Write it as indented JSON, whole or not at all."""
        text = json.dumps(self.values, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        try:
            content = text.encode()
        except UnicodeEncodeError:  # half of a surrogate pair, which JSON can escape and UTF-8 cannot hold
            content = (json.dumps(self.values, indent=2, allow_nan=False) + "\n").encode()
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)


def read_beatmap(path: str | Path) -> Beatmap:
    """Read a `.bsm` file; InputError with path, place and reason when it is none."""
    source = Path(path)
    with reading(source):
        if source.stat().st_size > LARGEST_BYTES:
            raise InputError(source, f"is larger than {LARGEST_BYTES // 2**20} MiB; no beatmap is")
        text = read_text(source)
    try:
        values = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise InputError(source, f"is no JSON: {error.msg}", error.lineno) from None
    except (ValueError, RecursionError) as error:
        reason = "is nested too deeply" if isinstance(error, RecursionError) else f"is no JSON: {error}"
        raise InputError(source, reason) from None
    return Beatmap(values, source)


def make_beatmap(
    hits: Iterable[DrumHit],
    timing: Timing | None = None,
    *,
    title: str = "",
    artist: str = "",
    audio: dict[str, Any] | None = None,
    editor: dict[str, Any] | None = None,
    created_at: str = "",
) -> Beatmap:
    """A new beatmap. `audio` and `editor` are the objects of the file, times in them in ms.

    `created_at` is ISO 8601, empty for a file that is the same every time.
    """
    ordered = in_order(hits)
    metadata = {
        "title": title,
        "artist": artist,
        "creator": "Tonewheel",
        "tags": [],
        "difficulty": 1.0,
        "previewTime": 0,
        "createdAt": created_at,
        "modifiedAt": created_at,
        "description": "",
    }
    return Beatmap(
        {
            "version": VERSION,
            "metadata": metadata,
            "audio": audio or {},
            "timing": _timing_values(timing or timing_of([])),
            "drumKit": {"components": sorted({hit.label for hit in ordered}), "layout": "standard_5piece"},
            "hitObjects": [_hit_object(hit) for hit in ordered],
            "editor": editor or {},
        }
    )


def describe_audio(path: str | Path) -> dict[str, Any]:
    """The `audio` object of a beatmap for a file: name, hash, duration (ms) and sample rate."""
    from tonewheel.audio.decode import probe
    from tonewheel.core.files import sha256

    info = probe(path)
    values: dict[str, Any] = {"filename": Path(path).name, "hash": f"sha256:{sha256(path)}"}
    if info.seconds is not None:
        values["duration"] = round(info.seconds * 1000)
    return values | {"sampleRate": info.sample_rate_hz}


def _hit_object(hit: DrumHit) -> dict[str, Any]:
    if reason := problem(hit):
        raise InputError("beatmap", f"hit at {hit.onset_s:g} s: {reason}")
    lane = hit.lane if isinstance(hit, BeatmapHit) else None
    values: dict[str, Any] = {
        "time": round(hit.onset_s * 1000),  # the old programs read whole milliseconds only
        "component": hit.label,
        "velocity": round(hit.velocity, 4),
        "lane": LANES[class_of(hit.label)] if lane is None else lane,
    }
    if hit.openness is not None:
        values["openness"] = round(hit.openness, 4)
    if hit.confidence != 1:
        values["confidence"] = round(hit.confidence, 4)
    if isinstance(hit, BeatmapHit) and hit.techniques:
        values["techniques"] = list(hit.techniques)
    return values


def _timing_values(timing: Timing) -> dict[str, Any]:
    first = timing.points[0]
    values: dict[str, Any] = {
        "bpm": round(first.bpm, 4),
        "offset": round(first.time_s * 1000),
        "timeSignature": first.meter,
    }
    values["timingPoints"] = [
        {"time": round(one.time_s * 1000), "bpm": round(one.bpm, 4), "timeSignature": one.meter}
        for one in timing.points[1:]
    ]
    return values


class _Check:
    """Checks of the values that we know; the first that does not fit is an InputError."""

    def __init__(self, where: str | Path) -> None:
        self.where = where

    def beatmap(self, values: dict[str, Any]) -> None:
        if "hitObjects" not in values:
            raise InputError(self.where, 'key "hitObjects" is missing; is this a beatmap?')
        for key in ("metadata", "audio", "timing", "drumKit", "editor"):
            self._is(values.get(key), dict, key, "an object")
        audio = values.get("audio") or {}
        for key in ("filename", "hash", "drumStem", "drumStemHash"):
            self._is(audio.get(key), str, f"audio.{key}", "text")
        duration = self._number(audio.get("duration"), "audio.duration", 0, "ms")
        timing = values.get("timing") or {}
        self._tempo(timing, "timing")
        self._number(timing.get("offset"), "timing.offset", None, "ms")
        for n, point in enumerate(self._list(timing.get("timingPoints"), "timing.timingPoints")):
            place = f"timing.timingPoints[{n}]"
            self._needs(point, place, "time")
            self._number(point["time"], f"{place}.time", None, "ms")
            self._tempo(point, place)
        if values["hitObjects"] is None:
            raise InputError(self.where, "hitObjects must be a list, got null")
        for n, hit in enumerate(self._list(values["hitObjects"], "hitObjects")):
            self._hit(hit, f"hitObjects[{n}]", duration)

    def _hit(self, hit: Any, place: str, duration_ms: float | None) -> None:
        self._needs(hit, place, "time", "component")
        time_ms = self._number(hit["time"], f"{place}.time", 0, "ms")
        if duration_ms and time_ms is not None and time_ms > duration_ms + PAST_THE_END_MS:
            end = f"audio.duration {duration_ms:g} ms"
            raise InputError(self.where, f"{place}.time: {time_ms:g} ms is past the end ({end})")
        if not isinstance(hit["component"], str) or not hit["component"].strip():
            raise InputError(self.where, f"{place}.component must be the name of a drum")
        for key in ("velocity", "openness", "confidence"):
            value = self._number(hit.get(key), f"{place}.{key}", 0, "0..1")
            if value is not None and value > 1:
                raise InputError(self.where, f"{place}.{key} must be 0..1, got {value:g}")
        self._is(hit.get("lane"), int, f"{place}.lane", "a whole number")
        for one in self._list(hit.get("techniques"), f"{place}.techniques"):
            self._is(one, str, f"{place}.techniques", "a list of text")

    def _tempo(self, values: dict[str, Any], place: str) -> None:
        bpm = self._number(values.get("bpm"), f"{place}.bpm", 0, "quarter notes a minute")
        meter = values.get("timeSignature")
        self._is(meter, str, f"{place}.timeSignature", "text like 4/4")
        for reason in (
            None if bpm is None else bpm_problem(bpm),
            None if meter is None else meter_problem(meter),
        ):
            if reason:
                raise InputError(self.where, f"{place}: {reason}")

    def _needs(self, value: Any, place: str, *keys: str) -> None:
        if not isinstance(value, dict):
            raise InputError(self.where, f"{place} must be an object")
        for key in keys:
            if value.get(key) is None:
                raise InputError(self.where, f'{place}: key "{key}" is missing')

    def _list(self, value: Any, place: str) -> list[Any]:
        self._is(value, list, place, "a list")
        return value or []

    def _is(self, value: Any, kind: type, place: str, words: str) -> None:
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise InputError(self.where, f"{place} must be {words}, got {_show(value)}")

    def _number(self, value: Any, place: str, least: float | None, words: str) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise InputError(self.where, f"{place} must be a number ({words}), got {_show(value)}")
        if not abs(value) < 1e15 or (least is not None and value < least):
            bound = "a finite number" if least is None else f"at least {least:g}"
            raise InputError(self.where, f"{place} must be {bound} ({words}), got {_show(value)}")
        return float(value)


def _show(value: Any) -> str:
    try:
        text = json.dumps(value)
    except (ValueError, TypeError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= 40 else text[:37] + "..."


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large a number")
    return value
