"""The verb `restore clean`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from tonewheel.core.console import emit, say
from tonewheel.core.errors import InputError, TonewheelError

if TYPE_CHECKING:
    from tonewheel.systems.restore.clean import Cleaner, Cleaning

PIPE = "-"
REPORTS = (".html", ".htm", ".json")


class Job(NamedTuple):
    """One recording, and the files that are written of it."""

    source: Path
    out: Path
    removed: Path | None = None
    report: Path | None = None


def clean(
    recordings: Annotated[
        list[str], typer.Argument(help="Recordings, folders of them, or `-` for WAV on standard input.")
    ],
    out: Annotated[
        str, typer.Option("--out", "-o", help="File to write, `-` for a pipe; of several a folder.")
    ],
    strength: Annotated[str, typer.Option(help="light, medium, full, or a number from 0 to 1.")] = "full",
    removed: Annotated[
        Path | None, typer.Option(help="Also write what was taken out; of several recordings a folder.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Page and figures: .html, .json beside it; of several a folder.")
    ] = None,
    only: Annotated[
        list[str], typer.Option(help="clicks, hiss or hum (with rumble and offset) alone; can be repeated.")
    ] = [],  # noqa: B006 - typer never changes it, and None would make it import pydantic
    weights: Annotated[
        Path | None,
        typer.Option(
            "--weights", help="Folder with clicks.safetensors and hiss.safetensors of your training."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
) -> None:
    """Take clicks, crackle, hiss and hum out of recordings, and leave the music as it is.

    Rate, bit depth, channels and length stay. Exit status 2 when a recording could not be read; the others go on.
    """
    from tonewheel.systems.restore.clean import Cleaner
    from tonewheel.systems.restore.plan import check_parts, check_strength

    parts, amount = check_parts(only), check_strength(strength)
    if out == PIPE and as_json:
        raise InputError("--json", "and the sound would both go to standard output")
    with tempfile.TemporaryDirectory() as folder:
        given = [_caught(Path(folder)) if name == PIPE else Path(name) for name in recordings]
        jobs = plan(given, Path(folder) / "out.wav" if out == PIPE else Path(out), removed, report, force)
        cleaner = Cleaner.shipped() if weights is None else Cleaner.load(weights)
        failed = 0
        for job in jobs:
            try:
                done = work(cleaner, job, parts, amount, force)
            except TonewheelError as error:
                say(str(error))
                failed += 1
                continue
            tell(done, job, as_json)
        if out == PIPE and not failed:
            with jobs[0].out.open("rb") as sound:
                shutil.copyfileobj(sound, sys.stdout.buffer)
                sys.stdout.buffer.flush()
    if failed:
        raise typer.Exit(2)


def plan(given: list[Path], out: Path, removed: Path | None, report: Path | None, force: bool) -> list[Job]:
    """The files that each recording will be written to; InputError before any work when that cannot be."""
    from tonewheel.core.files import refuse_overwrite
    from tonewheel.manifest.tracks import audio_paths

    sources = [(path, root) for root in given for path in audio_paths(root)]
    several = len(sources) > 1 or given[0].is_dir()
    jobs: list[Job] = []
    taken: dict[Path, Path] = {}
    for source, root in sources:
        inside = source.relative_to(root) if root.is_dir() else Path(source.name)
        job = Job(
            source,
            _target(out, inside, several, _suffix(source)),
            None if removed is None else _target(removed, inside, several, ".wav"),
            None if report is None else _target(report, inside, several, ".html"),
        )
        for path in (job.out, job.removed, job.report):
            if path is None:
                continue
            if path in taken:
                raise InputError(path, f"would be written twice, for {taken[path]} and {source}")
            taken[path] = source
            if path.exists() and source.exists() and path.samefile(source):
                raise InputError(path, "is the recording itself")
            refuse_overwrite(path, force)
        jobs.append(job)
    return jobs


def _target(given: Path, inside: Path, several: bool, suffix: str) -> Path:
    """One file, or the place inside a folder that matches the recording's."""
    folder = given.is_dir() or (several and not given.suffix)
    if several and not folder:
        raise InputError(given, "is one file; of several recordings give a folder")
    return given / inside.with_suffix(suffix) if folder else given


def _suffix(source: Path) -> str:
    """wav stays wav; all else becomes flac, so that nothing is lost twice."""
    return ".wav" if source.suffix.lower() in (".wav", ".wave") else ".flac"


def work(cleaner: Cleaner, job: Job, parts: tuple[str, ...], strength: float, force: bool) -> Cleaning:
    """Clean one recording and write its report."""
    done = cleaner.clean(
        job.source,
        job.out,
        only=parts,  # type: ignore[arg-type]
        strength=strength,
        removed=job.removed,
        list_clicks=job.report is not None,
        force=force,
    )
    if job.report is not None:
        from tonewheel.systems.restore.report import write_report

        write_report(done, job.out, job.report)
    return done


def tell(done: Cleaning, job: Job, as_json: bool) -> None:
    """What was done, in a line."""
    from tonewheel.core.units import format_time_s

    change = done.loudness_change_lu
    if as_json:
        about = {"recording": done.recording, "out": str(job.out), "seconds": done.seconds}
        emit({**about, "removed": done.steps, "clicks": done.click_count, "loudness_change_lu": change})
        return
    if not done.steps:
        say(f"{job.out}: nothing to remove in {format_time_s(done.seconds)}")
        return
    clicks = f", {done.click_count} clicks" if "clicks" in done.steps else ""
    quieter = "" if change is None else f"; loudness {change:+.1f} LU"
    say(f"{job.out}: {format_time_s(done.seconds)}; removed {', '.join(done.steps)}{clicks}{quieter}")


def _caught(folder: Path) -> Path:
    """Standard input as a WAV file: two passes cannot be made over a pipe."""
    path = folder / "standard input.wav"
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return path
