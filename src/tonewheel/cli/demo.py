"""`tonewheel demo`: every system shows what it does on sound that is made on the spot."""

from __future__ import annotations

import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, time
from typing import Annotated

import typer

from tonewheel import __version__, systems
from tonewheel.core.console import say
from tonewheel.core.errors import InputError
from tonewheel.core.files import write_json

PAGE = "index.html"
RECORD = "demo.json"
"""What the last run wrote, so that the next one removes exactly that and nothing of the user's."""
UNFINISHED = ".tonewheel-demo-"
AN_HOUR_S = 3600.0


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the page and its sounds.")] = Path(
        "demo"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives another show.")] = 0,
    hour: Annotated[
        bool,
        typer.Option("--hour", help="A concert of an hour instead of seven minutes; takes some minutes."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier demo.")] = False,
) -> None:
    """Run every system on sound synthesised on the spot, and write a page to look at."""
    began = perf_counter()
    with replacing(out, force) as folder:
        chapters = []
        took: dict[str, float] = {}
        for name in systems.chapters():
            started = perf_counter()
            (folder / name).mkdir()
            module = systems.demo(name)
            make = getattr(module, "hour", module.chapter) if hour else module.chapter
            chapters.append(make(folder / name, seed))
            took[name] = perf_counter() - started
        (folder / PAGE).write_text(page(chapters, took, seed), encoding="utf-8")
    for chapter in chapters:
        print(f"\n{chapter.title}\n" + "\n".join(printable(line) for line in chapter.lines))
    print()
    say(f"{out / PAGE}: look at it in a browser; {perf_counter() - began:.0f} s")
    if not all(chapter.found for chapter in chapters):
        raise typer.Exit(1)


def page(chapters: Iterable[systems.Chapter], took: dict[str, float], seed: int) -> str:
    """The whole page; `took` is seconds by system."""
    from tonewheel.gates import html

    return html.page(
        "Tonewheel demo",
        [
            *(section for chapter in chapters for section in chapter.sections),
            html.section(
                "The machine",
                html.table(
                    ["", ""],
                    [
                        ["processor", f"{processor()}, {os.cpu_count()} cores"],
                        [
                            "system",
                            f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
                        ],
                        ["seed", str(seed)],
                        *([f"chapter {name}", f"{seconds:.0f} s"] for name, seconds in took.items()),
                    ],
                ),
            ),
        ],
        lead="Everything on this page was made on this machine by one command: the music, the hall, the"
        " answers. No recording was used, nothing was fetched.",
        footer=f"Tonewheel {__version__}",
    )


def processor() -> str:
    """The processor's name, as well as the system knows it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def printable(line: str) -> str:
    """A line without characters that a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in line)


@contextmanager
def replacing(out: Path, force: bool) -> Iterator[Path]:
    """An empty folder to fill; its files move to `out` when all went well, else `out` stays as it was.

    Of what is in `out` already, only files that an earlier demo wrote are removed, and only with `force`.
    """
    if out.exists() and not out.is_dir():
        raise InputError(out, "is a file; give a folder")
    ours = {PAGE, RECORD, *systems.chapters()}
    there = sorted(name for name in ours if (out / name).exists())
    if there and not force:
        raise InputError(out / there[0], "exists already; --force replaces the demo")
    existed = out.exists()
    for left in out.glob(UNFINISHED + "*"):
        if time() - left.stat().st_mtime > AN_HOUR_S:  # of a run that was killed, not of one beside this
            shutil.rmtree(left, ignore_errors=True)
    try:
        out.mkdir(parents=True, exist_ok=True)
        # Inside `out`, so that moving is renaming, and one .gitignore line covers what a kill leaves behind.
        folder = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=out))
    except OSError as error:
        raise InputError(out, f"cannot be written: {error.strerror}") from None
    try:
        yield folder
        _move(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if not existed and not any(out.iterdir()):
            out.rmdir()


def _move(folder: Path, out: Path) -> None:
    made = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    for name in set(earlier(out)) - set(made):
        (out / name).unlink(missing_ok=True)
    for name in sorted(made, key=lambda name: name == PAGE):  # the page last: it speaks of the others
        target = out / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder / name, target)
        except OSError as error:
            raise InputError(target, f"cannot be replaced: {error.strerror}") from None
    record = folder / RECORD
    write_json(record, {"tonewheel": __version__, "files": made})
    os.replace(record, out / RECORD)


def earlier(out: Path) -> list[str]:
    """Files inside `out` that an earlier demo says it wrote; its record is not trusted beyond that folder."""
    try:
        names = json.loads((out / RECORD).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    root = out.resolve()
    found = []
    for name in names if isinstance(names, list) else []:
        if isinstance(name, str) and "\0" not in name:
            path = out / name
            if path.is_file() and path.resolve().is_relative_to(root):
                found.append(name)
    return found
