"""Measure the cleaner: the seeded benchmark with everything beside it, harm to clean sound, and real noise.

A killed run continues: every case is a file of trials, one line a clip and method. Means have 95 % intervals
from whole groups (albums, repositories), since tracks of one are alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from tonewheel.core.errors import InputError
from tonewheel.core.files import write_json, write_text
from tonewheel.core.progress import progress
from tonewheel.core.records import Record, read_jsonl, write_jsonl
from tonewheel.core.seeds import generator
from tonewheel.metrics.bootstrap import Interval, interval
from tonewheel.metrics.impulses import TOLERANCE_S
from tonewheel.systems.restore.benchmark import CASES, Case, case, items
from tonewheel.systems.restore.clean import Cleaner
from tonewheel.systems.restore.prepare import Prepared
from tonewheel.systems.restore.real import RealTrial, real_trials
from tonewheel.systems.restore.trials import OURS, Trial, methods, missing, trial

REAL = "real"
REAL_CLIPS = 12
TARGETS = {"clicks": 27.2, "hiss20": 20.4, "hiss10": 12.4, "clean": 40.0, "clean_full": 40.0, "drums": 35.0}
"""SI-SDR in dB that each case is to reach."""
SAID = {
    "clicks": "clicks and crackle",
    "hiss20": "clicks, crackle and hiss at 20 dB",
    "hiss10": "clicks, crackle and hiss at 10 dB",
    "clean": "clean music, 80 Hz to 7.5 kHz",
    "clean_full": "clean music as it is",
    "drums": "clean drums alone",
    "transients": "castanets, brass attacks, consonants, sticks",
}


class Row(Record):
    """One method on one case."""

    method: str
    si_sdr_db: Interval
    si_sdr_worst_db: float
    lsd_db: float
    removal: float | None
    removal_big: float | None
    preservation: float | None
    musicality: float | None
    loudness_change_lu: float
    """The largest, of either sign."""
    polarity_kept: bool
    precision: float | None
    recall: float | None
    recall_big: float | None


class CaseScores(Record):
    """All methods on one case."""

    case: str
    rows: tuple[Row, ...]
    left_out: tuple[str, ...] = ()
    """Methods whose program is not installed."""


class RealScores(Record):
    """Means over recordings with real noise."""

    recordings: int
    discs: bool
    impulses_before: float
    impulses_after: float
    floor_before_db: float
    floor_after_db: float
    musicality: float | None
    loudness_change_lu: float
    si_sdr_before_db: float | None
    si_sdr_after_db: float | None


class Scores(Record):
    """Everything that was measured on one split."""

    split: str
    seed: int
    weights: tuple[str, str]
    """SHA-256 of the detector's and the denoiser's file."""
    cases: tuple[CaseScores, ...]
    real: RealScores | None = None

    def markdown(self) -> str:
        """The tables."""
        return "\n\n".join([*(case_table(one) for one in self.cases), *real_table(self.real)])


def evaluate(
    prepared: Prepared,
    cleaner: Cleaner,
    out: Path,
    *,
    split: str = "test",
    cases: Sequence[str] = (),
    clips: int | None = None,
    seed: int = 0,
    baselines: bool = True,
) -> Scores:
    """Run every case on a split of a prepared folder; writes scores.json, scores.md and index.html into `out`."""
    chosen = [case(name) for name in cases if name != REAL] if cases else list(CASES)
    weights = (cleaner.declicker.fingerprint, cleaner.denoiser.fingerprint)
    folder = out / "trials"
    _same_run(folder, {"split": split, "clips": clips, "seed": seed}, weights)
    scored = []
    for one in chosen:
        trials = _trials(prepared, cleaner, one, folder, split, clips, seed, baselines)
        if trials:
            left_out = tuple(missing(one.name)) if baselines else ()
            scored.append(CaseScores(case=one.name, rows=rows(trials), left_out=left_out))
    real = None
    if not cases or REAL in cases:
        real = _real(prepared, cleaner, folder / f"{REAL}.jsonl", split, clips or REAL_CLIPS, seed)
    scores = Scores(split=split, seed=seed, weights=weights, cases=tuple(scored), real=real)
    write_json(out / "scores.json", scores)
    write_text(out / "scores.md", scores.markdown() + "\n")
    from tonewheel.systems.restore.evaluate_page import page

    write_text(out / "index.html", page(scores, prepared, cleaner, split, seed))
    return scores


def _same_run(folder: Path, about: Mapping[str, object], weights: Sequence[str]) -> None:
    """Keep what the others made of the clips, and drop what other weights of ours made of them.

    InputError when the folder holds trials of other clips.
    """
    import json

    path = folder / "about.json"
    before = (
        json.loads(path.read_text(encoding="utf-8"))
        if path.is_file()
        else {**about, "weights": list(weights)}
    )
    if {name: before.get(name) for name in about} != dict(about):
        raise InputError(
            folder, "holds trials of another split, seed or number of clips; give another folder"
        )
    if before["weights"] != list(weights):
        for file in folder.glob("*.jsonl"):
            if file.stem == REAL:
                file.unlink()
            else:
                write_jsonl(file, [one for one in read_jsonl(file, Trial) if one.method != OURS])
    write_json(path, {**about, "weights": weights})


def _trials(
    prepared: Prepared,
    cleaner: Cleaner,
    of: Case,
    folder: Path,
    split: str,
    clips: int | None,
    seed: int,
    baselines: bool,
) -> list[Trial]:
    path = folder / f"{of.name}.jsonl"
    done = list(read_jsonl(path, Trial)) if path.is_file() else []
    known = {(one.title, one.method) for one in done}
    compared = methods(of.name, cleaner, baselines)
    for item in progress(items(prepared, split, of, clips=clips, seed=seed), f"case {of.name}", unit="clips"):
        new = [trial(item, one) for one in compared if (item.title, one.name) not in known]
        if new:
            done += new
            write_jsonl(path, done)
    names = {one.name for one in compared}
    return [one for one in done if one.method in names]


def _real(
    prepared: Prepared, cleaner: Cleaner, path: Path, split: str, clips: int, seed: int
) -> RealScores | None:
    if not path.is_file():
        write_jsonl(path, progress(real_trials(prepared, cleaner, split, clips, seed), "real noise"))
    return real_scores(list(read_jsonl(path, RealTrial)))


def rows(trials: Sequence[Trial]) -> tuple[Row, ...]:
    """A row for each method, in the order in which they were run."""
    names = list(dict.fromkeys(one.method for one in trials))
    return tuple(_row(name, [one for one in trials if one.method == name]) for name in names)


def _row(name: str, trials: list[Trial]) -> Row:
    def mean(of: Callable[[Trial], float | None]) -> float | None:
        values = [value for one in trials if (value := of(one)) is not None]
        return round(float(np.mean(values)), 4) if values else None

    def share(part: int, whole: int) -> float | None:
        return round(part / whole, 4) if whole and trials[0].found is not None else None

    return Row(
        method=name,
        si_sdr_db=interval(
            [one.si_sdr_db for one in trials],
            groups=[one.group for one in trials],
            rng=generator(0, "restore evaluate", name),
        ),
        si_sdr_worst_db=min(one.si_sdr_db for one in trials),
        lsd_db=mean(lambda one: one.lsd_db) or 0.0,
        removal=mean(lambda one: one.removal),
        removal_big=mean(lambda one: one.removal_big),
        preservation=mean(lambda one: one.preservation),
        musicality=mean(lambda one: one.musicality),
        loudness_change_lu=max((one.loudness_change_lu for one in trials), key=abs),
        polarity_kept=all(one.polarity > 0 for one in trials),
        precision=share(sum(one.matched for one in trials), sum(one.found or 0 for one in trials)),
        recall=share(sum(one.matched for one in trials), sum(one.impulses for one in trials)),
        recall_big=share(sum(one.big_matched for one in trials), sum(one.big for one in trials)),
    )


def real_scores(trials: list[RealTrial]) -> RealScores | None:
    """Means of the figures without a reference; None where there was no real noise at all."""
    if not trials:
        return None

    def mean(name: str) -> float | None:
        values = [value for one in trials if (value := getattr(one, name)) is not None]
        return round(float(np.mean(values)), 3) if values else None

    return RealScores(
        recordings=len(trials),
        discs=trials[0].disc,
        impulses_before=mean("impulses_before") or 0.0,
        impulses_after=mean("impulses_after") or 0.0,
        floor_before_db=mean("floor_before_db") or 0.0,
        floor_after_db=mean("floor_after_db") or 0.0,
        musicality=mean("musicality"),
        loudness_change_lu=max((one.loudness_change_lu for one in trials), key=abs),
        si_sdr_before_db=mean("si_sdr_before_db"),
        si_sdr_after_db=mean("si_sdr_after_db"),
    )


def case_table(one: CaseScores) -> str:
    """Markdown of one case."""
    target = TARGETS.get(one.case)
    aim = "" if target is None else f" Target: {target:g} dB."
    count = one.rows[0].si_sdr_db
    head = [
        f"### {one.case}: {SAID.get(one.case, one.case)}",
        "",
        f"{count.n} clips of {count.groups} groups; means, with 95 % intervals from whole groups.{aim}",
        "",
        "| method | SI-SDR, dB | worst | LSD, dB | impulses gone, big | all | transients | music in removed |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines = [
        f"| {'**' + row.method + '**' if row.method == OURS else row.method} | {_interval(row.si_sdr_db)} |"
        f" {row.si_sdr_worst_db:.1f} | {row.lsd_db:.2f} | {_share(row.removal_big)} | {_share(row.removal)} |"
        f" {_plain(row.preservation, 4)} | {_plain(row.musicality, 2)} |"
        for row in one.rows
    ]
    told = [
        f"\nClicks found within {TOLERANCE_S * 1000:g} ms by {row.method}: precision {_plain(row.precision, 3)},"
        f" recall of big ones {_plain(row.recall_big, 3)}, of all {_plain(row.recall, 3)}."
        for row in one.rows
        if row.recall is not None
    ]
    if one.left_out:
        told.append(f"\nNot installed, and so left out: {', '.join(one.left_out)}.")
    return "\n".join([*head, *lines, *told])


def real_table(real: RealScores | None) -> list[str]:
    """Markdown of what was measured on real noise."""
    if real is None:
        return []
    what = "digitised records" if real.discs else "real surface noise over the split's music, at 15 dB"
    lines = [
        "### real: " + what,
        "",
        f"{real.recordings} recordings; no reference is used but for SI-SDR.",
        "",
        "| | before | after |",
        "| --- | --- | --- |",
        f"| impulses a second | {real.impulses_before:.1f} | {real.impulses_after:.1f} |",
        f"| noise floor, dB in 1 Hz | {real.floor_before_db:.1f} | {real.floor_after_db:.1f} |",
    ]
    if real.si_sdr_before_db is not None and real.si_sdr_after_db is not None:
        lines.append(f"| SI-SDR, dB | {real.si_sdr_before_db:.1f} | {real.si_sdr_after_db:.1f} |")
    lines += [
        f"| music in what was removed, 0..1 | | {_plain(real.musicality, 2)} |",
        f"| largest change of loudness, LU | | {real.loudness_change_lu:+.2f} |",
    ]
    return ["\n".join(lines)]


def _interval(of: Interval) -> str:
    if of.low is None or of.high is None:
        return f"{of.value:.1f}"
    return f"{of.value:.1f} [{of.low:.1f}, {of.high:.1f}]"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"


def _plain(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
