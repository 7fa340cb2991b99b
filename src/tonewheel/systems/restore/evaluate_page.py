"""The page of an evaluation: its tables, and one clip of each damaged case to look at and listen to."""

from __future__ import annotations

from tonewheel.audio.listenable import mp3
from tonewheel.gates import html
from tonewheel.systems.restore.benchmark import case, items
from tonewheel.systems.restore.clean import Cleaner
from tonewheel.systems.restore.evaluate import SAID, TARGETS, Scores
from tonewheel.systems.restore.picture import draw
from tonewheel.systems.restore.prepare import SAMPLE_RATE_HZ, Prepared
from tonewheel.systems.restore.trials import ours

SHOWN = ("clicks", "hiss10")
HEADER = ["method", "SI-SDR, dB", "low", "high", "worst", "LSD, dB", "big impulses gone", "all", "transients",
          "music in removed"]  # fmt: skip


def page(scores: Scores, prepared: Prepared, cleaner: Cleaner, split: str, seed: int) -> str:
    """The whole page as HTML."""
    sections = []
    for one in scores.cases:
        target = TARGETS.get(one.case)
        table = html.table(
            HEADER,
            [
                [row.method, row.si_sdr_db.value, row.si_sdr_db.low, row.si_sdr_db.high, row.si_sdr_worst_db,
                 row.lsd_db, row.removal_big, row.removal, row.preservation, row.musicality]
                for row in one.rows
            ],
            f"{one.rows[0].si_sdr_db.n} clips; intervals of 95 % from whole groups"
            + ("" if target is None else f"; target {target:g} dB"),
        )  # fmt: skip
        shown = _shown(prepared, cleaner, one.case, split, seed) if one.case in SHOWN else []
        sections.append(html.section(f"{one.case}: {SAID.get(one.case, '')}", table, *shown))
    if scores.real is not None:
        rows = [[name.replace("_", " "), value] for name, value in scores.real.to_dict().items()]
        sections.append(html.section("Real noise", html.table(["", ""], rows)))
    weights = ", ".join(name[:12] for name in scores.weights)
    return html.page("Restore: what was measured", sections, footer=f"Split {split}, weights {weights}")


def _shown(prepared: Prepared, cleaner: Cleaner, name: str, split: str, seed: int) -> list[html.Markup]:
    item = next(items(prepared, split, case(name), clips=1, seed=seed), None)
    if item is None:
        return []
    cleaned, _ = ours(cleaner).process(item)
    sounds = [
        ("damaged", item.damaged),
        ("cleaned", cleaned),
        ("removed", item.damaged - cleaned),
        ("as it was", item.clean),
    ]
    players = "".join(
        f"<div class=card>{html.player(mp3(sound, SAMPLE_RATE_HZ), label, 'audio/mpeg')}</div>"
        for label, sound in sounds
    )
    picture = html.figure(draw(sounds, SAMPLE_RATE_HZ), f"{item.title}: damaged, cleaned, removed, as it was")
    return [
        html.Markup(f"<div class=cards>{players}</div>"),
        html.Markup(f"<div class=scroll>{picture}</div>"),
    ]
