"""The restore chapter of `tonewheel demo`: a song as a worn record would play it, cleaned, and what was taken out."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import load
from tonewheel.audio.encode import write
from tonewheel.audio.listenable import mp3
from tonewheel.core.errors import InputError
from tonewheel.core.seeds import draw_seed, generator
from tonewheel.degrade.base import Degradation
from tonewheel.degrade.clicks import Clicks
from tonewheel.degrade.crackle import Crackle
from tonewheel.degrade.hiss import Hiss
from tonewheel.degrade.hum import Hum
from tonewheel.degrade.rumble import Rumble
from tonewheel.gates import html
from tonewheel.metrics import impulses, removed, transients
from tonewheel.metrics.si_sdr import si_sdr
from tonewheel.synth.compose import compose
from tonewheel.synth.render import render
from tonewheel.systems import Chapter
from tonewheel.systems.restore.clean import Cleaner, Cleaning
from tonewheel.systems.restore.picture import draw, draw_clicks

Audio = NDArray[np.float32]

TITLE = "Restore: an old record without its noise"
RATE_HZ = 44_100
SECONDS = 16.0
STYLES = ("jazz", "ballad", "piano", "orchestral", "latin", "folk")
RMS = 0.1
BAND_HZ = (80.0, 7500.0)


class Record78(NamedTuple):
    """A song, as it was and as its record plays it: (samples,) each, and where the impulses are."""

    title: str
    clean: Audio
    damaged: Audio
    truth: impulses.Impulses


def chapter(folder: Path, seed: int, cleaner: Cleaner | None = None, seconds: float = SECONDS) -> Chapter:
    """Synthesise a song, wear its record out, clean it with `restore clean`, and compare.

    Leaves in `folder`: record.flac, cleaned.flac, removed.flac. Without trained weights, or when nothing was taken out,
    `found` is False and the chapter says so.
    """
    record = press(seed, seconds)
    source, cleaned = folder / "record.flac", folder / "cleaned.flac"
    write(source, record.damaged, RATE_HZ, sample_format="pcm_24")
    try:
        cleaner = cleaner or Cleaner.shipped()
    except InputError as error:
        told = f"Nothing was cleaned: {error}"
        return Chapter(TITLE, False, (told,), (html.section(TITLE, told),))
    began = perf_counter()
    done = cleaner.clean(source, cleaned, removed=folder / "removed.flac", list_clicks=True)
    took_s = perf_counter() - began
    out = load(cleaned)[0]
    figures = compare(record, out, done)
    lines = tuple(
        f"{name:<34}{before:>12}{after:>12}" for name, before, after in [("", "before", "after"), *figures]
    )
    found = bool(done.steps)
    return Chapter(TITLE, found, lines, sections(record, out, done, figures, took_s))


def press(seed: int, seconds: float = SECONDS) -> Record78:
    """A song on a worn shellac record; the same seed presses the same one."""
    from tonewheel.systems.restore.benchmark import band_limited

    rng = generator(seed, "demo", "restore")
    song = compose(draw_seed(rng), STYLES[int(rng.integers(len(STYLES)))], seconds=seconds)
    music = band_limited(np.asarray(render(song, RATE_HZ).mix, np.float32), RATE_HZ, BAND_HZ)
    clean = np.asarray(music * np.float32(RMS / np.sqrt(np.mean(np.square(music)))), np.float32)
    clicks = Clicks(
        rate_per_s=12.0,
        amplitude=0.3,
        repeating=0.2,
        shapes=("noise", "ringing", "spike"),
        seed=draw_seed(rng),
    )
    crackle = Crackle(
        rate_per_s=100.0, amplitude=0.03, clustered=0.3, shapes=("noise", "spike"), seed=draw_seed(rng)
    )
    steady: list[Degradation] = [
        Hiss(snr_db=20.0, spectrum=((50.0, 0.0), (12_800.0, -24.0)), seed=draw_seed(rng)),
        Hum(level_db=-46.0, seed=draw_seed(rng)),
        Rumble(level_db=-38.0, seed=draw_seed(rng)),
    ]
    damaged = clean
    for step in (*steady, clicks, crackle):
        damaged = step.apply(damaged, RATE_HZ)
    events = [kind.events(clean.size, RATE_HZ) for kind in (clicks, crackle)]
    truth = impulses.join(
        np.concatenate([one.starts for one in events]) / RATE_HZ,
        np.concatenate([one.widths for one in events]) / RATE_HZ,
        np.concatenate([one.amplitudes for one in events]),
    )
    # As a transfer would be made: with room for the clicks.
    room = np.float32(min(1.0, 0.99 / float(np.abs(damaged).max())))
    return Record78(song.title, clean * room, damaged * room, truth)


def compare(record: Record78, out: Audio, done: Cleaning) -> list[tuple[str, str, str]]:
    """Rows of (what, before, after), as text."""
    big = record.truth.peaks >= np.median(record.truth.peaks[record.truth.peaks > 0.1])
    falls = impulses.falls_db(
        record.clean, record.damaged, out, record.truth.starts_s, record.truth.widths_s, RATE_HZ
    )
    _, right = impulses.detection(record.truth.starts_s, [click.start_s for click in done.clicks])
    attacks = transients.evaluate(record.clean, out, RATE_HZ)["preservation"]
    taken = removed.evaluate(record.damaged - out, record.clean, RATE_HZ)["musicality"]
    before, after = (f"{float(si_sdr(record.clean, sound)):.1f} dB" for sound in (record.damaged, out))
    return [
        ("music over everything else", before, after),
        (
            "large clicks",
            str(int(big.sum())),
            f"{int(big.sum() - np.sum(falls[big] >= impulses.FALL_DB))} left",
        ),
        ("of them found within 1 ms", "", str(int(right[big].sum()))),
        ("attacks of the music kept", "", "–" if attacks is None else f"{100 * attacks:.1f} %"),
        ("music in what was removed", "", "–" if taken is None else f"{taken:.2f}"),
    ]


def sections(
    record: Record78, out: Audio, done: Cleaning, figures: list[tuple[str, str, str]], took_s: float
) -> tuple[html.Markup, ...]:
    """The chapter for the page."""
    gone = record.damaged - out
    sounds = [("before", record.damaged), ("after", out), ("removed", gone), ("as it was", record.clean)]
    players = "".join(
        f"<div class=card>{html.player(mp3(sound, RATE_HZ), name, 'audio/mpeg')}</div>"
        for name, sound in sounds
    )
    ratio = figures[0]
    largest = sorted(sorted(done.clicks, key=lambda click: -click.peak)[:5], key=lambda click: click.start_s)
    near = draw_clicks(record.damaged, out, RATE_HZ, [click.start_s for click in largest]) if largest else b""
    return (
        html.section(
            TITLE,
            f'"{record.title}" on a shellac record that was played too often: clicks, crackle, hiss, hum and rumble'
            " over music between 80 Hz and 7.5 kHz. The cleaner gets the record alone; how the music was is known"
            " here exactly.",
            html.cards(
                [
                    ("before", ratio[1], "music over everything else"),
                    ("after", ratio[2], "music over everything else"),
                    ("clicks", done.click_count, f"removed in {len(out) / RATE_HZ:.0f} s"),
                    ("speed", f"{len(out) / RATE_HZ / max(took_s, 1e-9):.1f} x", "real time, file to file"),
                ]
            ),
            html.table(["", "before", "after"], figures),
        ),
        html.section(
            "Before, after, and what was taken out",
            html.Markup(f"<div class=cards>{players}</div>"),
            html.Markup(
                f"<div class=scroll>{html.figure(draw(sounds, RATE_HZ), alt=_spoken(figures))}</div>"
            ),
            "All four at one scale. What was removed should be noise: a tune in it would be music lost.",
        ),
        html.section(
            "Clicks from near",
            *(
                [html.figure(near, alt="Five clicks, before and after")]
                if near
                else ["No click was removed."]
            ),
            "Red is the record, black what stands in its place. Outside a click both are the same.",
            html.details(
                "Try it yourself",
                "tonewheel restore clean restore/record.flac -o cleaned.flac --report report.html",
            ),
        ),
    )


def _spoken(figures: list[tuple[str, str, str]]) -> str:
    parts = [f"{name}: {before} before, {after} after" for name, before, after in figures[:2]]
    return "Wave forms and spectrograms. " + "; ".join(parts)
