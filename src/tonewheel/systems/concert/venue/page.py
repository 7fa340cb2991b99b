"""Measurements of a venue for people: a line, a page with pictures, and what adapting a pack came to."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tonewheel.core.units import format_time_s
from tonewheel.gates import html
from tonewheel.systems.concert.pack import printable
from tonewheel.systems.concert.venue.adapt import Adapted
from tonewheel.systems.concert.venue.blind import Blind
from tonewheel.systems.concert.venue.closeness import Closeness
from tonewheel.systems.concert.venue.features import NAMES
from tonewheel.systems.concert.venue.measure import Measured, estimate_text
from tonewheel.systems.concert.venue.profile import OCTAVES_HZ, Profile
from tonewheel.systems.concert.venue.rehearse import Nearness

SOUND, SOFT, INK = "#2f7f86", "#6b6b6b", "#222222"
MOST_NAMED = 5
MOST_ALIKE = 0.5
"""Mean cosine along six seconds from which two songs are worth naming."""


def line_of(profile: Profile) -> str:
    """What was measured on a recording, in a line."""
    parts = [
        f"T60 {estimate_text(profile.t60_s, 's')}",
        f"music {estimate_text(profile.snr_db, 'dB', 0)} above the crowd",
        f"tilt {profile.tilt_db_per_octave:+.1f} dB an octave",
        f"crest {profile.crest_db:.1f} dB",
        f"clipped {100 * profile.clipped.value:.1f} %",
        f"up to {profile.bandwidth_hz[1] / 1000:.1f} kHz",
    ]
    if profile.pauses is not None:
        parts.append(f"pauses {profile.pauses.middle_db:+z.0f} dB")
    return f"{printable(profile.recording)}: {', '.join(parts)}"


def page_of(measured: Sequence[Measured], nearness: Nearness | None = None) -> str:
    """One self-contained page about recordings that were measured together."""
    sections = [] if nearness is None else [_nearness_section(nearness)]
    for one in measured:
        sections.append(
            html.section(
                printable(one.profile.recording) or "recording",
                html.cards(_cards(one.profile)),
                html.figure(_picture(one), alt="Long-term spectrum, and reverberation over time"),
                html.details("All figures", html.table(["what", "figure"], _rows(one.profile))),
            )
        )
    lead = "Bounds hold in four cases of five, on halls that the measurement was not fitted to."
    return html.page(
        "What the hall and the phone did", sections, lead=lead, footer="Tonewheel concert measure"
    )


def adapted_lines(adapted: Adapted) -> Iterator[str]:
    """What adapting a pack came to, in lines."""
    alike = [one for one in adapted.confusions if one.cosine >= MOST_ALIKE][:MOST_NAMED]
    for one in alike:
        places = (
            f'"{printable(one.song)}" at {format_time_s(one.at_s)}',
            f'"{printable(one.other)}" at {format_time_s(one.other_at_s)}',
        )
        yield f"alike: {places[0]} and {places[1]} (cosine {one.cosine:.2f})"
    yield f"references through the venue: {_kept(adapted.references.kept)}: {adapted.references}"
    tuned = adapted.fine_tuned
    if tuned is not None:
        held = adapted.regression
        yield f"fine-tuned: {_kept(tuned.kept and tuned.better and (held is None or held.passed))}: {tuned}"
        if held is not None:
            yield str(held)
    if adapted.written:
        yield f"written: {', '.join(adapted.written)}"
    else:
        yield "nothing was written: stay with the pack as it is"


def _kept(kept: bool) -> str:
    return "kept" if kept else "NOT kept"


def _cards(profile: Profile) -> list[tuple[str, Any, str]]:
    def bounds(low: float, high: float, unit: str, digits: int = 1) -> str:
        return f"{low:z.{digits}f} to {high:z.{digits}f} {unit}"

    t60, snr, clipped, pauses = profile.t60_s, profile.snr_db, profile.clipped, profile.pauses
    return [
        ("reverberation (T60)", f"{t60.value:.1f} s", bounds(t60.low, t60.high, "s")),
        ("music over crowd", f"{snr.value:.0f} dB", bounds(snr.low, snr.high, "dB", 0)),
        ("pauses", "none heard" if pauses is None else f"{pauses.middle_db:+z.0f} dB",
         "" if pauses is None else bounds(pauses.quiet_db, pauses.loud_db, "dB of the music", 0)),
        ("spectrum", f"{profile.tilt_db_per_octave:+.1f} dB", "an octave, 250 Hz to 4 kHz"),
        ("crest factor", f"{profile.crest_db:.1f} dB", "peak over RMS, a quarter second"),
        ("clipped", f"{100 * clipped.value:.1f} %", bounds(100 * clipped.low, 100 * clipped.high, "%")),
        ("sound up to", f"{profile.bandwidth_hz[1] / 1000:.1f} kHz", f"from {profile.bandwidth_hz[0]:.0f} Hz"),
    ]  # fmt: skip


def _rows(profile: Profile) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for name, value in profile.to_dict().items():
        if isinstance(value, dict):
            rows.extend([f"{name}: {part}".replace("_", " "), figure] for part, figure in value.items())
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
            rows.append([name.replace("_", " "), shown])
    return rows


def _nearness_section(nearness: Nearness) -> html.Markup:
    def row(name: str, one: Closeness) -> list[Any]:
        return [name, f"{one.separability:.2f}", f"{one.energy_distance:.2f}", f"{one.p:.3f}", one.simulated]

    sides = (
        ("the venue as measured", nearness.venue),
        ("halls in general", nearness.general),
        ("clean", nearness.clean),
    )
    gaps = [
        [gap.feature, gap.real_median, gap.simulated_median, f"{gap.ks:.2f}"] for gap in nearness.venue.gaps
    ]
    return html.section(
        "Simulation beside the real thing",
        html.table(
            ["simulated", "told apart (AUROC)", "energy distance", "p", "stretches"],
            [row(name, one) for name, one in sides],
        ),
        html.details(
            "What still differs, the venue as measured",
            html.table(["feature", "real, median", "simulated, median", "KS distance"], gaps),
        ),
        f"{nearness.venue.recordings} recordings, {nearness.venue.real} stretches of ten seconds. An AUROC of 0.5"
        " cannot tell; unless the same songs are on both sides, the music itself tells something, too. p: that a random"
        " split of the recordings would be as far apart; from few recordings it cannot be small.",
    )


def _picture(measured: Measured) -> bytes:
    """The spectrum by octave, and the reverberation time that each stretch of music gave."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(11, 3.2), facecolor="white", layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(OCTAVES_HZ, measured.profile.spectrum_db, color=SOUND, marker="o", markersize=4)
    left.set_xscale("log")
    left.set_xticks(OCTAVES_HZ, [f"{hz:g}" for hz in OCTAVES_HZ])
    left.minorticks_off()
    left.set_ylim(max(-80.0, min(measured.profile.spectrum_db) - 3), 3)
    left.set_title("Level by octave (dB, against the strongest; Hz)", loc="left", fontsize=10, color=INK)
    t60_s = np.exp(Blind.shipped().predict(measured.rows[:, : len(NAMES)])[:, 0])
    right.scatter(np.arange(1, len(t60_s) + 1), np.clip(t60_s, 0.1, 6.0), s=12, color=SOUND)
    right.axhline(measured.profile.t60_s.value, color=SOFT, linewidth=1)
    right.set_yscale("log")
    right.set_yticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
    right.minorticks_off()
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.set_title("T60 by stretch of ten seconds of music (s)", loc="left", fontsize=10, color=INK)
    for axes in (left, right):
        axes.tick_params(colors=SOFT, labelsize=8)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=110, metadata={"Software": None})
    return drawn.getvalue()
