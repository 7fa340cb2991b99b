"""Is it the same record? The same audio whatever its format, or another version of the song by its title.

Audio is compared by the fingerprints of the duplicates gate (Haitsma and Kalker, 2002). The index keeps every
fourth of a track's words, four a second; a query has all of its own, so that any offset meets some.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.gates.duplicates import HOP_SAMPLES, RATE_HZ, Signature

KEPT = 4
"""One word of so many is kept."""
LEAST_S = 5.0
LEAST_EQUAL = 0.70
"""Share of equal bits over `LEAST_S` of audio; chance is 0.5, another codec 0.8 and more."""
LEAST_VOTES = 2
MOST_TRIED = 50
MOST_COMMON = 200
"""A word that occurs more often (a held note, a fade) says nothing."""


class Shared(NamedTuple):
    """A track that holds the audio of the query: the share of equal bits, and where the query begins in it."""

    track: int
    equal: float
    offset_s: float


class Signatures:
    """The thinned fingerprints of many tracks.

    >>> from tonewheel.gates.duplicates import signature
    >>> rng = np.random.default_rng(0)
    >>> songs = [signature(rng.normal(size=20 * 8000).astype(np.float32), 8000) for _ in range(3)]
    >>> [shared.track for shared in Signatures([thin(song) for song in songs]).find(songs[1][40:200])]
    [1]
    """

    def __init__(self, kept: Sequence[Signature]) -> None:
        self.kept = list(kept)
        counts = [len(one) for one in self.kept]
        words = np.concatenate([*self.kept, np.empty(0, np.uint32)])
        order = np.argsort(words, kind="stable")
        self._words = words[order]
        self._track = np.repeat(np.arange(len(counts)), counts)[order]
        self._frame = np.concatenate([np.arange(count) * KEPT for count in [*counts, 0]])[order]

    def find(self, query: Signature) -> list[Shared]:
        """Tracks that share `LEAST_S` of audio with a query's whole fingerprint, best first."""
        asked, at = np.unique(query, return_index=True)
        bits = np.bitwise_count(asked)
        asked, at = asked[(bits >= 4) & (bits <= 28)], at[(bits >= 4) & (bits <= 28)]
        first, end = np.searchsorted(self._words, asked), np.searchsorted(self._words, asked, side="right")
        counts = end - first
        rare = (counts > 0) & (counts <= MOST_COMMON)
        if not rare.any():
            return []
        places = np.concatenate([np.arange(a, b) for a, b in zip(first[rare], end[rare], strict=True)])
        offset = self._frame[places] - np.repeat(at[rare], counts[rare])
        votes, cast = np.unique(np.stack([self._track[places], offset]), axis=1, return_counts=True)
        best: dict[int, Shared] = {}
        for which in np.argsort(-cast, kind="stable")[:MOST_TRIED]:
            if cast[which] < LEAST_VOTES:
                break
            track, frames = int(votes[0, which]), int(votes[1, which])
            equal = self._agreement(query, track, frames)
            if equal >= LEAST_EQUAL and (track not in best or equal > best[track].equal):
                best[track] = Shared(track, equal, frames * HOP_SAMPLES / RATE_HZ)
        return sorted(best.values(), key=lambda shared: -shared.equal)

    def _agreement(self, query: Signature, track: int, offset: int) -> float:
        """Share of equal bits of the best stretch when the query begins at frame `offset` of the track."""
        kept = self.kept[track]
        frames = np.arange(len(kept)) * KEPT - offset
        inside = (frames >= 0) & (frames < len(query))
        least = int(LEAST_S * RATE_HZ / HOP_SAMPLES / KEPT)
        if inside.sum() < least:
            return 0.0
        different = np.bitwise_count(kept[inside] ^ query[frames[inside]]).astype(np.int64)
        running = np.concatenate(([0], np.cumsum(different)))
        return float(1 - (running[least:] - running[:-least]).min() / (32 * least))


def thin(signature: Signature) -> Signature:
    """What the index keeps of a fingerprint."""
    return np.ascontiguousarray(signature[::KEPT])


def groups(
    kept: Sequence[Signature],
    whole: Sequence[Signature | None],
    titles: Sequence[str],
    artists: Sequence[str],
    before: Sequence[int],
) -> NDArray[np.int64]:
    """A number for each track, equal for the same audio and for versions of one song; shape (n,).

    `kept` are thinned fingerprints, `whole` those of tracks that are new (None for others), `before` the numbers
    that earlier tracks had, -1 for new ones. A number is the place of the first track of its group.
    """
    signatures = Signatures(kept)
    leader = list(range(len(kept)))

    def root(track: int) -> int:
        while leader[track] != track:
            track = leader[track]
        return track

    def join(a: int, b: int) -> None:
        low, high = sorted((root(a), root(b)))
        leader[high] = low

    for track, signature in enumerate(whole):
        for shared in signatures.find(signature) if signature is not None else ():
            join(track, shared.track)
    alike: dict[tuple[str, str] | int, int] = {}
    for track, (title, artist) in enumerate(zip(titles, artists, strict=True)):
        if song_name(title):
            join(track, alike.setdefault(song(title, artist), track))
        if before[track] >= 0:
            join(track, alike.setdefault(before[track], track))
    return np.array([root(track) for track in range(len(leader))], dtype=np.int64)


_BRACKETS = re.compile(r"[(\[{][^()\[\]{}]*[)\]}]")
_VERSION = re.compile(
    r"\b(?:re-?master(?:ed)?|re-?mix(?:ed)?|mix|edit|live|version|demo|instrumental|acoustic|cover|extended|radio"
    r"|original|mono|stereo|bootleg|vip|reprise|karaoke|take \d+)\b"
)


def song(title: str, artist: str) -> tuple[str, str]:
    """What versions of one song share: its name and its artist.

    >>> song("Blue Line (Live)", "The Lamps") == song("blue line", "the lamps ")
    True
    """
    return song_name(title), artist.casefold().strip()


def song_name(title: str) -> str:
    """A title without what tells versions of a song apart; empty when nothing is left.

    >>> song_name("Blue Line (Live at the Barn)"), song_name("Blue Line - Extended Mix"), song_name("Live")
    ('blue line', 'blue line', 'live')
    """
    text = title.casefold().replace("_", " ")
    kept = _BRACKETS.sub(" ", text)
    head, dash, tail = kept.partition(" - ")
    if dash and _VERSION.search(tail):
        kept = head
    name = " ".join(re.findall(r"\w+", kept))
    return name or " ".join(re.findall(r"\w+", text))
