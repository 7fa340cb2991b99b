"""Which song of the pack is this clip? From seconds to hours, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import blocks
from tonewheel.core.records import Record
from tonewheel.core.units import format_time_s
from tonewheel.systems.concert.decide import State, weigh
from tonewheel.systems.concert.embed import Embedded, Embedder
from tonewheel.systems.concert.match import SongMatch
from tonewheel.systems.concert.pack import Pack, printable
from tonewheel.systems.concert.versions.embed import VersionEmbedder
from tonewheel.systems.concert.versions.fuse import Fused, Heard, rank_runs

Floats = NDArray[np.float32]
RUN_WINDOWS = 17
"""Windows matched as one run: 10 s at a hop of 0.5 s and a window of 2 s. Longer queries are several runs."""
CANDIDATES = 5


class Candidate(Record):
    """A song that fits, with its mean cosine."""

    song: str
    score: float


class Identification(Record, omit_defaults=True):
    """The answer for one file; `position_s` is where in the song the file begins (below 0: before it)."""

    path: str
    state: State
    song: str | None
    score: float
    margin: float
    position_s: float | None
    candidates: tuple[Candidate, ...]
    semitones: int | None = None
    """Of a song that is played again, known by its version rows: so many semitones above the record, -5 to 6."""
    tempo: float | None = None
    """The same: its tempo as a share of the record's."""


def identify_file(
    path: str | Path, pack: Pack, embedder: Embedder, versions: VersionEmbedder | None = None
) -> Identification:
    """Identify one file; InputError when it cannot be read.

    A pack with version rows is asked for songs that are played again, too; ModelMismatchError when other
    weights than those of `versions` (by default those shipped) made its rows.
    """
    audio = blocks(path, sample_rate_hz=embedder.spec.sample_rate_hz, mono=True, block_s=5.0)
    # A file name of another encoding is no JSON text; what cannot be said is marked.
    named = str(path).encode("utf-8", "replace").decode()
    heard = None
    if pack.versions is not None:
        hears = versions or VersionEmbedder.shipped()
        pack.versions.check(hears, Path("the pack"))
        heard = Heard(hears.embed_file(path), hears.fusion)
    return identify(named, embedder.embed_blocks(audio), pack, embedder, heard)


def identify(
    path: str, embedded: Iterable[Embedded], pack: Pack, embedder: Embedder, versions: Heard | None = None
) -> Identification:
    """Identify a query that is given as embedded windows in order, and as `versions` if the pack has them."""
    runs: list[list[SongMatch]] = []
    music: list[float] = []
    windows = 0
    short = False
    for run in _runs(embedded):
        runs.append(pack.catalogue.rank(run.embeddings))
        music.append(float(run.music.mean()))
        windows = max(windows, len(run.music))
        # Of less than a window there is the first part only.
        short = windows == 1 and not run.embeddings[0, embedder.size // embedder.recipe.views.parts :].any()
    ranked = over_runs(runs, pack.header.hop_s)
    # Applause before the song must not outvote it: the runs that sound most like music are asked.
    loudest = float(np.mean(sorted(music)[len(music) // 2 :]))
    rule = embedder.rule
    evidence = weigh(ranked, windows, loudest)
    state = rule.state(evidence, short)
    best = ranked[0]
    if state != "song" and versions is not None and pack.played_again is not None:
        # What the fingerprint names is this very recording; only what it does not may be played again.
        fused = versions.fusion.rank(ranked, rank_runs(pack.played_again, versions.rows))
        odds = versions.fusion.odds(fused, len(versions.rows))
        if loudest >= rule.least_music and odds >= versions.fusion.least_odds:
            return _played_again(path, fused, pack)
    return Identification(
        path=path,
        state=state,
        song=pack.songs[best.song] if state == "song" else None,
        score=round(best.score, 4),
        margin=round(evidence.margin, 4),
        position_s=round(best.position_s, 2) + 0.0 if state == "song" else None,  # + 0.0: never "-0.0"
        candidates=tuple(
            Candidate(song=pack.songs[m.song], score=round(m.score, 4)) for m in ranked[:CANDIDATES]
        ),
    )


def _played_again(path: str, fused: list[Fused], pack: Pack) -> Identification:
    best = fused[0].version
    second = max((one.version.score for one in fused[1:]), default=0.0)
    return Identification(
        path=path,
        state="song",
        song=pack.songs[best.song],
        score=round(best.score, 4),
        margin=round(best.score - second, 4),
        position_s=round(best.position_s, 2) + 0.0,
        candidates=tuple(
            Candidate(song=pack.songs[one.song], score=round(one.version.score, 4))
            for one in fused[:CANDIDATES]
        ),
        semitones=best.semitones,
        tempo=best.tempo,
    )


def describe(answer: Identification) -> str:
    """One line for a person.

    >>> found = {"path": "a.wav", "state": "song", "song": "Intro", "score": 0.7, "margin": 0.3}
    >>> print(describe(Identification.from_dict({**found, "position_s": 83.2, "candidates": ()})))
    a.wav: "Intro" from 1:23.2 on (score 0.70, ahead by 0.30)
    """
    path = printable(answer.path)
    if answer.song is not None and answer.position_s is not None:
        place = format_time_s(answer.position_s)
        scores = f"score {answer.score:.2f}, ahead by {answer.margin:.2f}"
        again = ""
        if answer.semitones is not None and answer.tempo is not None:
            again = f", played again {answer.semitones:+d} semitones, tempo x {answer.tempo:.2f}"
        return f'{path}: "{printable(answer.song)}" from {place} on{again} ({scores})'
    if answer.state == "no_song":
        return f"{path}: no song"
    nearest = "; ".join(f'"{printable(one.song)}" {one.score:.2f}' for one in answer.candidates[:2])
    return f"{path}: a song that is not in the pack, or too little of one (nearest: {nearest})"


def _runs(embedded: Iterable[Embedded]) -> Iterator[Embedded]:
    """The same windows in runs; a rest shorter than half a run is dropped, unless there is nothing else."""
    rows: Floats | None = None
    odds: Floats | None = None
    given = 0
    for part in embedded:
        rows = part.embeddings if rows is None else np.concatenate([rows, part.embeddings])
        odds = part.music if odds is None else np.concatenate([odds, part.music])
        while len(rows) >= RUN_WINDOWS:
            yield Embedded(rows[:RUN_WINDOWS], odds[:RUN_WINDOWS])
            rows, odds = rows[RUN_WINDOWS:], odds[RUN_WINDOWS:]
            given += 1
    if rows is not None and odds is not None and len(rows) and (given == 0 or len(rows) > RUN_WINDOWS // 2):
        yield Embedded(rows, odds)


def over_runs(runs: list[list[SongMatch]], hop_s: float) -> list[SongMatch]:
    """Each song by the mean of its better half of runs: a song need not fill the whole file."""
    half = (len(runs) + 1) // 2
    merged = []
    for song in range(len(runs[0])):
        places = [(next(m for m in ranked if m.song == song), number) for number, ranked in enumerate(runs)]
        places.sort(key=lambda place: -place[0].score)
        best, number = places[0]
        score = float(np.mean([match.score for match, _ in places[:half]]))
        merged.append(SongMatch(song, score, best.position_s - number * RUN_WINDOWS * hop_s))
    return sorted(merged, key=lambda match: -match.score)
