"""Is an adapted pack not worse? The same held-out queries to both, through halls that neither was made with.

Half of the queries go through new draws of the venue, half through halls in general: a venue that was measured wrongly
must not cost more than it gives. Each query is asked twice, with its song in the pack and without.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.progress import progress
from tonewheel.core.records import Record
from tonewheel.core.seeds import generator
from tonewheel.degrade.presets import hall
from tonewheel.metrics.bootstrap import Interval, interval
from tonewheel.systems.concert.decide import weigh
from tonewheel.systems.concert.embed import Embedded, Embedder
from tonewheel.systems.concert.pack import Pack
from tonewheel.systems.concert.venue.features import RATE_HZ
from tonewheel.systems.concert.venue.profile import Venue
from tonewheel.systems.concert.venue.references import Tracks
from tonewheel.systems.concert.venue.simulate import Surroundings, matching, octaves_of

Floats = NDArray[np.float32]

QUERIES = 300
QUERY_S = 5.0
RUN_UP_S = 3.0
WINDOWS = (1, 3, 7)
"""2, 3 and 5 s of each query."""
SNR_DB = (0.0, 10.0)
MARGIN = 0.01
"""Not worse: the lower bound of the difference in top-1 is above minus this; one answer in a hundred."""
MORE_FALSE = 0.005
"""Songs outside the pack that may be accepted more often than before, as a share of queries."""


class Side(NamedTuple):
    """A pack with the embedder that it is searched with."""

    pack: Pack
    embedder: Embedder


class Verdict(Record):
    """Shares of answers before and after, and whether the pack after is kept."""

    kept: bool
    right_before: float
    """Top-1: the first song is the right one."""
    right_after: float
    difference: Interval
    """Of top-1, paired; by resampling songs."""
    named_before: float
    """Right and accepted by the decision rule."""
    named_after: float
    false_before: float
    """A song named though the right one was taken out of the pack."""
    false_after: float
    queries: int

    @property
    def better(self) -> bool:
        """More right answers, named or not, than before."""
        return self.right_after + self.named_after > self.right_before + self.named_before

    def __str__(self) -> str:
        gain = self.difference
        spread = (
            ""
            if gain.low is None or gain.high is None
            else f" ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
        )
        named = f"named {100 * self.named_before:.1f} % -> {100 * self.named_after:.1f} %"
        false = f"false {100 * self.false_before:.1f} % -> {100 * self.false_after:.1f} %"
        top1 = f"top-1 {100 * self.right_before:.1f} % -> {100 * self.right_after:.1f} %"
        return f"{top1}, {100 * gain.value:+.1f}{spread} points; {named}; {false}; {self.queries} queries"


class Clip(NamedTuple):
    """A held-out query, (samples,) at 16 kHz, and the reference that it was cut from."""

    audio: Floats
    reference: int


def held_out(tracks: Tracks, venue: Venue, count: int, surroundings: Surroundings, seed: int) -> list[Clip]:
    """Random cuts of the tracks: through the venue, and every other one through a hall that was not measured."""
    clips: list[Clip] = []
    songs = {number: audio for number, audio in enumerate(tracks.audio) if audio is not None}
    spectra = {number: octaves_of(audio) for number, audio in songs.items()}
    rooms = [path for _, path in surroundings.rooms]
    for number in progress(range(count), "held-out queries"):
        rng = generator(seed, "held-out query", number)
        reference = int(rng.choice(tracks.found))
        audio = songs[reference]
        length, run_up = round(QUERY_S * RATE_HZ), round(RUN_UP_S * RATE_HZ)
        start = int(rng.integers(0, max(len(audio) - length, 0) + 1))
        first = max(0, start - run_up)
        clean = audio[first : start + length]
        if number % 2:
            chain = hall(
                rng,
                rooms,
                surroundings.crowds,
                snr_db=SNR_DB,
                codec_share=0.3,
                synthetic_crowd_share=0.0 if surroundings.crowds else 1.0,
            )
        else:
            chain = matching(
                venue, rng, music_db=spectra[reference], surroundings=surroundings, codec_share=0.3
            )
        clips.append(Clip(chain.apply(clean, RATE_HZ)[start - first :], reference))
    return clips


def check(before: Side, after: Side, clips: Sequence[Clip], seed: int = 0) -> Verdict:
    """Ask both packs the same; the pack after is kept if it is not worse by the margins above."""
    asked = [[_ask(side, clip) for side in (before, after)] for clip in progress(clips, "check")]
    answers = np.array(asked, np.float64)
    # (clips, sides, lengths, 3): right, named, false
    shares = answers.mean(axis=(0, 2))
    songs = [clip.reference for clip in clips]
    gain = (answers[:, 1, :, 0] - answers[:, 0, :, 0]).mean(axis=1)
    difference = interval(gain, groups=songs, rng=generator(seed, "check"))
    low = difference.value if difference.low is None else difference.low
    return Verdict(
        kept=bool(low >= -MARGIN and shares[1, 2] <= shares[0, 2] + MORE_FALSE),
        right_before=round(float(shares[0, 0]), 4),
        right_after=round(float(shares[1, 0]), 4),
        difference=difference,
        named_before=round(float(shares[0, 1]), 4),
        named_after=round(float(shares[1, 1]), 4),
        false_before=round(float(shares[0, 2]), 4),
        false_after=round(float(shares[1, 2]), 4),
        queries=len(clips),
    )


def _ask(side: Side, clip: Clip) -> list[tuple[bool, bool, bool]]:
    """(right, right and named, named without the right song) for each length of the query."""
    found = side.embedder.embed(clip.audio)
    song = side.pack.songs.index(side.pack.header.references[clip.reference].song)
    answers = []
    for windows in WINDOWS:
        part = Embedded(found.embeddings[:windows], found.music[:windows])
        ranked = side.pack.catalogue.rank(part.embeddings)
        others = [match for match in ranked if match.song != song]
        music = float(part.music.mean())
        right = ranked[0].song == song
        named = side.embedder.rule.state(weigh(ranked, len(part.music), music)) == "song"
        wrong = bool(others) and side.embedder.rule.state(weigh(others, len(part.music), music)) == "song"
        answers.append((right, right and named, wrong))
    return answers
