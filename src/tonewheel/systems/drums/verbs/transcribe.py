"""The verb `drums transcribe`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tonewheel.core.console import emit, say
from tonewheel.core.errors import InputError, TonewheelError

if TYPE_CHECKING:
    from tonewheel.systems.drums.hits.classifier import HitClassifier
    from tonewheel.systems.drums.transcribe import Transcription

FORMATS = (".bsm", ".mid", ".midi", ".csv", ".jams")
PAGE = (".html", ".htm")


def transcribe(
    songs: Annotated[list[Path], typer.Argument(help="Recordings: songs or drums alone, any format.")],
    out: Annotated[
        list[Path],
        typer.Option(
            "--out", "-o", help="File to write (.bsm, .mid, .csv, .jams); of several songs a folder."
        ),
    ] = [],  # noqa: B006
    formats: Annotated[
        list[str], typer.Option("--format", help="What to write into a folder: bsm, mid, csv, jams.")
    ] = ["bsm"],  # noqa: B006
    page: Annotated[
        Path | None, typer.Option("--page", help="Page to look at (.html); of several songs a folder.")
    ] = None,
    sensitivity: Annotated[
        float, typer.Option(help="0..1: higher finds more hits, and more wrong ones.")
    ] = 0.5,
    confidence: Annotated[float, typer.Option(help="0..1: leave out hits that are less sure.")] = 0.0,
    threshold: Annotated[
        list[str], typer.Option(help="Threshold of a drum, as kick=.4; can be repeated.")
    ] = [],  # noqa: B006
    tempo: Annotated[float | None, typer.Option(help="Beats a minute, if you know them.")] = None,
    offset: Annotated[float | None, typer.Option(help="Time of the first bar in s, if you know it.")] = None,
    snap: Annotated[
        str | None, typer.Option(help="Move hits to multiples of a note value, as 1/16; else none moves.")
    ] = None,
    refine: Annotated[
        bool | None,
        typer.Option(
            "--refine/--no-refine",
            help="Let the hit classifier look again; default: where its weights are, unless"
            " BEATSIGHT_USE_ML_CLASSIFIER=0.",
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option("--weights", help="Weights of your own training; default: those shipped.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")] = False,
) -> None:
    """Write down the drums of recordings: what was struck, when, how hard, and in which tempo.

    Exit status 1 when no hit was found in any of them, 2 when one could not be read; the others go on.
    """
    from tonewheel.systems.drums.hearing.ears import Ears
    from tonewheel.systems.drums.transcribe import Options
    from tonewheel.systems.drums.transcribe import transcribe as run

    options = Options(
        sensitivity=sensitivity,
        confidence=confidence,
        thresholds=_thresholds(threshold),
        bpm=tempo,
        offset_s=offset,
        snap=snap,
    )
    options.check()
    plan = _plan(songs, out, formats, page, force)
    ears = Ears.load(weights) if weights else Ears.shipped()
    classifier = _classifier(refine)
    found = failed = 0
    for song, files in zip(songs, plan, strict=True):
        try:
            one = run(song, ears, options, classifier)
            written = _write(one, files, force) if one.hits else []
        except TonewheelError as error:
            say(str(error))
            failed += 1
            continue
        found += bool(one.hits)
        _tell(one, written, as_json, hits=not files, several=len(songs) > 1)
    if failed or not found:
        raise typer.Exit(2 if failed else 1)


def _thresholds(given: list[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in given:
        name, equals, value = one.partition("=")
        try:
            if not equals:
                raise ValueError
            found[name.strip()] = float(value)
        except ValueError:
            raise InputError("--threshold", f'must be DRUM=NUMBER, as kick=.4, got "{one[:40]}"') from None
    return found


def _plan(
    songs: list[Path], out: list[Path], formats: list[str], page: Path | None, force: bool
) -> list[list[Path]]:
    """The files that each song will be written to; InputError before any work when that cannot be."""
    from tonewheel.core.files import refuse_overwrite

    suffixes = [f".{name.lower().lstrip('.')}" for name in formats]
    if wrong := [name for name, suffix in zip(formats, suffixes, strict=True) if suffix not in FORMATS]:
        known = ", ".join(suffix[1:] for suffix in FORMATS)
        raise InputError("--format", f'"{wrong[0][:20]}" is none of {known}')
    plan: list[list[Path]] = [[] for _ in songs]
    wanted: list[tuple[Path, tuple[str, ...], list[str]]] = [(target, FORMATS, suffixes) for target in out]
    wanted += [(page, PAGE, [PAGE[0]])] if page else []
    for target, files, inside in wanted:
        is_file = target.suffix.lower() in files and not target.is_dir()
        if is_file and len(songs) > 1:
            raise InputError(target, "is one file; of several songs give a folder")
        if not is_file and target.suffix and not target.is_dir():
            raise InputError(target, f'"{target.suffix}" is none of {", ".join(files)}, nor a folder')
        for song, its in zip(songs, plan, strict=True):
            its += [target] if is_file else [target / f"{song.stem}{suffix}" for suffix in inside]
    taken: dict[Path, Path] = {}
    for song, its in zip(songs, plan, strict=True):
        for file in its:
            if file in taken:
                raise InputError(file, f"would be written twice, for {taken[file]} and {song}")
            taken[file] = song
            if file.exists() and song.exists() and file.samefile(song):
                raise InputError(file, "is the recording itself")
            refuse_overwrite(file, force)
    return plan


def _classifier(refine: bool | None) -> HitClassifier | None:
    """The classifier that option and environment ask for; without its weights none, unless it was asked for."""
    import os

    from tonewheel.systems.drums.hits.classifier import (
        MODEL_PATH,
        SHIPPED_WEIGHTS,
        HitClassifier,
        from_environment,
    )

    if refine is False:
        return None
    named = os.environ.get(MODEL_PATH, "").strip()
    if refine:
        return HitClassifier.load(named) if named else HitClassifier.shipped()
    return from_environment() if named or SHIPPED_WEIGHTS.is_file() else None


def _write(one: Transcription, files: list[Path], force: bool) -> list[Path]:
    from datetime import UTC, datetime

    from tonewheel import __version__
    from tonewheel.systems.drums.writing.outputs import Song, write_hits

    about = Song(
        audio=one.path,
        title=Path(one.path).stem,
        seconds=one.seconds,
        made_by=f"tonewheel {__version__} drums {one.model[:12]}",
        confidence=None if one.confidence is None else round(one.confidence, 3),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    for file in files:
        if file.suffix.lower() in PAGE:
            from tonewheel.core.files import write_text
            from tonewheel.systems.drums.writing.page import page_of

            write_text(file, page_of(one))
        else:
            write_hits(file, one.hits, one.tempo.timing, about, force=force)
    return files


def _tell(one: Transcription, written: list[Path], as_json: bool, *, hits: bool, several: bool) -> None:
    """What was found: hits as lines where nothing is written, then the whole in one line."""
    from tonewheel.core.units import format_time_s

    tempo = one.tempo
    if as_json:
        for hit in one.hits if hits else ():
            emit({"path": one.path, "time_s": hit.onset_s, **_values(hit)})
        about: dict[str, Any] = {"tempo_bpm": tempo.bpm, "offset_s": tempo.offset_s, "meter": tempo.meter}
        sure = {"tempo_confidence": tempo.confidence, "meter_sure": tempo.meter_sure}
        points = [{"time_s": point.time_s, "bpm": point.bpm} for point in tempo.timing.points]
        rest = {"seconds": one.seconds, "timing_points": points, "written": [str(file) for file in written]}
        emit({"path": one.path, "hits": len(one.hits), "labels": one.tally(), **about, **sure, **rest})
        return
    if hits and one.hits:
        if several:
            print(f"{one.path}")
        print(f"{'time':>10}  {'drum':<14}  {'velocity':>8}  {'openness':>8}  {'confidence':>10}")
        for hit in one.hits:
            openness = "" if hit.openness is None else f"{hit.openness:.2f}"
            at = f"{hit.onset_s:10.3f}  {hit.label:<14}  {hit.velocity:8.2f}"
            print(f"{at}  {openness:>8}  {hit.confidence:10.2f}")
    if not one.hits:
        say(f"{one.path}: no drum hit found in {format_time_s(one.seconds)}")
        return
    tally = ", ".join(f"{label} {count}" for label, count in one.tally().items())
    target = ", ".join(str(file) for file in written) or one.path
    say(f"{target}: {len(one.hits)} hits ({tally}); {tempo}")


def _values(hit: Any) -> dict[str, Any]:
    return {name: getattr(hit, name) for name in ("label", "velocity", "openness", "confidence")}
