"""The page of a profile: what the collection has in common, its clusters, and how far to trust it."""

from __future__ import annotations

from collections.abc import Sequence

from tonewheel.gates import html
from tonewheel.systems.similar.features.record import Features
from tonewheel.systems.similar.profile import Profile
from tonewheel.systems.similar.profile_picture import UNITS, draw_courses, draw_map, draw_spreads

MOST_ROWS = 2000
"""Tracks in the table; a browser is slow with more."""


def page_of(profile: Profile, tracks: Sequence[Features]) -> str:
    """One HTML page; `tracks` are those that the profile was made of, in its order."""
    tempo = profile.feature_statistics["tempo_bpm"]
    loudness = profile.feature_statistics["loudness_lufs"]
    minor = profile.feature_statistics["minor"].mean
    found = "" if profile.silhouette is None else f"silhouette {profile.silhouette:.2f}"
    if profile.silhouette_by_chance is not None:
        found += f" (by chance {profile.silhouette_by_chance:.2f})"
    sections = [
        html.cards(
            [
                ("tracks", profile.track_count, f"{len(profile.left_out)} left out"),
                ("clusters", len(profile.clusters), found),
                ("tempo, BPM", f"{tempo.p50:.0f}", f"80 % from {tempo.p10:.0f} to {tempo.p90:.0f}"),
                (
                    "loudness, LUFS",
                    f"{loudness.p50:.1f}",
                    f"80 % from {loudness.p10:.1f} to {loudness.p90:.1f}",
                ),
                ("minor", f"{100 * minor:.0f} %", "of the tracks"),
            ]
        )
    ]
    if profile.warnings:
        sections.append(html.section("To be careful with", *profile.warnings))
    sections += [
        html.section(
            "Map",
            html.figure(
                draw_map(profile, tracks),
                "Each dot is a track; near ones measure alike (two principal components of all measures).",
            ),
        ),
        html.section(
            "Clusters", _clusters(profile), html.figure(draw_courses(profile, tracks), "Course and kick.")
        ),
        html.section("Measures", html.figure(draw_spreads(profile, tracks)), _statistics(profile)),
        html.section("Tracks", html.details(f"{profile.track_count} tracks", _tracks(profile, tracks))),
    ]
    if profile.left_out:
        rows = [(one.path, one.reason) for one in profile.left_out]
        sections.append(html.section("Left out", html.table(["file", "reason"], rows)))
    prior = profile.tempo_prior
    lead = (
        f"Measured {profile.created_date}. Tempi are those that are likeliest when {prior.bpm:g} BPM is usual,"
        f" give or take {prior.octaves:g} octaves."
    )
    return html.page(f"Style profile: {profile.name}", sections, lead=lead)


def _clusters(profile: Profile) -> html.Markup:
    rows = [
        (
            cluster.name,
            cluster.track_count,
            ", ".join(f"{one.word} ({one.difference:+.1f})" for one in cluster.distinctive_features) or None,
            ", ".join(cluster.exemplar_tracks),
        )
        for cluster in profile.clusters
    ]
    return html.table(["cluster", "tracks", "sets it apart (in spreads)", "exemplars"], rows)


def _statistics(profile: Profile) -> html.Markup:
    rows = [
        (
            UNITS[name],
            one.p10,
            one.p50,
            one.p90,
            one.mean,
            one.std,
            "{:.4g} to {:.4g}".format(*one.acceptable_range),
        )
        for name, one in profile.feature_statistics.items()
    ]
    return html.table(["measure", "10 %", "median", "90 %", "mean", "deviation", "acceptable"], rows)


def _tracks(profile: Profile, tracks: Sequence[Features]) -> html.Markup:
    names = {cluster.cluster_id: cluster.name for cluster in profile.clusters}
    rows = [
        (
            place.filename,
            names[place.cluster],
            place.score,
            f"{track.tempo_bpm:.1f}",
            track.key,
            f"{track.loudness_lufs:.1f}",
            f"{track.brightness_hz:.0f}",
            f"{track.sidechain_depth_db:.1f}",
            f"{track.energy_progression:.2f}",
        )
        for place, track in zip(profile.track_metadata[:MOST_ROWS], tracks, strict=False)
    ]
    header = ["file", "cluster", "sure", "BPM", "key", "LUFS", "bright, Hz", "pumping, dB", "rises"]
    return html.table(header, rows)
