"""How good is it? Tables by the protocol of TARGETS.md, beside what a user could pick instead.

A closed catalogue of all songs of a split; queries are random re-cuts of them through rooms, crowds,
microphones and phones of the same split, which training never saw. Intervals resample songs, not queries: the
queries of one song are alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from tonewheel.core.errors import InputError
from tonewheel.core.files import write_json, write_text
from tonewheel.core.records import Record
from tonewheel.core.seeds import generator
from tonewheel.gates import html
from tonewheel.metrics.bootstrap import Interval, Statistic, interval, mean, median, poisson_rate
from tonewheel.metrics.detection import auroc, fpr_at_tpr
from tonewheel.systems.concert.baselines.base import Baseline
from tonewheel.systems.concert.card import card
from tonewheel.systems.concert.decide import Evidence
from tonewheel.systems.concert.embed import Embedder
from tonewheel.systems.concert.pack import Pack, Reference
from tonewheel.systems.concert.prepare import Prepared
from tonewheel.systems.concert.queries import Hall
from tonewheel.systems.concert.stream import run_stream
from tonewheel.systems.concert.stream_lines import Line, stream_lines
from tonewheel.systems.concert.trials import (
    LENGTHS_S,
    SNRS_DB,
    FalseAlarms,
    Live,
    Trial,
    run_ambience,
    run_cell,
    run_false_alarms,
    run_live,
)

TARGETS = {1: (70, 85, 92), 2: (82, 92, 96), 3: (88, 95, 98), 5: (94, 98, 99), 10: (98, 99.5, 99.8)}
"""Top-1 in % at 0, 5 and 10 dB, for each length of query in seconds."""
LIVE_TARGETS_S = {0.0: 7, 5.0: 5, 10.0: 4}
"""Median seconds from a song's start until it is named."""
AMBIENCE_CLIPS = 500


class Scores(Record):
    """All figures of one evaluation."""

    model: str
    split: str
    songs: int
    lines: tuple[Line, ...]

    def markdown(self) -> str:
        """The figures as Markdown tables."""
        parts = [f"Weights `{self.model[:12]}`, {self.split} split, {self.songs} songs."]
        for title, header, rows in self._tables():
            cells: list[Sequence[object]] = [header, ["---"] * len(header), *rows]
            parts.append(f"**{title}**\n\n" + "\n".join(f"| {' | '.join(map(str, row))} |" for row in cells))
        return "\n\n".join(parts)

    def page(self) -> str:
        """The figures as a page to look at."""
        sections = [html.section(title, html.table(header, rows)) for title, header, rows in self._tables()]
        lead = f"Weights {self.model[:12]}, {self.split} split, {self.songs} songs."
        return html.page("Which song is playing: evaluation", sections, lead=lead)

    def _tables(self) -> Iterable[tuple[str, list[str], list[list[str | int]]]]:
        for title in dict.fromkeys(line.table for line in self.lines):
            lines = [line for line in self.lines if line.table == title]
            methods = list(dict.fromkeys(line.method for line in lines))
            rows: list[list[str | int]] = []
            for name in dict.fromkeys(line.name for line in lines):
                row = {line.method: line for line in lines if line.name == name}
                target = next((line.target for line in row.values() if line.target is not None), None)
                cells = [_cell(row[m]) if m in row else "" for m in methods]
                n = next(iter(row.values())).value.n
                rows.append([name, "" if target is None else f"{target:g}", *cells, n])
            yield title, ["", "target", *methods, "n"], rows


def _cell(line: Line) -> str:
    figure, low, high = line.value.value, line.value.low, line.value.high
    spread = "" if low is None or high is None else f" ({low:.4g}-{high:.4g})"
    return f"{figure:.4g}{spread} {line.unit}".strip()


def evaluate(
    prepared: Prepared,
    embedder: Embedder,
    out: Path,
    *,
    split: str = "test",
    count: int = 1000,
    seeds: int = 3,
    baselines: bool = True,
) -> Scores:
    """Run what is missing in `out`, and write scores.json, scores.md and index.html there."""
    hall = Hall(prepared, split)
    songs = [hall.song(track) for track in hall.tracks]
    rows = [embedder.embed(song).embeddings for song in songs]
    pack = _pack(range(len(songs)), hall, rows, embedder)
    rivals = _baselines(songs) if baselines else []
    # Another model's answers must not be taken for these.
    cells = out / "trials" / embedder.fingerprint[:12]
    trials: list[Trial] = []
    for seed in range(seeds):
        for snr_db in SNRS_DB:
            file = cells / f"{split}-{snr_db:g}dB-seed{seed}-{count}.jsonl"
            # The others are slow: one seed of them is a thousand queries a cell already.
            beside = rivals if seed == 0 else []
            trials += run_cell(hall, pack, embedder, beside, file, snr_db=snr_db, seed=seed, count=count)
    quiet = run_ambience(hall, pack, embedder, AMBIENCE_CLIPS, cells / f"{split}-ambience.jsonl")
    live = run_live(hall, pack, embedder, cells / f"{split}-live.jsonl")
    halves = [list(range(first, len(songs), 2)) for first in (0, 1)]
    packs = [(_pack(own, hall, rows, embedder), other) for own, other in (halves, halves[::-1])]
    alarms = run_false_alarms(hall, packs, embedder, cells / f"{split}-alarms.jsonl")
    lines = [
        *_retrieval(trials),
        *_open_set(trials, quiet, embedder),
        *_listening(live, alarms),
    ]
    scores = Scores(model=embedder.fingerprint, split=split, songs=len(songs), lines=tuple(lines))
    write_json(out / "scores.json", scores)
    write_text(out / "scores.md", scores.markdown() + "\n")
    write_text(out / "index.html", scores.page())
    if embedder.path is not None:
        write_text(out / "card.md", card(embedder.path, scores.markdown()))
    return scores


def evaluate_stream(
    prepared: Prepared, embedder: Embedder, out: Path, *, split: str = "test", shows: int = 3
) -> Scores:
    """Whole concerts at every noise level; writes stream.json, stream.md and stream.html, and goes on if killed."""
    if out.exists() and not out.is_dir():
        raise InputError(out, "is a file; a folder is to be written here")
    hall = Hall(prepared, split)
    # What was played is kept for these weights of encoder and decoder, and no others.
    decoder = hashlib.sha256(embedder.emission.to_json().encode()).hexdigest()
    folder = out / "shows" / f"{embedder.fingerprint[:12]}-{decoder[:6]}"
    told = run_stream(hall, embedder, folder, split, SNRS_DB, shows)
    scores = Scores(
        model=embedder.fingerprint, split=split, songs=len(hall.tracks), lines=tuple(stream_lines(told))
    )
    write_json(out / "stream.json", scores)
    write_text(out / "stream.md", scores.markdown() + "\n")
    write_text(out / "stream.html", scores.page())
    return scores


def _pack(chosen: Iterable[int], hall: Hall, rows: Sequence[np.ndarray], embedder: Embedder) -> Pack:
    wanted = list(chosen)
    references = [
        # Titles may repeat; the number keeps the songs apart.
        Reference(
            song=f"{i:03d} {hall.tracks[i].title}",
            file=hall.tracks[i].file,
            seconds=hall.tracks[i].seconds,
            windows=len(rows[i]),
            lufs=None,
        )
        for i in wanted
    ]
    return Pack.of(references, [rows[i] for i in wanted], embedder)


def _baselines(songs: Sequence[np.ndarray]) -> list[Baseline]:
    from tonewheel.core.console import say
    from tonewheel.systems.concert.baselines.chromaprint import Chromaprint, available
    from tonewheel.systems.concert.baselines.landmark import Landmarks
    from tonewheel.systems.concert.baselines.mfcc import MfccStatistics

    rivals: list[Baseline] = [MfccStatistics(), Landmarks()]
    if available():
        rivals.append(Chromaprint())
    else:
        say("fpcalc is not installed: no Chromaprint column (Debian: libchromaprint-tools)")
    for rival in rivals:
        for number, song in enumerate(songs):
            rival.add(number, song)
    return rivals


def _retrieval(trials: Sequence[Trial]) -> Iterable[Line]:
    methods = list(dict.fromkeys(name for trial in trials for name in trial.answers))
    for length_s in LENGTHS_S:
        for place, snr_db in enumerate(SNRS_DB):
            cell = [t for t in trials if t.length_s == length_s and t.snr_db == snr_db]
            for method in methods:
                asked = [t for t in cell if method in t.answers]
                right = [100.0 * (t.answers[method].song == t.song) for t in asked]
                yield Line(
                    table="Top-1, %",
                    name=f"{length_s:g} s at {snr_db:g} dB",
                    method=method,
                    value=_interval(right, [t.song for t in asked]),
                    target=TARGETS[int(length_s)][place] if method == "tonewheel" else None,
                )


def _open_set(trials: Sequence[Trial], quiet: Sequence[Trial], embedder: Embedder) -> Iterable[Line]:
    """Right answers against answers to songs outside the pack, and to no song: can they be told apart?"""
    rule = embedder.rule
    for length_s in LENGTHS_S:
        limit = rule.least_live_odds if length_s < embedder.window_s else rule.least_odds
        asked = [t for t in trials if t.length_s == length_s]
        known = [t for t in asked if t.answers["tonewheel"].song == t.song]

        def sure(pairs: Iterable[tuple[Trial, str]]) -> list[float]:
            out = []
            for trial, which in pairs:
                answer = trial.unknown if which == "unknown" else trial.answers["tonewheel"]
                if answer is not None and answer.score is not None and answer.margin is not None:
                    evidence = Evidence(answer.score, answer.margin, trial.windows, trial.music)
                    out.append(rule.odds(evidence))
            return out

        right = sure((t, "") for t in known)
        for name, wrong in (
            ("song outside the pack", sure((t, "unknown") for t in asked)),
            ("applause and talk", sure((t, "") for t in quiet if t.length_s == length_s)),
        ):
            scores, truth = [*right, *wrong], [True] * len(right) + [False] * len(wrong)
            n = len(wrong)
            for method, value, target in (
                ("AUROC", auroc(scores, truth), 0.98),
                ("false at 95 % true, %", 100 * fpr_at_tpr(scores, truth), None),
                ("accepted at the shipped limit, %", 100 * _share(wrong, limit), None),
            ):
                point = Interval(value=value, low=None, high=None, n=n, groups=0)
                yield Line(
                    table="Known or not",
                    name=f"{name}, {length_s:g} s",
                    method=method,
                    value=point,
                    target=target,
                )


def _share(odds: Sequence[float], limit: float) -> float:
    return float(np.mean(np.array(odds) >= limit)) if odds else 0.0


def _listening(live: Sequence[Live], alarms: Sequence[FalseAlarms]) -> Iterable[Line]:
    table = "Listening"
    for snr_db in SNRS_DB:
        cell = [one for one in live if one.snr_db == snr_db]
        songs = [one.song for one in cell]
        # A song that is never named counts as late, not as absent.
        late = [one.named_after_s if one.named_after_s is not None else 60.0 for one in cell]
        errors = [(abs(e), one.song) for one in cell for e in one.position_errors_s]
        named = [100.0 * (one.named_after_s is not None) for one in cell]
        wrong = [float(one.wrong_starts) for one in cell]
        where = f"at {snr_db:g} dB"
        for name, values, groups, statistic, target, unit in (
            (f"songs named {where}", named, songs, mean, None, "%"),
            (f"time to name, median {where}", late, songs, median, LIVE_TARGETS_S[snr_db], "s"),
            (f"wrong songs named a song {where}", wrong, songs, mean, 0.3, "a song"),
            (
                f"position error, median {where}",
                [error for error, _ in errors],
                [song for _, song in errors],
                median,
                0.25,
                "s",
            ),
        ):
            if values:
                value = _interval(values, groups, statistic)
                yield Line(table=table, name=name, method="tonewheel", value=value, target=target, unit=unit)
    for kind in dict.fromkeys(alarm.kind for alarm in alarms):
        heard = [alarm for alarm in alarms if alarm.kind == kind]
        hours = sum(alarm.hours for alarm in heard)
        rate = poisson_rate(sum(alarm.starts for alarm in heard), hours)
        name = f"false identifications an hour, {kind} ({hours:.2f} h)"
        yield Line(table=table, name=name, method="tonewheel", value=rate, target=1, unit="an hour")


def _interval(values: Sequence[float], groups: Sequence[int | None], statistic: Statistic = mean) -> Interval:
    songs = np.array(groups, dtype=np.int64)
    return interval(values, rng=generator(0, "bootstrap"), groups=songs, statistic=statistic)
