"""The page of an evaluation: its tables, a chart, and some seconds of the first song to look at and listen to."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tonewheel.audio.listenable import mp3
from tonewheel.gates import html
from tonewheel.manifest.stems import FOLDS
from tonewheel.systems.stems.evaluate import ALL, TARGET_DB, TARGET_GAP, Scores, goals
from tonewheel.systems.stems.evaluate_tables import methods_of, row_of
from tonewheel.systems.stems.masker import Masker
from tonewheel.systems.stems.picture import bars, draw
from tonewheel.systems.stems.references import Multitrack, multitracks
from tonewheel.systems.stems.rows import SAMPLE_RATE_HZ
from tonewheel.systems.stems.trials import FLOOR, masked

SHOWN_S = 12.0


def page(scores: Scores, data: Path, masker: Masker | None, split: str | None) -> str:
    """The whole page as HTML."""
    stems = [*FOLDS[scores.fold], ALL]
    chart = {
        method: {
            stem: row.sdr_db.value for stem in stems if (row := row_of(scores, method, stem)) is not None
        }
        for method in methods_of(scores)
    }
    table = html.table(
        ["method", *stems],
        [[method, *(str(row.sdr_db) if (row := row_of(scores, method, stem)) else None for stem in stems)]
         for method in methods_of(scores)],
        f"{scores.songs} songs; means with intervals of 95 % from whole songs",
    )  # fmt: skip
    v4 = html.table(
        ["stem", "method", "SDR", "ISR", "SIR", "SAR", "SI-SDR", "overall"],
        [
            [
                stem,
                method,
                row.sdr_v4_db,
                row.isr_v4_db,
                row.sir_v4_db,
                row.sar_v4_db,
                row.si_sdr_db,
                row.overall,
            ]
            for stem in stems
            for method in methods_of(scores)
            if (row := row_of(scores, method, stem)) is not None
        ],
        f"Medians over windows of 1 s, then over songs. The overall score is 0.75 at the goals: {goals()}.",
    )
    aims = [(f"{stem}: of the gap", f"{100 * share:.0f} %", f"target {TARGET_GAP:.0%}") for stem, share in
            scores.gap.items()]  # fmt: skip
    ours = next((row for row in scores.rows if (row.method, row.stem) == ("tonewheel", ALL)), None)
    if ours is not None:
        aim = f"target {TARGET_DB[scores.fold]:g} dB" if scores.fold in TARGET_DB else "mean of the stems"
        aims.insert(0, ("average SDR", f"{ours.sdr_db.value:.2f} dB", aim))
    sections = [
        html.section("At a glance", html.cards(aims), html.figure(bars(chart, "global SDR, dB"))),
        html.section(
            "Global SDR, dB", table, f"The share of the gap is counted from {FLOOR} to the oracle, bins."
        ),
        html.section("BSSEval v4 and SI-SDR, dB", v4),
    ]
    if masker is not None:
        sections.append(shown(next(multitracks(data, split)), masker, scores.fold))
    return html.page(
        "Stems: what was measured", sections, footer=f"{scores.data}, weights {scores.weights[:12]}"
    )


def shown(track: Multitrack, masker: Masker, fold: int) -> html.Markup:
    """Some seconds from the middle of a song: what came out beside what it should be."""
    samples = round(SHOWN_S * SAMPLE_RATE_HZ)
    start = max(0, (track.mix.shape[1] - samples) // 2)
    part = Multitrack(
        track.title,
        track.group,
        {name: audio[:, start : start + samples] for name, audio in track.stems.items()},
    )
    return side_by_side(part.title, part.folded(fold), masked(masker)(part, fold))


def side_by_side(title: str, truth: np.ndarray, found: np.ndarray) -> html.Markup:
    """Stems (k, 2, samples) at 44.1 kHz as they were and as they came out, as pictures and sounds."""
    names = list(FOLDS[len(truth)])
    rows = [
        (name, [(f"{name}, as it was", right.mean(axis=0)), (f"{name}, taken out", ours.mean(axis=0))])
        for name, right, ours in zip(names, truth, found, strict=True)
    ]
    sounds = [("mix", truth.sum(axis=0)), *zip(names, found, strict=True)]
    players = "".join(
        f"<div class=card>{html.player(mp3(sound, SAMPLE_RATE_HZ), name, 'audio/mpeg')}</div>"
        for name, sound in sounds
    )
    return html.section(
        f"Look and listen: {title}",
        html.figure(draw(rows, SAMPLE_RATE_HZ)),
        html.Markup(f"<div class=cards>{players}</div>"),
    )
