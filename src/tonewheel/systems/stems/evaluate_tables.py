"""The tables of an evaluation as Markdown."""

from __future__ import annotations

from tonewheel.manifest.stems import FOLDS
from tonewheel.metrics.bootstrap import Interval
from tonewheel.systems.stems.evaluate import ALL, TARGET_DB, TARGET_GAP, Row, Scores, goals
from tonewheel.systems.stems.trials import BANDS, FLOOR, ORACLE, OURS


def markdown(scores: Scores) -> str:
    """Global SDR, BSSEval v4, and what of the gap is closed."""
    return "\n\n".join([global_table(scores), *v4_table(scores), gap_table(scores)])


def methods_of(scores: Scores) -> list[str]:
    """The methods, the oracle last."""
    names = list(dict.fromkeys(row.method for row in scores.rows))
    return [name for name in names if name not in (BANDS, ORACLE)] + [
        n for n in (BANDS, ORACLE) if n in names
    ]


def row_of(scores: Scores, method: str, stem: str) -> Row | None:
    """A row, if it was measured."""
    return next((row for row in scores.rows if (row.method, row.stem) == (method, stem)), None)


def global_table(scores: Scores) -> str:
    """Means of the global SDR, a column a stem."""
    stems = [*FOLDS[scores.fold], ALL]
    lines = [
        f"### Global SDR, dB: {scores.data}, {scores.songs} songs ({scores.seconds / 60:.1f} min)",
        "",
        "Means over songs, with 95 % intervals from whole songs."
        + (f" Target for all: {TARGET_DB[scores.fold]:g} dB." if scores.fold in TARGET_DB else ""),
        "",
        f"| method | {' | '.join(stems)} |",
        f"| --- |{' --- |' * len(stems)}",
    ]
    for method in methods_of(scores):
        cells = [_interval(row.sdr_db) if (row := row_of(scores, method, stem)) else "–" for stem in stems]
        lines.append(f"| {_name(method)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def v4_table(scores: Scores) -> list[str]:
    """Medians of BSSEval v4, a row a stem and method; nothing where it was not measured."""
    if all(row.sdr_v4_db is None for row in scores.rows):
        return []
    lines = [
        f"### BSSEval v4, dB: {scores.data}",
        "",
        "Medians over windows of 1 s, then over songs; SI-SDR and the overall score (0 to 1) are means over songs.",
        f"The score is 0.75 at the goals, {goals()}.",
        "",
        "| stem | method | SDR | ISR | SIR | SAR | SI-SDR | overall |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for stem in [*FOLDS[scores.fold], ALL]:
        for method in methods_of(scores):
            row = row_of(scores, method, stem)
            if row is not None:
                told = (row.sdr_v4_db, row.isr_v4_db, row.sir_v4_db, row.sar_v4_db, row.si_sdr_db)
                cells = " | ".join(_plain(value, 1) for value in told)
                lines.append(f"| {stem} | {_name(method)} | {cells} | {_plain(row.overall, 2)} |")
    return ["\n".join(lines)]


def gap_table(scores: Scores) -> str:
    """What ours closes of the gap between mix/N and the oracle."""
    if not scores.gap:
        return "Without weights there is no row of ours."
    lines = [
        "### Share of the gap to the ideal mask",
        "",
        f"(ours - {FLOOR}) / (oracle of single bins - {FLOOR}), of mean global SDR. Target: {TARGET_GAP:.0%}.",
        "",
        "| stem | share |",
        "| --- | --- |",
        *(f"| {stem} | {100 * share:.0f} % |" for stem, share in scores.gap.items()),
    ]
    if scores.times_real_time is not None:
        lines += ["", f"{scores.times_real_time:g} times real time, processor time, spectra included."]
    return "\n".join(lines)


def _name(method: str) -> str:
    return f"**{method}**" if method == OURS else method


def _interval(of: Interval) -> str:
    if of.low is None or of.high is None:
        return f"{of.value:.2f}"
    return f"{of.value:.2f} [{of.low:.1f}, {of.high:.1f}]"


def _plain(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
