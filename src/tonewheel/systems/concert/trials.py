"""What an evaluation of the concert system tries, and the raw answers it keeps; figures are made in evaluate.

Every cell (signal-to-noise ratio, seed) is one JSONL file, so a killed evaluation goes on with the next cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.progress import progress
from tonewheel.core.records import Record, read_jsonl, write_jsonl
from tonewheel.core.seeds import generator
from tonewheel.systems.concert.ambience import draw_ambience
from tonewheel.systems.concert.baselines.base import Baseline, winner
from tonewheel.systems.concert.decide import weigh
from tonewheel.systems.concert.embed import Embedded, Embedder
from tonewheel.systems.concert.listen import Listener, listen
from tonewheel.systems.concert.match import SongMatch
from tonewheel.systems.concert.pack import Pack
from tonewheel.systems.concert.prepare import SAMPLE_RATE_HZ
from tonewheel.systems.concert.queries import Hall

Floats = NDArray[np.float32]
SNRS_DB = (0.0, 5.0, 10.0)
LENGTHS_S = (1.0, 2.0, 3.0, 5.0, 10.0)
LEAD_IN_S, HEARD_S = 6.0, 30.0
BLOCK = SAMPLE_RATE_HZ // 2


class Answer(Record):
    """What one method said about one clip: the song (None: nothing), and for ours how sure it was."""

    song: int | None
    score: float | None = None
    margin: float | None = None
    position_s: float | None = None


class Trial(Record):
    """One clip, its truth and all methods' answers; `unknown` is ours with the true song taken away."""

    song: int | None
    start_s: float
    length_s: float
    snr_db: float | None
    seed: int
    windows: int
    music: float
    """Mean log-odds of music over the clip."""
    answers: dict[str, Answer]
    unknown: Answer | None = None


class Live(Record):
    """One song that begins while we listen: when it was named, where we were, and what else was said."""

    song: int
    snr_db: float
    named_after_s: float | None
    position_errors_s: tuple[float, ...]
    wrong_starts: int
    starts: int


class FalseAlarms(Record):
    """What was said while nothing in the pack was playing."""

    kind: str
    hours: float
    starts: int


def run_cell(
    hall: Hall, pack: Pack, embedder: Embedder, baselines: Sequence[Baseline], file: Path, **cell: float
) -> list[Trial]:
    """The trials of one cell (snr_db, seed, count), from `file` if it is there."""
    if not file.exists():
        write_jsonl(file, list(_cell(hall, pack, embedder, baselines, **cell)))
    return list(read_jsonl(file, Trial))


def _cell(
    hall: Hall,
    pack: Pack,
    embedder: Embedder,
    baselines: Sequence[Baseline],
    *,
    snr_db: float,
    seed: float,
    count: float,
) -> Iterator[Trial]:
    queries = hall.queries(int(count), snr_db, max(LENGTHS_S), int(seed))
    for query in progress(queries, f"{snr_db:g} dB, seed {int(seed)}", int(count)):
        for length_s, cut in cuts(query.audio, embedder):
            ranked = pack.catalogue.rank(cut.embeddings)
            answers = {"tonewheel": _answer(ranked, query.start_s)}
            clip = query.audio[: round(length_s * SAMPLE_RATE_HZ)]
            answers |= {b.name: Answer(song=winner(b.rank(clip))) for b in baselines}
            yield Trial(
                song=query.song,
                start_s=query.start_s,
                length_s=length_s,
                snr_db=snr_db,
                seed=int(seed),
                windows=len(cut.music),
                music=float(cut.music.mean()),
                answers=answers,
                unknown=_answer([match for match in ranked if match.song != query.song]),
            )


def run_ambience(hall: Hall, pack: Pack, embedder: Embedder, count: int, file: Path) -> list[Trial]:
    """Clips of applause and talk, which are no song at all."""
    if not file.exists():
        write_jsonl(file, list(_ambience(hall, pack, embedder, count)))
    return list(read_jsonl(file, Trial))


def _ambience(hall: Hall, pack: Pack, embedder: Embedder, count: int) -> Iterator[Trial]:
    for audio in progress(hall.ambience(count, max(LENGTHS_S), "evaluate"), "applause and talk", count):
        for length_s, cut in cuts(audio, embedder):
            answers = {"tonewheel": _answer(pack.catalogue.rank(cut.embeddings))}
            yield Trial(
                song=None,
                start_s=0,
                length_s=length_s,
                snr_db=None,
                seed=0,
                windows=len(cut.music),
                music=float(cut.music.mean()),
                answers=answers,
            )


def cuts(audio: Floats, embedder: Embedder) -> Iterator[tuple[float, Embedded]]:
    """(length, embedded windows) of the first seconds of a clip, each as if nothing came after."""
    whole = embedder.embed(audio)
    for length_s in LENGTHS_S:
        windows = round((length_s - embedder.window_s) / embedder.hop_s) + 1
        if windows < 1:
            yield length_s, embedder.embed(audio[: round(length_s * SAMPLE_RATE_HZ)])
        else:
            yield length_s, Embedded(whole.embeddings[:windows], whole.music[:windows])


def _answer(ranked: list[SongMatch], start_s: float = 0.0) -> Answer:
    best = ranked[0]
    error_s = best.position_s - start_s
    return Answer(song=best.song, score=best.score, margin=weigh(ranked, 1, 0.0).margin, position_s=error_s)


def run_live(hall: Hall, pack: Pack, embedder: Embedder, file: Path) -> list[Live]:
    """Every song of the split begins after some seconds of applause or talk, at every noise level."""
    if not file.exists():
        songs = [(snr_db, song) for snr_db in SNRS_DB for song in range(len(hall.tracks))]
        write_jsonl(file, [_live(hall, pack, embedder, s, n) for s, n in progress(songs, "songs that begin")])
    return list(read_jsonl(file, Live))


def _live(hall: Hall, pack: Pack, embedder: Embedder, snr_db: float, song: int) -> Live:
    rng = generator(0, "live", f"{snr_db:g}", song)
    music = hall.song(hall.tracks[song])[: round(HEARD_S * SAMPLE_RATE_HZ)]
    before = draw_ambience(rng, round(LEAD_IN_S * SAMPLE_RATE_HZ), SAMPLE_RATE_HZ, hall.bank)
    level = np.sqrt(np.mean(np.square(music))) / max(float(np.sqrt(np.mean(np.square(before)))), 1e-9)
    heard = hall.chain(rng, snr_db).apply(
        np.concatenate([before * np.float32(0.5 * level), music]), SAMPLE_RATE_HZ
    )
    named_after_s: float | None = None
    errors: list[float] = []
    starts = wrong = 0
    for event in listen(_blocks(heard), Listener(pack, embedder)):
        right = event.song == pack.songs[song]
        if event.event == "song_start":
            starts += 1
            wrong += not right
            if right and named_after_s is None:
                named_after_s = event.time_s - LEAD_IN_S
        if event.event == "position" and right:
            errors.append(event.position_s - (event.time_s - LEAD_IN_S))
    return Live(
        song=song,
        snr_db=snr_db,
        named_after_s=named_after_s,
        position_errors_s=tuple(errors),
        wrong_starts=wrong,
        starts=starts,
    )


def run_false_alarms(
    hall: Hall, packs: Sequence[tuple[Pack, list[int]]], embedder: Embedder, file: Path
) -> list[FalseAlarms]:
    """Listen to songs that are not in the pack, and to applause; each pack goes with songs that it lacks."""
    if not file.exists():
        write_jsonl(file, list(_false_alarms(hall, packs, embedder)))
    return list(read_jsonl(file, FalseAlarms))


def _false_alarms(
    hall: Hall, packs: Sequence[tuple[Pack, list[int]]], embedder: Embedder
) -> Iterator[FalseAlarms]:
    for pack, missing in packs:
        for song in progress(missing, "songs outside the pack"):
            rng = generator(0, "unknown", song)
            heard = hall.chain(rng, 5.0).apply(hall.song(hall.tracks[song]), SAMPLE_RATE_HZ)
            yield _alarms("unknown song", heard, pack, embedder)
    for audio in progress(hall.ambience(90, 40.0, "alarms"), "applause and talk", 90):
        yield _alarms("no song", audio, packs[0][0], embedder)


def _alarms(kind: str, audio: Floats, pack: Pack, embedder: Embedder) -> FalseAlarms:
    events = listen(_blocks(audio), Listener(pack, embedder))
    starts = sum(event.event == "song_start" for event in events)
    return FalseAlarms(kind=kind, hours=len(audio) / SAMPLE_RATE_HZ / 3600, starts=starts)


def _blocks(audio: Floats) -> Iterator[Floats]:
    for first in range(0, len(audio), BLOCK):
        yield audio[first : first + BLOCK]
