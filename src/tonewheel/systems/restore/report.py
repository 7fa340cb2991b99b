"""A cleaning as a page to look at and listen to, and as JSON: figures before and after, pictures, the clicks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewheel.audio.decode import blocks, load
from tonewheel.audio.listenable import mp3
from tonewheel.core.files import write_json, write_text
from tonewheel.core.units import format_time_s
from tonewheel.gates import html
from tonewheel.metrics import removed as removed_part
from tonewheel.systems.restore.clean import Cleaning, measured
from tonewheel.systems.restore.picture import draw, draw_clicks
from tonewheel.systems.restore.profile import Profile

Audio = NDArray[np.float32]

SHOWN_S = 20.0
"""So much of the recording is shown and can be heard, from where most clicks were removed."""
LISTED = 200


def write_report(done: Cleaning, cleaned: Path, path: Path) -> tuple[Path, Path]:
    """Write the page and, beside it, the figures with all clicks as JSON; returns both paths.

    The cleaned file is measured as the recording was; both are read once more where they are shown.
    """
    page, data = path.with_suffix(".html"), path.with_suffix(".json")
    after = measured(blocks(cleaned, block_s=2.0), done.sample_rate_hz, str(cleaned))
    start_s = busiest(done)
    shown_s = min(SHOWN_S, done.seconds)
    before_audio, cleaned_audio = (
        load(file, start_s=start_s, duration_s=shown_s)[0] for file in (done.recording, cleaned)
    )
    length = min(len(before_audio), len(cleaned_audio))
    before_audio, cleaned_audio = before_audio[:length], cleaned_audio[:length]
    part = removed_part.evaluate(before_audio - cleaned_audio, cleaned_audio, done.sample_rate_hz)
    figures = {
        **done.to_dict(),
        "removed": done.steps,
        "profile_after": after.to_dict(),
        "loudness_change_lu": done.loudness_change_lu,
        "musicality_of_removed": part["musicality"],
    }
    write_text(page, page_of(done, after, before_audio, cleaned_audio, start_s, part))
    write_json(data, figures)
    return page, data


def busiest(done: Cleaning) -> float:
    """Start of the span of `SHOWN_S` in which most clicks were removed, s."""
    last_s = max(0.0, done.seconds - SHOWN_S)
    if not done.clicks or last_s == 0:
        return 0.0
    starts = np.array([click.start_s for click in done.clicks])
    inside = np.searchsorted(starts, starts + SHOWN_S) - np.arange(len(starts))
    return round(float(np.clip(starts[int(np.argmax(inside))] - 0.5, 0.0, last_s)), 2)


def page_of(
    done: Cleaning, after: Profile, was: Audio, now: Audio, start_s: float, part: dict[str, float | None]
) -> str:
    """The page; `was` and `now` are the span that is shown, mono (samples,)."""
    rate = done.sample_rate_hz
    sounds = [("before", was), ("after", now), ("removed", was - now)]
    players = "".join(
        f"<div class=card>{html.player(mp3(sound, rate), name, 'audio/mpeg')}</div>" for name, sound in sounds
    )
    clicks = [click for click in done.clicks if start_s <= click.start_s < start_s + len(was) / rate]
    largest = sorted(sorted(clicks, key=lambda click: -click.peak)[:5], key=lambda click: click.start_s)
    near: list[Any] = []
    if largest:
        places = [click.start_s for click in largest]
        near = [html.section("The largest clicks from near", html.figure(draw_clicks(was, now, rate, places, start_s)),
                             "Red is the recording, black what was put in its place.")]  # fmt: skip
    change = done.loudness_change_lu
    return html.page(
        f"{Path(done.recording).name}, cleaned",
        [
            html.section(
                "What was done",
                html.cards(
                    [
                        ("removed", ", ".join(done.steps) or "nothing", f"of {format_time_s(done.seconds)}"),
                        (
                            "clicks",
                            done.click_count,
                            f"{done.click_count / max(done.seconds, 1e-9):.1f} a second",
                        ),
                        ("loudness", "–" if change is None else f"{change:+.1f} LU", "change of the whole"),
                        ("music in what was removed", part["musicality"], "0 none, 1 a copy of the music"),
                    ]
                ),
                html.table(["", "before", "after"], figures(done.profile, after)),
            ),
            html.section(
                "Look and listen",
                f"{format_time_s(start_s)} to {format_time_s(start_s + len(was) / rate)} of the recording.",
                html.Markup(f"<div class=cards>{players}</div>"),
                html.Markup(f"<div class=scroll>{html.figure(draw(sounds, rate, start_s=start_s))}</div>"),
            ),
            *near,
            *click_list(done),
        ],
    )


def figures(before: Profile, after: Profile) -> list[list[object]]:
    """Rows of what was measured in both."""

    def impulses(profile: Profile) -> float:
        return round(
            sum(kind.rate_per_s for kind in (profile.clicks, profile.crackle) if kind is not None), 1
        )

    rows: list[list[object]] = [["impulses a second", impulses(before), impulses(after)]]
    levels = ("hiss", "hum", "rumble")
    for name in levels:
        was, now = (getattr(profile, name) for profile in (before, after))
        if was is not None or now is not None:
            rows.append([f"{name}, dB", *(None if one is None else one.level_db for one in (was, now))])
    rows.append(["music over noise, dB", before.snr_db, after.snr_db])
    rows.append(["peak", before.peak, after.peak])
    return rows


def click_list(done: Cleaning) -> list[html.Markup]:
    """The largest clicks as a table."""
    if not done.clicks:
        return []
    chosen = sorted(
        sorted(done.clicks, key=lambda click: -click.peak)[:LISTED], key=lambda click: click.start_s
    )
    rows = [
        [f"{click.start_s:.4f}", f"{click.width_s * 1000:.2f}", click.peak, click.chance, click.channel + 1]
        for click in chosen
    ]
    title = f"The {len(chosen)} largest of {len(done.clicks)} clicks; all are in the JSON file"
    return [html.details(title, html.table(["at, s", "width, ms", "size", "sureness", "channel"], rows))]
