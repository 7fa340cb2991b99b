"""Hits of a dataset that `drums collect export` wrote, drawn by the sampling weights of their sessions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np

from tonewheel.audio.decode import load
from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.manifest.components import class_of, is_known
from tonewheel.manifest.event_lines import Event, Quarantine, components_of, number_of, read_events
from tonewheel.manifest.tracks import Quarantined
from tonewheel.systems.drums.families import LABELS
from tonewheel.systems.drums.hits.shelf import Known
from tonewheel.systems.drums.stage.kits import SAMPLE_RATE_HZ, Audio, Shot

SPLITS = ("train", "valid", "test")
CLIPS_IN_MEMORY = 4096


class ClipDataset:
    """The hits of one split of an exported dataset, of which exactly one drum is struck.

    An event of several drums has no one label: it is left out, with the reason, as are labels that no class
    takes. `weights` are by session or by audio path (`drums manifest weights`): an event counts with the
    weight of its group, one whose group has none is not drawn.
    """

    def __init__(self, folder: str | Path, split: str, weights: Mapping[str, float] | None = None) -> None:
        self.folder = Path(folder)
        manifest = self.folder / f"{split}.jsonl"
        if not manifest.is_file():
            raise InputError(
                self.folder, f"has no {split}.jsonl; is it from `tonewheel drums collect export`?"
            )
        self.left_out: list[Quarantined] = []
        self.known: list[Known] = []
        self.clips: list[tuple[Path, float]] = []
        """File of every hit and where in it the onset is, s."""
        shares: list[float] = []
        with Quarantine(None) as quarantine:
            for line in read_events(manifest, quarantine):
                try:
                    known, clip = self._read(line.event, manifest, line.number, split)
                except InputError as error:
                    self.left_out.append(
                        Quarantined(path=str(manifest), line=line.number, reason=error.reason)
                    )
                    continue
                share = 1.0 if weights is None else _weight(line.event, weights)
                if share > 0:
                    self.known.append(known)
                    self.clips.append(clip)
                    shares.append(share)
            if quarantine.count:
                self.left_out.append(
                    Quarantined(path=str(manifest), reason=f"{quarantine.count} broken lines")
                )
        if not self.known:
            raise InputError(manifest, "holds no hit of a single drum whose session has a weight")
        total = np.cumsum(np.asarray(shares))
        self.place = total / total[-1]
        self._load = lru_cache(maxsize=CLIPS_IN_MEMORY)(_load)

    def _read(self, event: Event, manifest: Path, line: int, split: str) -> tuple[Known, tuple[Path, float]]:
        struck = components_of(event)
        labels = {class_of(name) if is_known(name := str(one.get("label", ""))) else name for one in struck}
        if len(labels) != 1:
            raise InputError(manifest, f"{len(labels)} drums at once", line)
        label = labels.pop()
        if label not in LABELS:
            raise InputError(manifest, f'label "{label[:60]}" is not one of the taxonomy', line)
        inside = PurePosixPath(str(event.get("clip_path") or ""))
        path = self.folder / inside
        if not inside.name or inside.is_absolute() or not path.is_file():
            raise InputError(manifest, f'there is no clip "{inside}"', line)
        before_ms = number_of((event.get("context_ms") or {}).get("pre"))
        velocity, openness = number_of(struck[0].get("velocity")), number_of(struck[0].get("openness"))
        shot = Shot(
            kit=str(event.get("kit_id") or event.get("session_id") or ""),
            instrument=label,
            label=label,
            strength=velocity or 0.0,
            start=0,
            length=0,
            split=split,
            licence="",
            source=str(event["sample_id"]),
            synthetic=bool(event.get("is_synthetic")),
        )
        known = Known(
            shot,
            LABELS.index(label),
            np.nan if velocity is None or not 0 <= velocity <= 1 else velocity,
            np.nan if openness is None or not 0 <= openness <= 1 else openness,
        )
        return known, (path, (before_ms or 0.0) / 1000)

    def draw(self, rng: np.random.Generator, samples: int, lead: int) -> tuple[Audio, Known]:
        """A clip of `samples` with the onset near `lead`, and what is known of its hit."""
        number = int(np.searchsorted(self.place, rng.random(), side="right"))
        number = min(number, len(self.known) - 1)
        path, before_s = self.clips[number]
        try:
            audio = self._load(path)
        except TonewheelError as error:
            raise InputError(path, f"a clip of the dataset cannot be read: {error}") from None
        out = np.zeros(samples, np.float32)
        first = lead - round(before_s * SAMPLE_RATE_HZ)
        audio = audio[max(0, -first) :][: samples - max(0, first)]
        out[max(0, first) : max(0, first) + len(audio)] = audio
        return out, self.known[number]


def _load(path: Path) -> Audio:
    return load(path, sample_rate_hz=SAMPLE_RATE_HZ)[0]


def _weight(event: Event, weights: Mapping[str, float]) -> float:
    for key in ("session_id", "audio_path"):
        if (name := str(event.get(key))) in weights:
            return float(weights[name])
    return 0.0
