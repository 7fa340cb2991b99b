"""How good is the version branch? The protocol of TARGETS.md for re-performances, beside what was there before.

Every query is asked of the fingerprint, of chroma (CENS), of the version encoder and of both branches as they
are weighed, in the same run; half as many queries are the record itself, which must not suffer. Then `identify`
answers with and without version rows, also about songs that its pack lacks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.files import write_json, write_text
from tonewheel.core.progress import progress
from tonewheel.core.records import Record, read_jsonl, write_jsonl
from tonewheel.core.seeds import generator
from tonewheel.metrics.bootstrap import interval, mean
from tonewheel.systems.concert.embed import Embedded, Embedder
from tonewheel.systems.concert.evaluate import Scores
from tonewheel.systems.concert.identify import identify
from tonewheel.systems.concert.pack import Pack, Reference
from tonewheel.systems.concert.prepare import SAMPLE_RATE_HZ, Prepared
from tonewheel.systems.concert.queries import Hall
from tonewheel.systems.concert.stream_lines import Line
from tonewheel.systems.concert.versions.bank import Bank
from tonewheel.systems.concert.versions.calibrate import SNRS_DB
from tonewheel.systems.concert.versions.card import card
from tonewheel.systems.concert.versions.embed import VersionEmbedder
from tonewheel.systems.concert.versions.fuse import Heard, rank_runs
from tonewheel.systems.concert.versions.rows import VersionRows
from tonewheel.systems.concert.versions.sequence import Versions
from tonewheel.systems.concert.versions.trials import (
    CATALOGUE,
    LENGTHS_S,
    RECORD,
    Branches,
    Query,
    Stage,
    among,
)

TARGETS = {(6.0, "MRR"): 80.0, (20.0, "top-1"): 85.0}
NOTHING = ""
Floats64 = NDArray[np.float64]


class Asked(Record):
    """One query of one length: the right song's rank by each method, and what `identify` named."""

    song: int
    by: str
    snr_db: float
    seconds: float
    ranks: dict[str, int]
    """Among 40 songs."""
    named: dict[str, str]
    """`plain`, `versions`: from all songs; `outside`: by version rows, from songs without the right one."""


class Judge:
    """Asks everything of one stage."""

    def __init__(self, stage: Stage, embedder: Embedder, versions: VersionEmbedder) -> None:
        self.both = Branches(stage, embedder, versions)
        self.chroma = VersionEmbedder()
        self.classic = Versions([self.chroma.embed(audio) for audio in self.both.sound], self.chroma.hop_s)
        songs = range(len(self.both.sound))
        self.pack = self._pack(songs)
        self.halves = [self._pack(songs[first::2]) for first in (0, 1)]

    def _pack(self, songs: range) -> Pack:
        both = self.both
        references = [
            Reference(song=str(i), file=str(i), seconds=0.0, windows=len(both.rows[i]), lufs=None)
            for i in songs
        ]
        rows = VersionRows.of([both.tables[i] for i in songs], both.versions)
        return Pack.of(references, [both.rows[i] for i in songs], both.embedder, rows)

    def ask(self, query: Query, snr_db: float, number: int) -> Iterator[Asked]:
        """One query at every length."""
        both, fusion = self.both, self.both.versions.fusion
        whole = both.embedder.embed(query.audio)
        for seconds in LENGTHS_S:
            audio = query.audio[: round(seconds * SAMPLE_RATE_HZ)]
            known = 1 + round((seconds - both.embedder.window_s) / both.embedder.hop_s)
            heard = Embedded(whole.embeddings[:known], whole.music[:known])
            rows = both.versions.embed(audio)
            near, far = np.array(both.near(heard.embeddings)), np.array(both.far(rows))
            scores: dict[str, Sequence[float] | Floats64] = {
                "fingerprint": near,
                "chroma (CENS)": [m.score for m in sorted(rank_runs(self.classic, self.chroma.embed(audio)))],
                "versions": far,
                "both": fusion.fingerprint * near + fusion.version * far,
            }

            def named(pack: Pack, with_rows: bool, heard: Embedded = heard, rows: np.ndarray = rows) -> str:
                asked = Heard(rows, fusion) if with_rows else None
                return identify("", [heard], pack, both.embedder, asked).song or NOTHING

            yield Asked(
                song=query.song,
                by=query.by,
                snr_db=snr_db,
                seconds=seconds,
                ranks={
                    name: among(told, query.song, CATALOGUE, f"{snr_db:g} {number}")
                    for name, told in scores.items()
                },
                named={
                    "plain": named(self.pack, False),
                    "versions": named(self.pack, True),
                    "outside": named(self.halves[1 - query.song % 2], True),
                    "outside plain": named(self.halves[1 - query.song % 2], False),
                },
            )


def evaluate(
    bank: Bank,
    prepared: Prepared,
    embedder: Embedder,
    versions: VersionEmbedder,
    out: Path,
    *,
    split: str = "test",
    count: int = 300,
) -> Scores:
    """`count` queries of songs played again, and half as many of records, at each signal-to-noise ratio.

    Writes versions.json, .md and .html and a card; a level that is measured is not measured again.
    """
    stage = Stage(bank, Hall(prepared, split), split)
    folder = out / "versions" / versions.fingerprint[:12]
    judge: Judge | None = None
    told: list[Asked] = []
    for snr_db in SNRS_DB:
        file = folder / f"{split}-{snr_db:g}dB-{count}.jsonl"
        if not file.is_file():
            judge = judge or Judge(stage, embedder, versions)
            again = list(stage.queries(count, snr_db, max(LENGTHS_S), split))
            asked = again + list(
                stage.record_queries(judge.both.sound, count // 2, snr_db, max(LENGTHS_S), split)
            )
            shown = progress(asked, f"ask at {snr_db:g} dB", len(asked))
            answers = [one for n, query in enumerate(shown) for one in judge.ask(query, snr_db, n)]
            file.parent.mkdir(parents=True, exist_ok=True)
            write_jsonl(file, answers)
        told += read_jsonl(file, Asked)
    scores = Scores(
        model=versions.fingerprint, split=split, songs=stage.count, lines=tuple(version_lines(told))
    )
    write_json(out / "versions.json", scores)
    write_text(out / "versions.md", scores.markdown() + "\n")
    write_text(out / "versions.html", scores.page())
    if versions.path is not None:
        write_text(out / "versions-card.md", card(versions.path, scores.markdown()))
    return scores


def version_lines(told: Sequence[Asked]) -> Iterator[Line]:
    """All figures; intervals resample songs."""
    for records, table in (
        (False, "Played again, among 40 songs, %"),
        (True, "The record, among 40 songs, %"),
    ):
        rows = [one for one in told if (one.by == RECORD) == records]
        for seconds in LENGTHS_S:
            for measure in ("MRR", "top-1"):
                for snr_db in (*SNRS_DB, None):
                    cell = [one for one in rows if one.seconds == seconds and snr_db in (None, one.snr_db)]
                    where = "all levels" if snr_db is None else f"{snr_db:g} dB"
                    target = None if records else TARGETS.get((seconds, measure))
                    for method in cell[0].ranks if cell else ():
                        ranks = np.array([one.ranks[method] for one in cell])
                        values = 100.0 / ranks if measure == "MRR" else 100.0 * (ranks == 1)
                        yield _line(table, f"{seconds:g} s, {measure}, {where}", method, values, cell, target)
    for records, what in ((False, "played again"), (True, "the record")):
        for seconds in LENGTHS_S:
            cell = [one for one in told if one.seconds == seconds and (one.by == RECORD) == records]
            if not cell:
                continue
            for method, own, outside in (
                ("without version rows", "plain", "outside plain"),
                ("with version rows", "versions", "outside"),
            ):
                right = [100.0 * (one.named[own] == str(one.song)) for one in cell]
                wrong = [100.0 * (one.named[own] not in (NOTHING, str(one.song))) for one in cell]
                false = [100.0 * (one.named[outside] != NOTHING) for one in cell]
                for name, values in (
                    ("named rightly", right),
                    ("named wrongly", wrong),
                    ("named, though not in the pack", false),
                ):
                    yield _line(
                        "What identify says, %", f"{what}, {seconds:g} s: {name}", method, values, cell, None
                    )


def _line(
    table: str,
    name: str,
    method: str,
    values: Sequence[float] | np.ndarray,
    cell: Sequence[Asked],
    target: float | None,
) -> Line:
    songs = np.unique([one.song for one in cell], return_inverse=True)[1]
    value = interval(values, rng=generator(0, "bootstrap"), groups=songs, statistic=mean)
    return Line(table=table, name=name, method=method, value=value, target=target)
