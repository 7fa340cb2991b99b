"""The verb `restore measure`; everything heavy is imported inside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tonewheel.core.console import emit, say
from tonewheel.core.errors import InputError, TonewheelError

if TYPE_CHECKING:
    from tonewheel.systems.restore.closeness import Closeness
    from tonewheel.systems.restore.measure.recording import Measured
    from tonewheel.systems.restore.profile import Profile

PART_S = 60.0
"""Of each recording and of each clean one, so much is compared when simulation is judged."""


def measure(
    recordings: Annotated[list[Path], typer.Argument(help="Recordings, or folders of them.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the profiles as JSON; simulation reads them.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write a page with pictures (.html).")] = None,
    music: Annotated[
        list[Path],
        typer.Option(
            help="Clean recordings or folders of them: damage them as measured, and say how near that comes."
        ),
    ] = [],  # noqa: B006 - typer never changes it, and None would make it import pydantic
    textures: Annotated[
        list[Path], typer.Option(help="Real surface noise for half of the simulations; files or folders.")
    ] = [],  # noqa: B006
    seed: Annotated[int, typer.Option(help="Of the simulated damage.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
) -> None:
    """Measure what is wrong with recordings: clicks, crackle, hiss, hum, rumble, wow, clipping, offset.

    What is not found is not in the profile, and a cleaner leaves it alone. Exit status 2 when a recording could not
    be read; the others go on.
    """
    from tonewheel.core.files import refuse_overwrite, write_text
    from tonewheel.core.progress import progress
    from tonewheel.manifest.tracks import audio_paths
    from tonewheel.systems.restore.measure.page import page_of
    from tonewheel.systems.restore.measure.recording import measure as measure_one
    from tonewheel.systems.restore.profile import Collection

    for path in (out, report):
        if path is not None:
            refuse_overwrite(path, force)
    found: list[tuple[Path, Measured]] = []
    paths = [path for given in recordings for path in audio_paths(given)]
    failed = 0
    for path in progress(paths, "measuring", unit="recordings"):
        try:
            found.append((path, measure_one(path)))
        except TonewheelError as error:
            say(str(error))
            failed += 1
            continue
        profile = found[-1][1].profile
        if as_json:
            emit(profile)
        else:
            print(line_of(profile))
    if not found:
        raise typer.Exit(2)
    profiles = [measured.profile for _, measured in found]
    if out is not None:
        write_text(out, Collection(recordings=tuple(profiles)).to_json() + "\n")
    closeness = None
    if music:
        closeness = _closeness([path for path, _ in found], profiles, music, textures, seed)
        if as_json:
            emit(closeness)
        else:
            print(
                f"simulation: told apart with AUROC {closeness.separability:.2f} (0.5: cannot be), energy distance"
                f" {closeness.energy_distance:.2f}, p {closeness.p:.3f}"
            )
    if report is not None:
        write_text(report, page_of([measured for _, measured in found], closeness))
        say(f"report: {report}")
    if failed:
        raise typer.Exit(2)


def line_of(profile: Profile) -> str:
    """What was found in a recording, in a line."""
    words = []
    for name, kind in (("clicks", profile.clicks), ("crackle", profile.crackle)):
        if kind is not None:
            words.append(f"{name} {kind.rate_per_s:.1f}/s")
    if profile.hiss is not None:
        words.append(f"hiss {profile.snr_db:.0f} dB below the music")
    if profile.hum is not None:
        words.append(f"hum of {profile.hum.frequency_hz:.2f} Hz at {profile.hum.level_db:.0f} dB")
    if profile.rumble is not None:
        words.append(f"rumble at {profile.rumble.level_db:.0f} dB")
    if profile.wow is not None:
        words.append(f"wow of {profile.wow.depth_percent:.2f} %")
    if "dc" in profile.damage:
        words.append(f"offset {max(profile.dc, key=abs):.3f}")
    if "clipping" in profile.damage:
        words.append(f"{profile.clipped:.3%} clipped")
    band = f"music from {profile.bandwidth_hz[0]:.0f} Hz to {profile.bandwidth_hz[1] / 1000:.1f} kHz"
    return f"{profile.recording}: {', '.join(words) or 'nothing wrong'}; {band}"


def _closeness(
    paths: list[Path], profiles: list[Profile], music: list[Path], textures: list[Path], seed: int
) -> Closeness:
    """Real recordings beside clean music that was damaged as they are, all at one rate."""
    from tonewheel.audio.decode import load
    from tonewheel.core.progress import progress
    from tonewheel.manifest.tracks import audio_paths
    from tonewheel.systems.restore.closeness import compare, observe, simulations

    rate = 44_100
    clean = [path for given in music for path in audio_paths(given)]
    if not clean:
        raise InputError("--music", "holds no recordings")
    noises = [str(path) for given in textures for path in audio_paths(given)]
    real = [
        observe(load(path, sample_rate_hz=rate, duration_s=PART_S)[0], rate)
        for path in progress(paths, "observing", unit="recordings")
    ]
    sounds = (
        load(path, sample_rate_hz=rate, duration_s=PART_S)[0]
        for path in progress(clean[: 4 * max(len(paths), 4)], "simulating", unit="recordings")
    )
    damaged = simulations(profiles, sounds, rate, seed=seed, textures=noises)
    return compare(real, [observe(one, rate) for one in damaged], seed)
