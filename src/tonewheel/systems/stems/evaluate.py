"""Measure the separator on songs whose stems are known, beside baselines and what a mask could reach at best.

Two protocols of the field, a table each: global SDR (means over songs) and BSSEval v4 (medians over windows of 1 s,
then over songs). Intervals of 95 % are from whole songs. A killed run continues: a file of trials, one line a song,
method and stem. The share of the gap is (ours - mix/N) / (oracle - mix/N) of the mean global SDR of the songs in which
all three have a figure; the oracle is the ideal ratio mask of single bins.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import chain, islice
from pathlib import Path

import numpy as np

from tonewheel.core.errors import InputError
from tonewheel.core.files import write_json, write_text
from tonewheel.core.progress import progress
from tonewheel.core.records import Record, read_jsonl, write_jsonl
from tonewheel.core.seeds import generator
from tonewheel.manifest.stems import FOLDS
from tonewheel.metrics.bootstrap import Interval, interval
from tonewheel.metrics.separation import GOALS_DB
from tonewheel.systems.stems.masker import NetMasker
from tonewheel.systems.stems.references import multitracks
from tonewheel.systems.stems.trials import FLOOR, ORACLE, OURS, Trial, methods, trials

ALL = "all"
TARGET_DB = {4: 4.5}
"""Average SDR of the stems of a fold on real multitracks."""
TARGET_GAP = 0.45


class Row(Record):
    """One method on one stem (`all`: the mean of a song's stems)."""

    method: str
    stem: str
    songs: int
    sdr_db: Interval
    si_sdr_db: float | None
    sdr_v4_db: float | None
    isr_v4_db: float | None
    sir_v4_db: float | None
    sar_v4_db: float | None
    overall: float | None


class Scores(Record):
    """Everything that was measured on one set of songs."""

    data: str
    fold: int
    songs: int
    seconds: float
    weights: str
    rows: tuple[Row, ...]
    gap: dict[str, float]
    """Stem -> share of the gap that ours closes."""
    times_real_time: float | None = None
    """Seconds of sound that ours takes apart in a second of processor time."""

    def markdown(self) -> str:
        """The tables."""
        from tonewheel.systems.stems.evaluate_tables import markdown

        return markdown(self)


def evaluate(
    data: Path,
    masker: NetMasker | None,
    out: Path,
    *,
    fold: int | None = None,
    split: str | None = None,
    songs: int | None = None,
    bss: bool = True,
) -> Scores:
    """Measure on multitracks (`references.multitracks`); writes scores.json, scores.md and index.html into `out`.

    `fold` 6, 4 or 2; default what the songs tell. Without a masker the baselines and the oracle alone.
    """
    given = multitracks(data, split)
    first = next(given)  # a folder without songs is told before anything is written
    weights = "" if masker is None else masker.fingerprint
    folder = out / "trials"
    _same_run(folder, {"data": data.name, "fold": fold, "split": split, "bss": bss}, weights)
    path = folder / "trials.jsonl"
    done = list(read_jsonl(path, Trial)) if path.is_file() else []
    used, heard = fold, set()
    for track in progress(islice(chain([first], given), songs), "measure", songs, "songs"):
        used = used or track.fold
        if used != (fold or track.fold):
            raise InputError(
                data, f"{track.title} has {track.fold} stems, songs before it {used}; say --stems"
            )
        heard.add(track.title)
        known = {one.method for one in done if one.track == track.title}
        rows = [row for row in methods(used, masker) if row.name not in known]
        if rows:
            done += trials(track, rows, used, bss)
            write_jsonl(path, done)
    done = [one for one in done if one.track in heard and (masker is not None or one.method != OURS)]
    scores = score(done, data.name, used or 6, weights)
    write_json(out / "scores.json", scores)
    write_text(out / "scores.md", scores.markdown() + "\n")
    from tonewheel.systems.stems.evaluate_page import page

    write_text(out / "index.html", page(scores, data, masker, split))
    return scores


def _same_run(folder: Path, about: dict[str, object], weights: str) -> None:
    """Keep what the others made of the songs, and drop what other weights of ours made; InputError for other songs."""
    path = folder / "about.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {**about, "weights": weights}
    if {name: before.get(name) for name in about} != about:
        raise InputError(folder, "holds trials of other songs or settings; give another folder")
    if before["weights"] != weights:
        file = folder / "trials.jsonl"
        if file.is_file():
            write_jsonl(file, [one for one in read_jsonl(file, Trial) if one.method != OURS])
    write_json(path, {**about, "weights": weights})


def score(done: Sequence[Trial], data: str, fold: int, weights: str = "") -> Scores:
    """All rows, from trials."""
    tracks = {one.track: one.seconds for one in done}
    names = list(dict.fromkeys(one.method for one in done))
    rows = [row for method in names for stem in FOLDS[fold] if (row := _row(done, method, stem)) is not None]
    for method in names:
        if {row.stem for row in rows if row.method == method} == set(FOLDS[fold]):
            rows.append(_average(done, method))
    ours = {one.track: one for one in done if one.method == OURS}
    took_s = sum(one.took_s for one in ours.values())
    return Scores(
        data=data,
        fold=fold,
        songs=len(tracks),
        seconds=round(sum(tracks.values()), 1),
        weights=weights,
        rows=tuple(rows),
        gap=gaps(done, tuple(FOLDS[fold])),
        times_real_time=round(sum(one.seconds for one in ours.values()) / took_s, 1) if took_s else None,
    )


def _row(done: Sequence[Trial], method: str, stem: str) -> Row | None:
    of = [one for one in done if (one.method, one.stem) == (method, stem) and one.sdr_db is not None]
    return _summary(method, stem, of) if of else None


def _average(done: Sequence[Trial], method: str) -> Row:
    """The mean over the stems of a song, then as any other row."""
    songs: dict[str, list[Trial]] = {}
    for one in done:
        if one.method == method and one.sdr_db is not None:
            songs.setdefault(one.track, []).append(one)

    def mean(of: list[Trial], name: str) -> float | None:
        values = [value for one in of if (value := getattr(one, name)) is not None]
        return float(np.mean(values)) if values else None

    figures = ("sdr_db", "si_sdr_db", "sdr_v4_db", "isr_v4_db", "sir_v4_db", "sar_v4_db", "overall")
    averaged = [
        Trial(track=track, group=of[0].group, method=method, stem=ALL, seconds=of[0].seconds, took_s=of[0].took_s,
              **{name: mean(of, name) for name in figures})
        for track, of in songs.items()
    ]  # fmt: skip
    return _summary(method, ALL, averaged)


def _summary(method: str, stem: str, of: Sequence[Trial]) -> Row:
    def told(name: str, of_values: Callable[[list[float]], float]) -> float | None:
        values = [value for one in of if (value := getattr(one, name)) is not None]
        return round(float(of_values(values)), 3) if values else None

    return Row(
        method=method,
        stem=stem,
        songs=len(of),
        sdr_db=interval(
            [one.sdr_db or 0.0 for one in of],
            groups=[one.group for one in of],
            rng=generator(0, "stems evaluate", method, stem),
        ),
        si_sdr_db=told("si_sdr_db", np.mean),
        sdr_v4_db=told("sdr_v4_db", np.median),
        isr_v4_db=told("isr_v4_db", np.median),
        sir_v4_db=told("sir_v4_db", np.median),
        sar_v4_db=told("sar_v4_db", np.median),
        overall=told("overall", np.mean),
    )


def gaps(done: Sequence[Trial], stems: Sequence[str]) -> dict[str, float]:
    """Of each stem the share of the way from mix/N to the oracle; a stem without all three is left out.

    >>> def one(method: str, sdr_db: float) -> Trial:
    ...     song = {"track": "a", "group": "a", "stem": "bass", "seconds": 1, "took_s": 1}
    ...     return Trial(**song, method=method, sdr_db=sdr_db, si_sdr_db=0)
    >>> gaps([one(FLOOR, 1.0), one(OURS, 6.0), one(ORACLE, 11.0)], ["bass", "drums"])
    {'bass': 0.5}
    """
    found = {}
    for stem in stems:
        known = {
            method: {one.track: one.sdr_db for one in done if (one.method, one.stem) == (method, stem)}
            for method in (FLOOR, OURS, ORACLE)
        }
        common = [
            [of[track] for of in known.values()]
            for track in known[OURS]
            if all(of.get(track) is not None for of in known.values())
        ]
        if common:
            low, ours, high = np.mean(np.array(common, np.float64), axis=0)
            if high > low:
                found[stem] = round(float((ours - low) / (high - low)), 4)
    return found


def goals() -> str:
    """The goals of the overall score, in words."""
    return "SDR {:g}, SIR {:g}, SAR {:g} dB".format(*GOALS_DB)
