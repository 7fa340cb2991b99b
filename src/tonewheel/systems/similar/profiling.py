"""From a folder to its profile: find the tracks, measure them on all cores, leave out what cannot be measured."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from tonewheel.core.errors import InputError
from tonewheel.core.progress import progress
from tonewheel.manifest.tracks import Quarantined
from tonewheel.systems.similar.build import music
from tonewheel.systems.similar.features.many import measure_all
from tonewheel.systems.similar.features.record import Features
from tonewheel.systems.similar.features.tempo import TempoPrior
from tonewheel.systems.similar.profile import Profile, make_profile


def profile_of(
    source: Path,
    *,
    name: str = "",
    clusters: int | None = None,
    prior: TempoPrior | None = None,
    cache: Path | None = None,
    jobs: int | None = None,
    seed: int = 0,
) -> tuple[Profile, list[Features]]:
    """The profile of a folder of audio (or with an index.csv, or a .jsonl of tracks), and the measures it is made of.

    InputError when the source holds no audio, or fewer than two files that can be measured.
    """
    found, root, left_out = music(source)
    names = [track.path for track in found]
    tracks: list[Features] = []
    outcomes = measure_all([root / one for one in names], cache=cache, prior=prior, jobs=jobs)
    for track, outcome in zip(
        names, progress(outcomes, "measure", total=len(names), unit="tracks"), strict=True
    ):
        if isinstance(outcome, InputError):
            left_out.append(Quarantined(path=track, reason=outcome.reason))
        else:
            tracks.append(replace(outcome, path=track))
    if len(tracks) < 2 and left_out:
        raise InputError(
            source, f"{len(tracks)} of {len(names)} files can be measured, of 2 needed; first: {left_out[0]}"
        )
    title = name or source.resolve().name
    return make_profile(
        tracks, name=title, clusters=clusters, seed=seed, prior=prior, left_out=left_out
    ), tracks
