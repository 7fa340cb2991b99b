"""The style profile of a collection: statistics, clusters with names, correlations, and the place of each track.

It is made from measures alone, so it can be made again at once when the tracks are known. What a reader should
not trust is said in `warnings`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from tonewheel.core.errors import InputError
from tonewheel.core.records import Record
from tonewheel.manifest.tracks import Quarantined
from tonewheel.systems.similar.clusters import LEAST_SPREAD, Grouping, group, rows_of, standardised
from tonewheel.systems.similar.features.record import VERSION, Features
from tonewheel.systems.similar.features.tempo import TempoPrior
from tonewheel.systems.similar.names import Distinction, cluster_names, distinctions

Floats = NDArray[np.float64]

FORMAT = "1"
EXEMPLARS = 3
FEW_TRACKS = 20
"""Below, quantiles and clusters say more about chance than about a style."""
LOPSIDED = 0.7
"""Share of the tracks in one cluster from which the others are exceptions."""
UNSURE_TEMPO = 0.5


class Statistics(Record):
    """How one measure is spread over the collection, in its own unit."""

    mean: float
    std: float
    min: float
    max: float
    p10: float
    p25: float
    p50: float
    p75: float
    p90: float
    confidence_interval_95: tuple[float, float]
    """Of the mean (Student)."""
    acceptable_range: tuple[float, float]
    """Two standard deviations about the mean, within what was seen."""


class Cluster(Record):
    """Tracks that were made alike."""

    cluster_id: int
    name: str
    track_count: int
    centroid: dict[str, float]
    """Mean of each measure, in its own unit."""
    distinctive_features: tuple[Distinction, ...]
    exemplar_tracks: tuple[str, ...]
    """Nearest to the centre first."""


class TrackPlace(Record):
    """A track of the collection: its file below the folder, its cluster, and the probability of that."""

    index: int
    filename: str
    cluster: int
    score: float


class Profile(Record):
    """What a collection of tracks has in common."""

    name: str
    version: str
    created_date: str
    track_count: int
    feature_statistics: dict[str, Statistics]
    clusters: tuple[Cluster, ...]
    feature_correlations: dict[str, dict[str, float | None]]
    """Pearson; None where a measure does not vary."""
    track_metadata: tuple[TrackPlace, ...]
    silhouette: float | None = None
    """Of the clusters, -1 to 1; None for one."""
    silhouette_by_chance: float | None = None
    """What the same measures reach when shuffled; None where the number of clusters was given."""
    tempo_prior: TempoPrior = TempoPrior()
    measures_version: int = VERSION
    warnings: tuple[str, ...] = ()
    left_out: tuple[Quarantined, ...] = ()


def make_profile(
    tracks: Sequence[Features],
    *,
    name: str,
    clusters: int | None = None,
    seed: int = 0,
    prior: TempoPrior | None = None,
    left_out: Sequence[Quarantined] = (),
) -> Profile:
    """The profile of measured tracks, whose `path` is their file below the folder; deterministic but for its date.

    `clusters` None finds their number. InputError for fewer than two tracks, or fewer than clusters.
    """
    if len(tracks) < 2:
        raise InputError(name, f"a profile needs at least 2 tracks that can be measured, got {len(tracks)}")
    if clusters is not None and not 1 <= clusters <= len(tracks):
        raise InputError(name, f"{len(tracks)} tracks cannot make {clusters} clusters")
    values = np.array([list(track.numbers().values()) for track in tracks], np.float64)
    rows = standardised(rows_of(tracks))
    grouping = group(rows, clusters, seed)
    return Profile(
        name=name,
        version=FORMAT,
        created_date=datetime.now(UTC).date().isoformat(),
        track_count=len(tracks),
        feature_statistics={
            feature: _statistics(values[:, column]) for column, feature in enumerate(LEAST_SPREAD)
        },
        clusters=_clusters(tracks, rows, values, grouping),
        feature_correlations=_correlations(values),
        track_metadata=tuple(
            TrackPlace(
                index=number,
                filename=track.path,
                cluster=int(grouping.labels[number]),
                score=round(float(grouping.scores[number]), 4),
            )
            for number, track in enumerate(tracks)
        ),
        silhouette=None if grouping.silhouette is None else round(grouping.silhouette, 4),
        silhouette_by_chance=None if grouping.by_chance is None else round(grouping.by_chance, 4),
        tempo_prior=prior or TempoPrior(),
        warnings=tuple(_warnings(tracks, grouping, left_out, found=clusters is None)),
        left_out=tuple(left_out),
    )


def _clusters(
    tracks: Sequence[Features], rows: Floats, values: Floats, grouping: Grouping
) -> tuple[Cluster, ...]:
    count = len(grouping.centres)
    distinct = [distinctions(rows, values, grouping.labels, number) for number in range(count)]
    members = [np.flatnonzero(grouping.labels == number) for number in range(count)]
    names = cluster_names(distinct, [float(np.median(values[inside, 0])) for inside in members])
    made = []
    for number, inside in enumerate(members):
        distance = np.square(rows[inside] - grouping.centres[number]).sum(axis=1)
        nearest = inside[np.argsort(distance, kind="stable")[:EXEMPLARS]]
        made.append(
            Cluster(
                cluster_id=number,
                name=names[number] if count > 1 else "The whole collection",
                track_count=len(inside),
                centroid={
                    feature: round(float(values[inside, column].mean()), 4)
                    for column, feature in enumerate(LEAST_SPREAD)
                },
                distinctive_features=tuple(distinct[number]),
                exemplar_tracks=tuple(tracks[one].path for one in nearest.tolist()),
            )
        )
    return tuple(made)


def _statistics(values: Floats) -> Statistics:
    from scipy.stats import t

    mean, std = float(values.mean()), float(values.std(ddof=1))
    half = float(t.ppf(0.975, len(values) - 1)) * std / len(values) ** 0.5
    low, high = float(values.min()), float(values.max())
    quantiles = [round(float(one), 4) for one in np.quantile(values, [0.1, 0.25, 0.5, 0.75, 0.9])]
    return Statistics(
        mean=round(mean, 4),
        std=round(std, 4),
        min=round(low, 4),
        max=round(high, 4),
        p10=quantiles[0],
        p25=quantiles[1],
        p50=quantiles[2],
        p75=quantiles[3],
        p90=quantiles[4],
        confidence_interval_95=(round(mean - half, 4), round(mean + half, 4)),
        acceptable_range=(round(max(low, mean - 2 * std), 4), round(min(high, mean + 2 * std), 4)),
    )


def _correlations(values: Floats) -> dict[str, dict[str, float | None]]:
    deviation = values - values.mean(axis=0)
    length = np.sqrt(np.square(deviation).sum(axis=0))
    varies = length > 1e-9
    with np.errstate(invalid="ignore", divide="ignore"):
        matrix = (deviation.T @ deviation) / np.outer(length, length)
    names = list(LEAST_SPREAD)
    return {
        one: {
            other: round(float(matrix[i, j]), 4) if varies[i] and varies[j] else None
            for j, other in enumerate(names)
        }
        for i, one in enumerate(names)
    }


def _warnings(
    tracks: Sequence[Features], grouping: Grouping, left_out: Sequence[Quarantined], *, found: bool
) -> list[str]:
    count = len(tracks)
    said = []
    if count < FEW_TRACKS:
        said.append(f"only {count} tracks: quantiles and clusters are uncertain below {FEW_TRACKS}")
    sizes = np.bincount(grouping.labels)
    if len(sizes) > 1 and sizes[0] / count >= LOPSIDED:
        said.append(f"lopsided: {sizes[0]} of {count} tracks are in one cluster")
    if len(sizes) > 1 and sizes.min() < 3:
        said.append(f"{int((sizes < 3).sum())} clusters hold fewer than 3 tracks")
    if len(sizes) == 1 and found:
        said.append("no clusters were found: the measures vary, but not together")
    copies = count - len({track.content_sha256 or track.path for track in tracks})
    if copies:
        said.append(f"{copies} files are copies of others and count twice")
    unsure = sum(track.tempo_confidence < UNSURE_TEMPO for track in tracks)
    if unsure > count / 4:
        said.append(f"the tempo of {unsure} of {count} tracks is unsure; --tempo-prior may help")
    if left_out:
        said.append(f"{len(left_out)} files could not be measured and were left out")
    return said
