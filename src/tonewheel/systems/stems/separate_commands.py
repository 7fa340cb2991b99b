"""The verb `stems separate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from tonewheel.core.console import emit, say
from tonewheel.core.errors import InputError, TonewheelError
from tonewheel.core.verbs import Force, Weights

if TYPE_CHECKING:
    from tonewheel.systems.stems.files import Separation
    from tonewheel.systems.stems.masker import Masker, NetMasker


class Job(NamedTuple):
    """One recording, the folder of its stems, and the file of its snapshot."""

    source: Path
    folder: Path
    snapshot: Path | None


def separate(
    recordings: Annotated[list[Path], typer.Argument(help="Recordings, or folders of them.")],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder of the stems; of several recordings a folder for each."),
    ],
    stems: Annotated[
        int, typer.Option(help="6; 4: vocals, drums, bass, other; 2: vocals, accompaniment.")
    ] = 6,
    only: Annotated[list[str], typer.Option(help="Write only this stem; can be repeated.")] = [],  # noqa: B006 - typer never changes it
    snapshot: Annotated[
        Path | None,
        typer.Option(help="Also write the snapshot that sharing would send (JSON); of several a folder."),
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(help="Gains learned from corrections, written by `stems calibrate`.")
    ] = None,
    weights: Weights = None,
    force: Force = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
) -> None:
    """Take recordings apart into stems that sum to them, at the same rate and length.

    Exit status 2 when a recording could not be read; the others go on.
    """
    from tonewheel.systems.stems.files import separate_file, stems_of
    from tonewheel.systems.stems.masker import NetMasker

    stems_of(stems, only)
    jobs = plan(recordings, out, snapshot, force)
    network = NetMasker.load(weights)
    masker = network if calibration is None else calibrated(network, calibration)
    failed = 0
    for job in jobs:
        try:
            done = separate_file(
                job.source,
                job.folder,
                masker,
                fold=stems,
                only=only,
                force=force,
                fingerprint=network.fingerprint,
                snapshot=job.snapshot,
            )
        except TonewheelError as error:
            say(str(error))
            failed += 1
            continue
        tell(done, job, as_json)
    if failed:
        raise typer.Exit(2)


def plan(given: list[Path], out: Path, snapshot: Path | None, force: bool) -> list[Job]:
    """Where the stems of each recording go; InputError before any work when that cannot be."""
    from collections import Counter

    from tonewheel.core.files import refuse_overwrite
    from tonewheel.manifest.stems import FOLDS
    from tonewheel.manifest.tracks import audio_paths
    from tonewheel.systems.stems.files import MANIFEST

    sources = list(dict.fromkeys((path, root) for root in given for path in audio_paths(root)))
    if not sources:
        raise InputError(given[0], "holds no audio")
    written = {"manifest", *(name for fold in FOLDS.values() for name in fold)}
    several = len(sources) > 1 or given[0].is_dir()
    # song.wav beside song.mp3: each in a folder of its whole name.
    alike = Counter(path.with_suffix("") for path, _ in sources)
    jobs: list[Job] = []
    taken: dict[Path, Path] = {}
    for source, root in sources:
        inside = source.relative_to(root) if root.is_dir() else Path(source.name)
        if alike[source.with_suffix("")] == 1:
            inside = inside.with_suffix("")
        folder = out / inside if several else out
        if folder in taken:
            raise InputError(folder, f"would hold the stems of {taken[folder]} and of {source}")
        taken[folder] = source
        refuse_overwrite(folder / MANIFEST, force)
        shared = None
        if snapshot is not None:
            shared = snapshot / f"{inside}.json" if several else snapshot
            refuse_overwrite(shared, force)
            ours = shared.parent.resolve() == folder.resolve() and shared.stem in written
            if ours or shared.resolve() == source.resolve():
                raise InputError(shared, "is the recording, or a file of its stems; name another one")
        jobs.append(Job(source, folder, shared))
    return jobs


def calibrated(network: NetMasker, calibration: Path) -> Masker:
    """The network with the gains of a calibration; InputError when that is none, or of other weights."""
    from tonewheel.systems.stems.flywheel.join import CalibratedMasker, read_calibration

    found = read_calibration(calibration)
    if found.separator and found.separator != network.fingerprint:
        raise InputError(
            calibration, f"was made for the weights {found.separator[:12]}, not {network.fingerprint[:12]}"
        )
    return CalibratedMasker(network, found.table_db)


def tell(done: Separation, job: Job, as_json: bool) -> None:
    """What was done, in a line."""
    from tonewheel.core.units import format_time_s

    if as_json:
        emit({**done.to_dict(), "recording": str(job.source), "out": str(job.folder)})
        return
    loudest = ", ".join(f"{one.stem} {100 * one.share:.0f} %" for one in done.stems)
    say(f"{job.folder}: {format_time_s(done.seconds)}; {loudest}; sum error {done.sum_error:.1g}")
