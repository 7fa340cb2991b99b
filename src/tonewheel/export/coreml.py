"""Core ML packages, converted from torch's exported program (there is no way from ONNX any more: it was removed).

Shapes are fixed, computing is float32. Core ML itself runs on Apple's machines alone; here the saved package is read
back and its program run by `mil`, an interpreter of ours that shares no code with the converter. So the conversion is
checked, number by number; Apple's runtime is not.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import tonewheel
from tonewheel.core.errors import InputError, MissingDependencyError, ModelMismatchError
from tonewheel.core.files import refuse_unwritable
from tonewheel.export.mil import Program
from tonewheel.export.network import Example, Network
from tonewheel.export.onnx_file import FORMAT_VERSION, KEY
from tonewheel.export.parity import beside, by_torch, refuse_unlike

if TYPE_CHECKING:
    from tonewheel.export.write import Exported

SUFFIX = ".mlpackage"
CHECKED = "our interpreter of its program, not Core ML itself"


def write_package(network: Network, out: Path, examples: Sequence[Example], told: str) -> Exported:
    """Convert, check, and put the package at `out`, whole or not at all."""
    from tonewheel.export.write import Exported, compared_card

    if out.suffix != SUFFIX:
        raise InputError(out, f"a Core ML package must be named *{SUFFIX}")
    refuse_unwritable(out)
    model = converted(network)
    still = network.still or network.example
    fitting = [fitted(example, still) for example in examples] or [still]
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        package = Path(folder) / out.name
        describe(model, network, {})
        with _quiet():
            model.save(str(package))
        names = [port.name for port in network.outputs]
        ours = [by_torch(network.module, names, example) for example in fitting]
        program = Program.read(package)
        theirs = [program.run(example) for example in fitting]
        parity = beside(ours, theirs)
        refuse_unlike(parity, out, network.limit)
        answers = None if network.answers is None else network.answers(ours, theirs)
        describe(
            model, network, {"weights": "float32", "compared": compared_card(parity, answers, told, CHECKED)}
        )
        shutil.rmtree(package)
        with _quiet():
            model.save(str(package))
        if out.exists():
            out.rename(Path(folder) / "before")
        package.rename(out)
    return Exported(
        path=str(out),
        sha256=digest(out),
        size_bytes=sum(path.stat().st_size for path in out.rglob("*") if path.is_file()),
        format="coreml",
        weights="float32",
        weights_sha256=network.weights_sha256,
        sounds=told,
        parity=tuple(parity),
        answers=answers,
        checked=CHECKED,
    )


def converted(network: Network) -> Any:
    """The network as a Core ML program, inputs and outputs by their names."""
    try:
        with _quiet():
            import coremltools

            from tonewheel.export.coreml_operations import register

            register()
    except ImportError:
        raise MissingDependencyError("coremltools", "writing Core ML", "coreml") from None
    still = network.still or network.example
    with _quiet(), torch.no_grad():
        program = torch.export.export(network.module, tuple(still.values())).run_decompositions({})
        try:
            model = coremltools.convert(
                program,
                convert_to="mlprogram",
                minimum_deployment_target=coremltools.target.iOS16,
                compute_precision=coremltools.precision.FLOAT32,
            )
        # The converter has no error of its own: what it cannot translate ends it by any of these, asserts among them.
        except (NotImplementedError, ValueError, RuntimeError, AttributeError, AssertionError) as error:
            reason = " ".join(str(error).split())[:200] or "the converter gave up without a word"
            raise ModelMismatchError(f"Core ML cannot hold this network: {reason}") from None
        spec = model.get_spec()
        for features, names in (
            (spec.description.input, list(still)),
            (spec.description.output, [port.name for port in network.outputs]),
        ):
            for feature, name in zip(list(features), names, strict=True):
                coremltools.utils.rename_feature(spec, feature.name, name)
        return coremltools.models.MLModel(spec, weights_dir=model.weights_dir, skip_model_load=True)


def describe(model: Any, network: Network, found: dict[str, Any]) -> None:
    """Put the card into the package's metadata."""
    card = {
        "format": "tonewheel.coreml",
        "format_version": FORMAT_VERSION,
        "tonewheel_version": tonewheel.__version__,
        "about": {**network.card(), **found},
    }
    model.user_defined_metadata[KEY] = json.dumps(card, allow_nan=False)


def fitted(example: Example, still: Example) -> Example:
    """As much of an example as has the fixed shapes; an input that is shorter is taken from `still`."""
    found = {}
    for name, value in example.items():
        like = still[name]
        short = any(have < need for have, need in zip(value.shape, like.shape, strict=True))
        found[name] = like if short else value[tuple(slice(0, need) for need in like.shape)].contiguous()
    return found


def digest(package: Path) -> str:
    """SHA-256 over the names and contents of a package's files."""
    found = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.is_file():
            found.update(f"{path.relative_to(package)}\0".encode())
            found.update(path.read_bytes())
    return found.hexdigest()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The converter tells of every pass, and of Apple's libraries that are not here."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
