"""Measurements as a page: what is wrong with each recording, a picture, and how near simulation comes to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tonewheel.core.units import amplitude_to_db, format_time_s
from tonewheel.gates import html
from tonewheel.systems.restore.closeness import Closeness, Difference
from tonewheel.systems.restore.measure.picture import draw
from tonewheel.systems.restore.measure.recording import Measured
from tonewheel.systems.restore.profile import ImpulseProfile, Profile


def page_of(measured: Sequence[Measured], closeness: Closeness | None = None) -> str:
    """One self-contained page about recordings that were measured together."""
    sections = [] if closeness is None else [closeness_section(closeness)]
    for one in measured:
        profile = one.profile
        sections.append(
            html.section(
                profile.recording or "recording",
                html.cards(_cards(profile)),
                html.figure(draw(one), alt=f"What was measured in {profile.recording}"),
                html.details("All figures", html.table(["what", "figure"], _rows(profile))),
            )
        )
    names = f"{len(measured)} recordings" if len(measured) != 1 else measured[0].profile.recording
    return html.page(f"What is wrong with {names}", sections, footer="Tonewheel restore measure")


def _cards(profile: Profile) -> list[tuple[str, Any, str]]:
    floor = "no hiss" if profile.hiss is None else f"{profile.hiss.level_db:.0f} dB"
    ratio = "" if profile.snr_db >= 120 else f"{profile.snr_db:.0f} dB below the music"
    return [
        ("clicks", *_rate(profile.clicks)),
        ("crackle", *_rate(profile.crackle)),
        ("hiss", floor, ratio),
        ("hum", "none" if profile.hum is None else f"{profile.hum.level_db:.0f} dB",
         "" if profile.hum is None else f"{profile.hum.frequency_hz:.2f} Hz"),
        ("rumble", "none" if profile.rumble is None else f"{profile.rumble.level_db:.0f} dB",
         "" if profile.rumble is None else f"up to {profile.rumble.cutoff_hz:.0f} Hz"),
        ("music up to", f"{profile.bandwidth_hz[1] / 1000:.1f} kHz", f"from {profile.bandwidth_hz[0]:.0f} Hz"),
    ]  # fmt: skip


def _rate(kind: ImpulseProfile | None) -> tuple[str, str]:
    if kind is None:
        return "none", ""
    turns = "" if kind.revolutions_per_minute is None else f", {kind.repeating:.0%} once a turn"
    return f"{kind.rate_per_s:.1f} /s", f"median {amplitude_to_db(kind.amplitude):.0f} dB{turns}"


def _rows(profile: Profile) -> list[list[Any]]:
    """Every figure of a profile under a readable name."""
    rows: list[list[Any]] = [
        ["length", format_time_s(profile.seconds)],
        ["sample rate", f"{profile.sample_rate_hz} Hz, {profile.channels} channels"],
        ["music RMS", f"{amplitude_to_db(profile.music_rms):.1f} dB"],
        ["peak", f"{amplitude_to_db(profile.peak):.1f} dB"],
        ["offset (DC)", ", ".join(f"{value:.4f}" for value in profile.dc)],
        ["clipped samples", f"{profile.clipped:.4%}"],
    ]
    for name in ("clicks", "crackle", "hiss", "hum", "rumble", "wow"):
        part = getattr(profile, name)
        if part is None:
            rows.append([name, "not found"])
            continue
        for field, value in part.to_dict().items():
            if field != "spectrum":
                shown = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
                rows.append([f"{name}: {field.replace('_', ' ')}", shown])
    return rows


def closeness_section(closeness: Closeness) -> html.Markup:
    """How near the simulation of the profiles, on other music, is to the recordings themselves."""

    def rows(differences: tuple[Difference, ...]) -> list[list[Any]]:
        return [[d.feature, d.real_median, d.simulated_median, d.ks, f"{d.p:.3g}"] for d in differences]

    header = ["feature", "real, median", "simulated, median", "KS distance", "p"]
    return html.section(
        "Simulation beside the real thing",
        html.cards(
            [
                ("told apart", f"{closeness.separability:.2f}", "AUROC on recordings not heard; 0.5: cannot"),
                ("energy distance", f"{closeness.energy_distance:.2f}", f"permutation p {closeness.p:.3f}"),
                ("recordings", f"{closeness.real_recordings} / {closeness.simulated_recordings}",
                 f"{closeness.real_windows} / {closeness.simulated_windows} windows, real / simulated"),
            ]
        ),
        html.table(header, rows(closeness.windows), "Windows of 3 s"),
        html.table(header, rows(closeness.events), "Single impulses"),
        "Only figures of the damage are compared, relative to the level of the music. The p values of features count"
        " every window or impulse as independent and so are too small; the permutation test moves whole recordings.",
    )  # fmt: skip
