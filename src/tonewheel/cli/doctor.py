"""`tonewheel doctor`: what is installed, what is missing for which command, what this machine can do."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from tonewheel import __version__, systems
from tonewheel.core.console import emit
from tonewheel.core.errors import TonewheelError
from tonewheel.core.records import Record

NEEDED_FOR = {
    "torch": "train, evaluate and every use of a model",
    "lightning": "train",
    "lightning-utilities": "train (several machines)",
    "tensorboard": "train (its log)",
    "safetensors": "loading and saving weights",
    "soundfile": "reading and writing wav, flac, ogg, opus, mp3",
    "av": "reading mp4, m4a, mov, mkv",
    "soxr": "resampling",
    "matplotlib": "pictures in reports",
    "wandb": "train --wandb",
    "sounddevice": "listening to a microphone",
}
"""What a package is for, where its name does not say it; the list of packages itself is pyproject.toml's."""


class Package(Record):
    """One library or program: its version, or None when it is missing, and what needs it."""

    name: str
    version: str | None
    needed_for: str
    extra: str | None = None
    """None for what every installation has; else the extra that brings it, or "program"."""


class Machine(Record):
    """What the work will run on."""

    system: str
    python: str
    cores: int
    memory_gib: float | None
    free_disk_gib: float
    gpus: list[str]
    capture_devices: list[str]


class Report(Record):
    """Everything that `doctor` found; `ready` is false if a package that commands need is missing."""

    tonewheel: str
    ready: bool
    machine: Machine
    packages: list[Package]
    systems: dict[str, str]
    reads: dict[str, list[str]]
    problems: list[str]


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Say what is installed, what is missing for which command, and what this machine can do."""
    report = examine()
    if as_json:
        emit(report)
    else:
        show(report)
    raise typer.Exit(0 if report.ready else 1)


def examine() -> Report:
    """Look at the installation and the machine; nothing is changed and nothing is fetched."""
    problems: list[str] = []
    found = [*packages(), *programs()]
    reads = readable(problems)
    missing = [package for package in found if package.version is None and package.extra is None]
    problems += [f"{package.name} is missing: {package.needed_for}" for package in missing]
    return Report(
        tonewheel=__version__,
        ready=not problems,
        machine=machine(problems),
        packages=found,
        systems=systems.discover(),
        reads=reads,
        problems=problems,
    )


def packages() -> list[Package]:
    """Every library of pyproject.toml, as the installed package remembers it, with its version."""
    try:
        requirements = metadata.requires("tonewheel") or []
    except metadata.PackageNotFoundError:
        requirements = list(NEEDED_FOR)
    found = []
    for requirement in requirements:
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        marked = re.search(r"extra == ['\"](\w+)['\"]", requirement)
        extra = marked.group(1) if marked else None
        if extra != "dev":
            needed_for = NEEDED_FOR.get(name, "everything")
            found.append(Package(name=name, version=version_of(name), needed_for=needed_for, extra=extra))
    return found


def programs() -> list[Package]:
    """Programs outside Python that a system names in `NEEDS_PROGRAMS` of its commands module."""
    found = []
    for name in systems.discover():
        wanted: Mapping[str, str] = getattr(systems.commands(name), "NEEDS_PROGRAMS", {})
        for program, needed_for in wanted.items():
            path = shutil.which(program)
            found.append(Package(name=program, version=path, needed_for=needed_for, extra="program"))
    return found


def version_of(distribution: str) -> str | None:
    """The installed version, or None."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def readable(problems: list[str]) -> dict[str, list[str]]:
    """File formats by the library that reads them; a library that does not start is a problem."""
    found: dict[str, list[str]] = {}
    try:
        import soundfile

        formats = {name.lower() for name in soundfile.available_formats()}
        # Opus lives inside Ogg; old builds of libsndfile lack it.
        opus = {"opus"} if "OPUS" in soundfile.available_subtypes("OGG") else set()
        found["soundfile"] = sorted(formats | opus)
    except (ImportError, OSError) as error:
        problems.append(f"soundfile does not start: {error}")
    try:
        import av

        wanted = {
            "mov",
            "mp4",
            "m4a",
            "matroska",
            "webm",
            "mp3",
            "ogg",
            "flac",
            "wav",
            "aac",
            "avi",
            "mpegts",
        }
        found["av"] = sorted(name for name in wanted if name in av.formats_available)
    except (ImportError, OSError) as error:
        problems.append(f"av does not start: {error}")
    return found


def machine(problems: list[str]) -> Machine:
    """Cores that this process may use, memory, disk here, GPUs, and devices that sound can be taken from."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory_gib = None
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory_gib = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    return Machine(
        system=platform.platform(),
        python=sys.version.split()[0],
        cores=cores,
        memory_gib=memory_gib,
        free_disk_gib=round(shutil.disk_usage(Path.cwd()).free / 2**30, 1),
        gpus=gpus(problems),
        capture_devices=capture_devices(),
    )


def gpus(problems: list[str]) -> list[str]:
    """Names of the accelerators that torch can use."""
    try:
        import torch
    except (ImportError, OSError) as error:
        problems.append(f"torch does not start: {error}")
        return []
    found = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("Apple GPU (mps)")
    return found


def capture_devices() -> list[str]:
    """Devices that a recording can be made from; without the extra `mic`, nobody can ask them."""
    from tonewheel.audio.capture import device_names

    try:
        return device_names()
    except TonewheelError:
        return []


def show(report: Report) -> None:
    """Print the report for a person."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    here = report.machine
    memory = "unknown memory" if here.memory_gib is None else f"{here.memory_gib} GiB memory"
    console.print(f"tonewheel {report.tonewheel}, Python {here.python}, {here.system}", highlight=False)
    console.print(
        f"{here.cores} cores, {memory}, {here.free_disk_gib} GiB free here; "
        f"GPU: {_listed(here.gpus)}; sound capture: {_listed(here.capture_devices)}",
        highlight=False,
    )
    table = Table(box=None, pad_edge=False)
    for column in ("package", "version", "needed for", ""):
        table.add_column(column, overflow="fold")
    for package in report.packages:
        state = "" if package.version else ("optional" if package.extra else "MISSING")
        table.add_row(package.name, package.version or "-", package.needed_for, state)
    console.print(table)
    for library, formats in report.reads.items():
        console.print(f"{library} reads {_listed(formats)}", highlight=False)
    for problem in report.problems:
        console.print(f"PROBLEM: {problem}", highlight=False)
    if report.ready:
        console.print("Everything that the commands need is here.", highlight=False)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
