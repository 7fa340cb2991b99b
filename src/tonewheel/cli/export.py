"""The verb `export`, the same for every system whose folder has an `export.py`; `tonewheel SYSTEM export`."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tonewheel import systems
from tonewheel.core.console import emit, say
from tonewheel.core.verbs import Force, Json, Weights
from tonewheel.export.options import Audio, Count, Split


class Format(StrEnum):
    """What can be written."""

    onnx = "onnx"
    int8 = "int8"
    coreml = "coreml"


Out = Annotated[Path, typer.Option("--out", "-o", help="File to write; for coreml a name in .mlpackage.")]
Model = Annotated[
    str | None, typer.Option("--model", help="Which network of the system; default: the first one.")
]


def verb(system: str) -> Callable[..., None]:
    """The verb of one system."""

    def export(
        out: Out,
        to: Annotated[
            Format,
            typer.Option(help="onnx (float32), int8 (ONNX of 8 bits), or coreml (float32, for Apple's)."),
        ] = Format.onnx,
        model: Model = None,
        weights: Weights = None,
        audio: Audio = None,
        split: Split = "valid",
        sounds: Count = 4,
        force: Force = False,
        as_json: Json = False,
    ) -> None:
        """Write a network for other runtimes, compared with torch, with all that its user needs to know inside."""
        run(system, out, to, model, weights, audio, split, sounds, force=force, as_json=as_json)

    return export


def run(
    system: str,
    out: Path,
    to: str,
    model: str | None,
    weights: Path | None,
    audio: Path | None,
    split: str,
    sounds: int,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Check what was asked for, then do it."""
    from tonewheel.core.errors import InputError, nearest
    from tonewheel.core.files import refuse_overwrite

    refuse_overwrite(out, force, folder=to == "coreml")
    networks = systems.networks(system)
    name = model or next(iter(networks))
    if name not in networks:
        raise InputError("--model", f'"{name}" is none of {", ".join(networks)}{nearest(name, networks)}')
    from tonewheel.export.sounds import heard
    from tonewheel.export.write import write

    network = networks[name](weights)
    done = write(network, to, out, heard(audio, split, network.sample_rate_hz, sounds))
    if as_json:
        emit(done)
    else:
        say(done.table())
