"""The evening as a page: figures, one picture, a table, and excerpts to listen to."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.encode import write
from tonewheel.core.units import format_time_s
from tonewheel.degrade.chain import Chain
from tonewheel.gates import html
from tonewheel.synth.concert import Span
from tonewheel.systems.concert.demo.compare import Outcome, Played
from tonewheel.systems.concert.demo.picture import DARK, LIGHT, draw
from tonewheel.systems.concert.demo.show import CROWD_SNR_DB, STUDIO_HZ, Programme, Track
from tonewheel.systems.concert.demo.trace import Trace
from tonewheel.systems.concert.listen import CostSummary

Floats = NDArray[np.float32]
EXCERPT_S = 7.0
EXCERPT_AT_S = 14.0
STYLE = """<style>.show table{min-width:46rem}.show .badge{white-space:nowrap}
.by-night{display:none}.wide{min-width:52rem}.wide figure{margin:.5rem 0}
.songs{display:grid;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr));gap:1rem;margin:1rem 0}
.six .cards{grid-template-columns:repeat(auto-fill,minmax(min(17rem,45%),1fr))}
.songs .card{padding-bottom:.4rem}.songs figure{margin:.5rem 0}.songs audio{height:2.4rem}
@media(prefers-color-scheme:dark){.by-night{display:block}.by-day{display:none}}
@media print{.by-night{display:none}.by-day{display:block}.wide{min-width:0}}</style>"""


def sections(
    show: Programme,
    tracks: Mapping[str, Track],
    heard: Floats,
    rate_hz: int,
    songs: Sequence[str],
    outcome: Outcome,
    scores: Trace,
    stages: Mapping[str, float],
    cost: CostSummary,
    aligned: html.Markup,
) -> tuple[html.Markup, ...]:
    """The sections of the chapter, in reading order."""
    pictures = [
        html.figure(draw(theme, show.plan, outcome, scores, songs, heard, rate_hz), alt=_spoken(outcome))
        for theme in (LIGHT, DARK)
    ]
    return (
        html.section(
            "Concert: which song is playing?",
            html.Markup(STYLE),
            f"A band that exists only as code records {len(show.songs)} songs; their studio tracks go into a show"
            f" pack. Then it plays {len(show.played)} songs in a hall{_surprise(show)}:"
            f" {_minutes(show.plan.seconds)} with applause, talk and pauses, songs cut to keep time. It plays as"
            " on its records; live versions that differ are another task. A phone in the audience records the"
            f" show: one room, a crowd {CROWD_SNR_DB:g} dB below the music, an uneven microphone, and what"
            " phones do to sound: high-pass, compression, clipping, AAC. Only this recording is given to the"
            " listener, half a second at a time.",
            html.Markup(f"<div class=six>{html.cards(_cards(outcome, cost))}</div>"),
        ),
        html.section(
            "The evening",
            _by_theme(*pictures),
            "Colours are songs, an outline is a song that is not in the pack, greys are applause, talk and"
            " silence. A triangle marks the moment at which a song is announced, a ring where it is said to"
            " have ended. The coloured line is the best song's score over the last 5 s, the grey line below it"
            " the second song's: score and lead decide. Scores and spectrogram are of what the phone"
            " recorded; dotted lines are the true starts and ends.",
        ),
        html.section(
            "Song by song",
            html.Markup(f"<div class=show>{_table(outcome)}</div>"),
            "* A section that comes back note for note: the listener follows the other one of the two."
            if any(song.repeats for song in outcome.played)
            else "",
        ),
        aligned,
        html.section(
            "Listen",
            f"{EXCERPT_S:g} s of each song as it was played: the studio track, and the same seconds as the"
            " phone recorded them.",
            _players(show, tracks, heard, rate_hz),
            html.details("What the hall and the phone did to the sound", _chain(show.chain)),
        ),
        html.section(
            "What it took",
            html.table(
                ["stage", "seconds", "times faster than the show"],
                [
                    [name, f"{took:.1f}", f"{show.plan.seconds / max(took, 1e-9):.0f}"]
                    for name, took in stages.items()
                ],
            ),
            f"The listener takes a step every half second: {cost.steps} steps of {cost.wall_p50_ms:.1f} ms"
            f" (p50), {cost.wall_p95_ms:.1f} ms (p95); {cost.real_time_factor:.1%} of one core follows a show"
            " as it happens.",
            html.details("Try it yourself", _commands()),
        ),
    )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"


def _surprise(show: Programme) -> str:
    return ", one of them not in the pack" if not all(map(show.known, show.played)) else ""


def _spoken(outcome: Outcome) -> str:
    parts = [
        f"{song.song}: played {format_time_s(song.start_s)} to {format_time_s(song.end_s)}, "
        + (
            "not recognised"
            if song.recognised_s is None
            else f"recognised at {format_time_s(song.recognised_s)}"
        )
        for song in outcome.played
    ]
    return "Timeline of the show. " + "; ".join(parts)


def _cards(outcome: Outcome, cost: CostSummary) -> list[tuple[str, Any, str]]:
    latency, error = outcome.median("latency_s"), outcome.median("position_error_s")
    return [
        ("songs recognised", f"{outcome.found} of {outcome.expected}", "played and in the pack"),
        ("recognised after", None if latency is None else f"{latency:.1f} s", "median from a song's start"),
        ("position error", None if error is None else f"{error:.2f} s", "median over the show"),
        ("false identifications", outcome.false_identifications, "a song announced that did not play"),
        ("right answer", f"{outcome.followed:.0%}", "of the show's time, “no song” included"),
        ("one step", f"{cost.wall_p50_ms:.1f} ms", f"p95 {cost.wall_p95_ms:.1f} ms, due every 500 ms"),
    ]


def _by_theme(light: html.Markup, dark: html.Markup) -> html.Markup:
    # On a narrow screen the picture scrolls sideways: shrunk to a phone's width nobody could read it.
    day, night = f"<div class='wide by-day'>{light}</div>", f"<div class='wide by-night'>{dark}</div>"
    return html.Markup(f"<div class=scroll>{day}{night}</div>")


def _table(outcome: Outcome) -> html.Markup:
    header = ["song", "played", "recognised at", "after", "position error", "ended at", ""]
    rows = [[song.song, f"{format_time_s(song.start_s)} – {format_time_s(song.end_s)}", *_answer(song)]
            for song in outcome.played]  # fmt: skip
    rows += [
        [stretch.song, "not at this time", format_time_s(stretch.start_s), None, None, None,
         html.badge(False, no="false identification")]
        for stretch in outcome.recognised if not stretch.right
    ]  # fmt: skip
    return html.table(header, rows)


def _answer(song: Played) -> list[Any]:
    if song.recognised_s is None or song.latency_s is None or song.ended_s is None:
        answered = "missed" if song.known else "mistaken"
        mark = html.badge(not song.known and not song.mistaken, "rightly unknown", answered)
        return [None, None, None, None, mark]
    late_s = song.ended_s - song.end_s
    return [
        format_time_s(song.recognised_s),
        f"{song.latency_s:.1f} s",
        f"{song.position_error_s or 0.0:.2f} s" + (" *" if song.repeats else ""),
        f"{format_time_s(song.ended_s)} ({late_s:+.1f} s)",
        html.badge(True, "recognised"),
    ]


def _players(show: Programme, tracks: Mapping[str, Track], heard: Floats, rate_hz: int) -> html.Markup:
    cards = []
    for span in show.plan.setlist:
        song = show.played[span.song]
        at_s = _excerpt_start(span)
        studio = tracks[song.title].audio[round(at_s * STUDIO_HZ) : round((at_s + EXCERPT_S) * STUDIO_HZ)]
        first_s = span.start_s + at_s
        phone = heard[round(first_s * rate_hz) : round((first_s + EXCERPT_S) * rate_hz)]
        about = f"{song.style}, {song.key.replace('_', ' ')}, {song.tempo_bpm:.0f} bpm"
        if not show.known(song):
            about += "; not in the pack"
        where = f"phone, {format_time_s(first_s)} into the show"
        cards.append(
            f"<div class=card><b>{html.escaped(song.title)}</b>"
            f"<div class=note>{html.escaped(about)}</div>"
            f"{html.player(mp3(studio, STUDIO_HZ, 96), 'studio', 'audio/mpeg')}"
            f"{html.player(mp3(phone, rate_hz, 48), where, 'audio/mpeg')}</div>"
        )
    return html.Markup(f"<div class=songs>{''.join(cards)}</div>")


def _excerpt_start(span: Span) -> float:
    return max(0.0, min(EXCERPT_AT_S, span.end_s - span.start_s - EXCERPT_S - 2.0))


def mp3(audio: Floats, rate_hz: int, kbps: float) -> bytes:
    """An excerpt that every browser plays, (samples,) -> bytes; faded at both ends, peak at -1 dB."""
    fade = np.minimum(1.0, np.arange(1, len(audio) + 1) / (0.05 * rate_hz)).astype(np.float32)
    loudest = max(float(np.abs(audio).max(initial=0.0)), 1e-4)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "excerpt.mp3"
        write(path, audio * fade * fade[::-1] * np.float32(0.89 / loudest), rate_hz, bitrate_kbps=kbps)
        return path.read_bytes()


def _chain(chain: Chain) -> html.Markup:
    """Every degradation with its drawn parameters: enough to do the same to another recording."""
    rows = []
    for step in _flat(chain):
        values = step.to_dict()
        kind = str(values.pop("kind"))
        drawn = ", ".join(f"{key} {_short(value)}" for key, value in values.items())
        rows.append([kind.replace("_", " "), drawn])
    return html.table(["step", "parameters"], rows)


def _flat(chain: Chain) -> list[Any]:
    return [one for step in chain.steps for one in (_flat(step) if isinstance(step, Chain) else [step])]


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(map(_short, value)) + ")"
    if isinstance(value, dict):
        return " ".join(f"{key} {_short(inner)}" for key, inner in value.items())
    return str(value)


def _commands() -> html.Markup:
    return html.table(
        ["in the folder of this page", "what it does"],
        [
            [
                "tonewheel concert pack concert/studio -o my.pack",
                "packs the studio tracks, or a folder of yours",
            ],
            [
                "tonewheel concert listen concert/concert.m4a --pack my.pack",
                "follows the show, a line an event",
            ],
            [
                "tonewheel concert align concert/concert.m4a --pack my.pack -o my-aligned",
                "finds every song of the evening, with times and a page",
            ],
            ["tonewheel concert identify CLIP --pack my.pack", "says which song a clip is"],
        ],
    )
