"""A collection of drum hits: a folder that grows, with an event a line and a clip a hit.

    events.jsonl    the events (the drum event manifest); times are those of the recording
    sources.jsonl   the recordings they come from: sha256, source, licence, who played what where
    clips/ID.flac   mono, at the recording's rate, `context_ms.pre` before the hit to `context_ms.post` after it

Hits of one recording less than 10 ms apart are one event of several components, and the same label within
10 ms is the same hit: it is stored once, from whatever file it comes. A recording is told by its content, not
its name. Everything is written whole; a run that was killed continues where it was, and the same additions
give the same files.
"""

from __future__ import annotations

import bisect
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tonewheel.core.errors import InputError
from tonewheel.core.files import atomic_path, sha256
from tonewheel.core.progress import progress
from tonewheel.core.records import Record, read_jsonl, write_jsonl
from tonewheel.manifest.drum_hits import DrumHit
from tonewheel.manifest.event_lines import Event, Quarantine, read_events
from tonewheel.manifest.timing import Timing
from tonewheel.systems.drums.collecting.instants import checked, component, instants, near

SAVE_EVERY = 500


class Context(Record):
    """What is cut around a hit, ms."""

    pre: float = 100.0
    post: float = 400.0


class Source(Record):
    """A recording that hits were taken from."""

    audio_sha256: str
    path: str
    """Relative to the collection."""
    seconds: float | None
    sample_rate_hz: int
    session_id: str = ""
    track_id: str = ""
    drummer_id: str = ""
    kit_id: str = ""
    room_id: str = ""
    source_set: str = ""
    source: str = ""
    """Where it comes from: a repository, an album, a person."""
    license: str = ""
    is_synthetic: bool = False
    mix_context: str = ""
    """full_mix, close_mic or overheads."""
    device_vendor: str = ""
    device_model: str = ""


_OF_EVENT = ("session_id", "track_id", "drummer_id", "kit_id", "room_id", "source_set", "mix_context",
             "device_vendor", "device_model")  # fmt: skip


class Added(Record):
    """What one addition did."""

    added: int
    """Hits that are new."""
    already: int
    """Hits that were there."""
    events: int
    """Events of the collection now."""
    past_the_end: int = 0
    """Hits after the end of the recording, left out."""
    unknown: dict[str, int] = {}  # noqa: RUF012 (msgspec copies it)
    """Words that mean no drum, left out."""


class Collection:
    """The folder of a collection; it is made by the first addition."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError(self.folder, "is a file; a collection is a folder")
        self.events: dict[str, Event] = {}
        self.sources: dict[str, Source] = {}
        if self.manifest.exists():
            with Quarantine(None, strict=True) as quarantine:
                for _, _, event in read_events(self.manifest, quarantine):
                    self.events[event["sample_id"]] = event
        if self._sources.exists():
            self.sources = {one.audio_sha256: one for one in read_jsonl(self._sources, Source)}

    @classmethod
    def open(cls, folder: str | Path) -> Collection:
        """A collection that is there; InputError when it is not."""
        found = cls(folder)
        if not found.manifest.exists():
            raise InputError(folder, "holds no collection (no events.jsonl); `drums collect add` begins one")
        return found

    @property
    def manifest(self) -> Path:
        """The events."""
        return self.folder / "events.jsonl"

    @property
    def _sources(self) -> Path:
        return self.folder / "sources.jsonl"

    def add(
        self,
        audio: str | Path,
        hits: Iterable[DrumHit],
        *,
        label_method: str,
        about: dict[str, Any] | None = None,
        timing: Timing | None = None,
        velocity_known: bool = True,
        context: Context | None = None,
        unknown: dict[str, int] | None = None,
    ) -> Added:
        """Cut and store the hits of a recording; `about` has fields of `Source` (licence, drummer, ...).

        InputError when a hit cannot be one, or when all of them lie after the end of the recording.
        """
        span = context or Context()
        source = self._source(Path(audio), about or {})
        groups = instants(checked(hit, audio) for hit in hits)
        there = defaultdict[str, list[float]](list)
        event_at: dict[float, str] = {}
        for event in self.events.values():
            if event.get("audio_sha256") == source.audio_sha256:
                event_at[event["onset_time"]] = event["sample_id"]
                for one in event["components"]:
                    bisect.insort(there[one["label"]], event["onset_time"])
        onsets = sorted(event_at)
        new: list[list[DrumHit]] = []
        counts: Counter[str] = Counter()
        for together in groups:
            if source.seconds is not None and together[0].onset_s >= source.seconds:
                counts["past_the_end"] += len(together)
                continue
            fresh = [hit for hit in together if near(there[hit.label], hit.onset_s) is None]
            counts["already"] += len(together) - len(fresh)
            counts["added"] += len(fresh)
            at = near(onsets, together[0].onset_s)
            if at is not None and fresh:
                components = self.events[event_at[at]]["components"]
                components += [component(hit, velocity_known) for hit in fresh]
                components.sort(key=lambda one: str(one["label"]))
            elif fresh:
                new.append(fresh)
        if counts["past_the_end"] and not counts["added"] + counts["already"]:
            raise InputError(
                audio, f"all hits are after its end ({source.seconds:g} s); are the times in ms?"
            )
        if groups:
            self.sources[source.audio_sha256] = source
        self._cut(Path(audio), source, new, span, label_method, timing, velocity_known)
        if self.sources:
            self.save()
        return Added(
            added=counts["added"],
            already=counts["already"],
            events=len(self.events),
            past_the_end=counts["past_the_end"],
            unknown=unknown or {},
        )

    def save(self) -> None:
        """Write the manifests, in an order that does not depend on that of the additions."""
        encoder = msgspec.json.Encoder()
        events = sorted(
            self.events.values(),
            key=lambda one: (one.get("audio_sha256", ""), one.get("onset_time") or 0.0, one["sample_id"]),
        )
        with atomic_path(self.manifest) as temporary, temporary.open("wb") as lines:
            lines.writelines(encoder.encode(event) + b"\n" for event in events)
        write_jsonl(self._sources, (self.sources[key] for key in sorted(self.sources)))

    def _source(self, audio: Path, about: dict[str, Any]) -> Source:
        from tonewheel.audio.decode import probe

        info = probe(audio)
        digest = sha256(audio)
        values: dict[str, Any] = {
            "path": Path(os.path.relpath(audio.resolve(), self.folder.resolve())).as_posix(),
            "seconds": info.seconds,
            "sample_rate_hz": info.sample_rate_hz,
            "session_id": digest[:12],
        }
        if digest in self.sources:
            values |= {key: value for key, value in self.sources[digest].to_dict().items() if value}
        told = {key: value for key, value in about.items() if value}
        return Source.from_dict(values | told | {"audio_sha256": digest}, audio)

    def _cut(
        self,
        audio: Path,
        source: Source,
        new: Sequence[list[DrumHit]],
        span: Context,
        label_method: str,
        timing: Timing | None,
        velocity_known: bool,
    ) -> None:
        import numpy as np

        from tonewheel.audio.clips import cut_clips
        from tonewheel.audio.encode import write

        starts = [together[0].onset_s - span.pre / 1000 for together in new]
        clips = cut_clips(audio, starts, (span.pre + span.post) / 1000)
        for number, (together, (clip, _)) in enumerate(
            progress(zip(new, clips, strict=True), "cutting clips", total=len(new), unit="hits"), start=1
        ):
            onset_s = round(together[0].onset_s, 6)
            name = f"{source.audio_sha256}|{onset_s:.6f}|{span.pre:g}|{span.post:g}"
            sample_id = hashlib.sha256(name.encode()).hexdigest()[:16]
            path = self.folder / "clips" / f"{sample_id}.flac"
            if not path.exists():  # what a killed run cut is whole, and cut from the same samples
                write(path, clip, source.sample_rate_hz)
            peak = float(np.abs(clip).max(initial=0.0))
            event: Event = {"sample_id": sample_id}
            event |= {key: value for key in _OF_EVENT if (value := getattr(source, key))}
            event |= {
                "is_synthetic": source.is_synthetic,
                "negative_example": False,
                "audio_path": source.path,
                "audio_sha256": source.audio_sha256,
                "clip_path": f"clips/{sample_id}.flac",
                "onset_time": onset_s,
                "components": [component(hit, velocity_known) for hit in together],
                "context_ms": span.to_dict(),
                "label_method": label_method,
                "loudness": {"peak_dbfs": round(20 * float(np.log10(max(peak, 1e-6))), 2)},
            }
            if timing is not None:
                point = timing.at(onset_s)
                bar, beat = timing.position(onset_s)
                event |= {"tempo_bpm": round(point.bpm, 4), "meter": point.meter}
                event |= {"bar_index": bar, "beat_index": beat}
            techniques = sorted({one for hit in together for one in getattr(hit, "techniques", ())})
            if techniques:
                event["techniques"] = techniques
            self.events[sample_id] = event
            if number % SAVE_EVERY == 0:
                self.save()
