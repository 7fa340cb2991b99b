"""The verb `stems export`: the formats that every system has, and a page for browsers."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import emit, say
from tonewheel.core.verbs import Force, Json, Weights
from tonewheel.export.options import Audio, Count, Split


class Target(StrEnum):
    """What can be written."""

    onnx = "onnx"
    int8 = "int8"
    coreml = "coreml"
    browser = "browser"


def export(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write; for `browser` a folder to be served.")
    ],
    to: Annotated[
        Target,
        typer.Option(
            help="onnx (float32), int8 (a quarter of the size), coreml (float32, for Apple's), or browser (int8 and a"
            " page)."
        ),
    ] = Target.onnx,
    weights: Weights = None,
    runtime: Annotated[
        Path | None,
        typer.Option(
            help="For `browser`: an installed onnxruntime-web (node_modules/onnxruntime-web), copied beside the page."
        ),
    ] = None,
    audio: Audio = None,
    split: Split = "valid",
    sounds: Count = 4,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write the separator for other runtimes, compared with torch, or as a page that uses it."""
    from tonewheel.core.errors import InputError
    from tonewheel.core.files import refuse_overwrite

    if runtime is not None and to is not Target.browser:
        raise InputError("--runtime", "goes with `--to browser` alone")
    refuse_overwrite(out, force)
    from tonewheel.export.sounds import heard
    from tonewheel.export.write import write
    from tonewheel.systems.stems.browser_folder import write_browser_folder
    from tonewheel.systems.stems.export import separator

    network = separator(weights)
    found = heard(audio, split, network.sample_rate_hz, sounds)
    if to is Target.browser:
        done = write_browser_folder(network, out, runtime, found)
    else:
        done = write(network, to, out, found)
    if as_json:
        emit(done)
    else:
        say(done.table())
