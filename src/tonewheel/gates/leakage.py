"""The leakage gate: nothing that is tested was met in training under another name.

Compared are, kind by kind: tracks by title and artist and by the file they were cut from; music by artist and
by source repository; rooms, microphones and crowds by name, where "cement_blocks_1" and "cement_blocks_2", or
"phase 1" and "phase 2" of one church, are one place.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from tonewheel.gates.base import Finding, Gate, Verdict
from tonewheel.manifest.matching import normalise
from tonewheel.manifest.tracks import Track

NOBODY = frozenset({"", "various", "various artists", "unknown", "unknown artist", "per file", "anonymous"})
"""Artists who are no one in particular."""


def place(title: str) -> str:
    """The room behind the name of one of its responses: numbers, variants and the microphone's position go.

    >>> place("cement_blocks_1"), place("StMarysAbbeyReconstructionPhase2"), place("in_the_silo_revised")
    ('cement blocks', 'st marys abbey reconstruction', 'in the silo')
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", " ", title)
    words = normalise(words)
    variant = (
        r"(?:phase|position|pos|mic|take|version|variant|revised|long|short|left|right|near|far|front|back)"
    )
    shorter = re.sub(rf"(?:\s+(?:{variant}|\d+|[a-z]))+$", "", words)
    return shorter or words


class LeakageGate(Gate):
    """No track, artist, source, room, microphone or crowd is in two splits.

    >>> tracks = [Track(path="a.ogg", title="So", artist="X", split="train"),
    ...           Track(path="b.ogg", title="Do", artist="X", split="test")]
    >>> LeakageGate().check(tracks, Path(".")).findings[0].reason
    'artist in test and train: a.ogg, b.ogg'
    """

    name: ClassVar[str] = "leakage"

    ignore_artists: tuple[str, ...] = ()
    """Further artists that are no one in particular."""
    by: tuple[str, ...] = ("track", "origin", "artist", "source", "place")
    """What may not be shared."""

    def check(self, tracks: Sequence[Track], root: Path) -> Verdict:
        where: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for track in tracks:
            if track.split:
                for key in self._keys(track):
                    where[key][track.split].append(track.path)
        findings = []
        for (what, name), splits in where.items():
            if len(splits) > 1:
                paths = ", ".join(paths[0] for paths in splits.values())
                both = " and ".join(sorted(splits))
                findings.append(Finding(path=name, reason=f"{what} in {both}: {paths}"))
        return self.verdict(
            findings, len(where), "tracks, artists, sources and places are in more than one split"
        )

    def _keys(self, track: Track) -> Iterator[tuple[str, str]]:
        nobody = NOBODY | {artist.casefold() for artist in self.ignore_artists}
        artist = normalise(track.artist)
        own = artist not in nobody and not artist.startswith("various ")
        title = normalise(track.title)
        if track.kind == "music":
            if "track" in self.by and title:
                yield "track", f"{title} by {artist}" if own else f"{title} from {track.source_repo}"
            if "artist" in self.by and own:
                yield "artist", artist
            if "source" in self.by and track.source_repo:
                yield "source", track.source_repo
        elif "place" in self.by and title and track.kind != "midi":
            # Two sites may both have an "applause"; one site's is the same.
            yield track.kind, f"{place(track.title)} from {track.source_repo}"
        origin = track.extras.get("source_path")
        if "origin" in self.by and origin:
            yield "file", f"{track.source_repo}:{origin}"
