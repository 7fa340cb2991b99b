"""The verb `stems export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tonewheel.core.console import emit, say
from tonewheel.systems.stems.options import Force, Json, Weights


class Target(StrEnum):
    """What can be written."""

    onnx = "onnx"
    int8 = "int8"
    browser = "browser"


def export(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write; for `browser` a folder to be served.")
    ],
    to: Annotated[
        Target,
        typer.Option(help="onnx (float32), int8 (a quarter of the size), or browser (int8 and a page)."),
    ] = Target.onnx,
    weights: Weights = None,
    runtime: Annotated[
        Path | None,
        typer.Option(
            help="For `browser`: an installed onnxruntime-web (node_modules/onnxruntime-web), copied beside the page."
        ),
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write the separator as ONNX that says what it is and computes what torch computes, or as a page that uses it."""
    from tonewheel.core.errors import InputError
    from tonewheel.core.files import refuse_overwrite

    if runtime is not None and to is not Target.browser:
        raise InputError("--runtime", "goes with `--to browser` alone")
    refuse_overwrite(out, force)
    from tonewheel.systems.stems.browser_folder import write_browser_folder
    from tonewheel.systems.stems.export import export_separator
    from tonewheel.systems.stems.masker import NetMasker

    masker = NetMasker.load(weights)
    if to is Target.browser:
        done = write_browser_folder(masker, out, runtime)
    else:
        done = export_separator(masker, out, int8=to is Target.int8)
    if as_json:
        emit(done.to_dict())
        return
    say(
        f"{done.path}: {done.size_bytes / 1e6:.2f} MB, {done.weights} weights;"
        f" differs from torch by {done.parity.max_abs:.1e} at most"
    )
    if done.int8_cost is not None:
        say(f"int8 moves shares by {done.int8_cost.max_abs:.3f} at most, cosine {done.int8_cost.cosine:.5f}")
