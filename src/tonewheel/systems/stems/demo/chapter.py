"""The whole loop once: separate, correct, snapshot, ingest, data set, train, and better where it was corrected."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np

from tonewheel.audio.encode import write
from tonewheel.core.errors import InputError
from tonewheel.core.seeds import generator
from tonewheel.gates import html
from tonewheel.manifest.stems import DEFINITIONS, STEMS
from tonewheel.metrics.bootstrap import interval
from tonewheel.metrics.separation import global_sdr_db
from tonewheel.systems import Chapter
from tonewheel.systems.stems.demo.people import Session, collected, session, songs
from tonewheel.systems.stems.evaluate_page import side_by_side
from tonewheel.systems.stems.files import separate_file
from tonewheel.systems.stems.flywheel.edit import regions_sdr_db
from tonewheel.systems.stems.flywheel.join import CalibratedMasker, Calibration, calibrate, regions
from tonewheel.systems.stems.flywheel.run import Turn, run
from tonewheel.systems.stems.masker import Masker, NetMasker
from tonewheel.systems.stems.references import Multitrack
from tonewheel.systems.stems.rows import SAMPLE_RATE_HZ
from tonewheel.systems.stems.separate import separate

TITLE = "Stems: taken apart, corrected, and learned from"
SECONDS = 4.0
PEOPLE, JUDGES, NEW = 16, 12, 10
"""Songs that people correct, songs that decide whether their corrections help, and songs that nobody has heard."""
HEARD_TIMES, CANDIDATES = 2.5, 4
"""How much longer the song is that is looked at and listened to, and of how many the fullest is taken."""


class Loop(NamedTuple):
    """What came of one turn of the loop."""

    heard: Session
    """The song to look at and listen to."""
    sessions: list[Session]
    turn: Turn
    calibration: Calibration
    new: list[tuple[str, float, float]]
    """Songs that nobody heard: SDR where people had corrected others, without and with what was learned."""


def chapter(folder: Path, seed: int, masker: NetMasker | None = None, seconds: float = SECONDS) -> Chapter:
    """Separate a song that is synthesised, let simulated people correct others, and learn from what they share.

    Leaves in `folder`: song.flac, stems/ with its manifest, shared.json, flywheel/. Without trained weights `found` is
    False and the chapter says so.
    """
    try:
        network = masker or NetMasker.shipped()
    except InputError as error:
        told = f"Nothing was taken apart: {error}"
        return Chapter(TITLE, False, (told,), (html.section(TITLE, told),))
    tracks = list(songs(PEOPLE + JUDGES + NEW, seed, seconds))
    fullest = max(songs(CANDIDATES, seed + 1, HEARD_TIMES * seconds), key=quietest)
    write(folder / "song.flac", fullest.mix, SAMPLE_RATE_HZ)
    began = perf_counter()
    done = separate_file(
        folder / "song.flac", folder / "stems", network, fingerprint=network.fingerprint,
        snapshot=folder / "shared.json",
    )  # fmt: skip
    speed = done.seconds / max(perf_counter() - began, 1e-9)
    loop = turned(fullest, tracks, network, folder / "flywheel", seed)
    one = loop.heard
    sdr = dict(zip(STEMS, global_sdr_db(one.truth, one.separated), strict=True))
    by_hand = [gain for person in loop.sessions for gain in person.gains_db()]
    lines = (
        f'"{one.title}" taken apart: '
        + ", ".join(f"{s} {v:.1f} dB" for s, v in sdr.items() if np.isfinite(v)),
        f"stems sum to the mix: largest error {done.sum_error:.1g}",
        f"{sum(len(p.corrections) for p in loop.sessions)} corrections by hand of {len(loop.sessions)} songs:"
        f" {np.mean(by_hand or [0.0]):+.1f} dB where they were made",
        learned(loop),
    )
    return Chapter(TITLE, True, lines, sections(loop, lines, speed))


def quietest(track: Multitrack) -> float:
    """Share of the mix's energy that its quietest stem has, of those that a band has."""
    energy = np.square(track.folded(4), dtype=np.float64).sum(axis=(1, 2))
    return float(energy.min() / energy.sum())


def turned(heard: Multitrack, tracks: list[Multitrack], network: Masker, folder: Path, seed: int) -> Loop:
    """People, the service, the data set, the transformer, the gains, and songs that nobody heard."""
    from tonewheel.learn.recipe import load_recipe
    from tonewheel.systems.stems.flywheel.recipe import FlywheelRecipe

    rng = generator(seed, "demo", "stems", "people")
    people, judges, new = tracks[:PEOPLE], tracks[PEOPLE : PEOPLE + JUDGES], tracks[PEOPLE + JUDGES :]
    sessions = [session(track, network, rng) for track in people]
    told = collected([one.snapshot for one in sessions], folder)
    turn = run(told, folder, "demo", load_recipe("smoke", FlywheelRecipe), seed=seed, despite_verdicts=True)
    gains = calibrate(
        folder / "demo", network, [(track.group, track.folded(6)) for track in judges], seed=seed
    )
    better = CalibratedMasker(network, gains.table_db)
    where = regions(gains.table_db)
    found = []
    for track in new if where else []:
        truth = dict(zip(STEMS, track.folded(6), strict=True))
        scores = [
            regions_sdr_db(
                truth,
                dict(zip(STEMS, separate(track.mix, SAMPLE_RATE_HZ, one), strict=True)),
                where,
                SAMPLE_RATE_HZ,
            )
            for one in (network, better)
        ]
        found.append((track.title, scores[0], scores[1]))
    return Loop(session(heard, network, rng), sessions, turn, gains, found)


def learned(loop: Loop) -> str:
    """What the gains do on songs that nobody heard, in a sentence."""
    if not any(any(row) for row in loop.calibration.gains_db.values()):
        return "too few people corrected any stem and band: nothing is learned, and nothing is changed"
    if not loop.calibration.strength:
        return "on songs with known stems the gains did not help with confidence: nothing is changed"
    rises = [after - before for _, before, after in loop.new]
    found = interval(rises, rng=generator(0, "demo", "stems", "rise"))
    sure = "" if found.low is None else f" ({found.low:+.2f} to {found.high:+.2f})"
    where = "where people had corrected others"
    return f"learned from them, on {found.n} songs that nobody heard: {found.value:+.2f} dB{sure} {where}"


def sections(loop: Loop, lines: tuple[str, ...], speed: float) -> tuple[html.Markup, ...]:
    """For the page."""
    one = loop.heard
    rows = [
        [c.stem, c.kind, "{:.0f} to {:.0f} Hz".format(*c.frequency_hz) if c.frequency_hz else "all",
         "{:.0f} to {:.0f} s".format(*c.time_s) if c.time_s else "all", c.strength, gain]
        for c, gain in zip(one.corrections, one.gains_db(), strict=True)
    ]  # fmt: skip
    gains, evaluation = loop.calibration, loop.turn.evaluation
    learned_db = [
        [stem, *(f"{db:.1f}" for db in row)]
        for stem, row in zip(STEMS, gains.table_db, strict=True)
        if row.any()
    ]
    explained = [] if evaluation is None else [[s.stem, s.explained, s.n] for s in evaluation.stems]
    return (
        html.section(
            TITLE,
            "A song is taken apart into six stems that sum to it to the last bit. Where a stem is off, a person"
            " turns it up or down; features and corrections are shared, the sound is not. What many correct"
            " becomes gains of the separator, if songs whose stems are known say that it helps. The people here"
            " are simulated and know the truth; the songs are synthesised, of a kind that the separator was"
            " hardly trained on.",
            html.Markup("".join(f"<p>{html.escaped(line)}</p>" for line in lines)),
            html.cards([("speed", f"{speed:.1f} x", "real time, file to files, on a busy machine")]),
            html.table(["stem", "what it is"], [[name, words] for name, words in DEFINITIONS.items()]),
        ),
        side_by_side(one.title, one.truth, one.separated),
        html.section(
            "Corrected by hand",
            html.table(["stem", "what", "where", "when", "strength", "nearer to the truth there, dB"], rows),
        ),
        html.section(
            "Learned from what was shared",
            html.table(
                ["song that nobody heard", "before, dB", "after, dB"],
                [list(row) for row in loop.new],
                learned(loop),
            ),
            html.table(
                ["stem", *(f"{hz:g}" for hz in gains.edges_hz[:-1])],
                learned_db,
                "Gains in dB, in bands from these frequencies in Hz on.",
            ),
            html.table(
                ["stem", "of the error of the mean explained", "snapshots"],
                explained,
                "The transformer, trained on the data set for some seconds: too few snapshots to say anything.",
            ),
            html.details(
                "Try it yourself",
                "tonewheel stems separate stems/song.flac -o out --snapshot shared.json",
            ),
        ),
    )  # fmt: skip
