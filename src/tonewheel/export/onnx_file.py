"""A network as one ONNX file that says what it is: traced by torch, cleaned, its card in the file's metadata.

Readers that know no Tonewheel find names and shapes as usual; the card is JSON under the metadata key "tonewheel"
(format, version, SHA-256 of the tensors, and what the writer tells `about` the network). Traces of the machine that
wrote the file, which torch leaves at every node (paths, lines of code), are taken out, and so are the shapes inside
the graph: they are of the traced example and wrong for every other length, and quantisers trip over them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import tonewheel
from tonewheel.core.errors import InputError, MissingDependencyError
from tonewheel.core.files import atomic_path, sha256

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

OPSET = 20
"""Read by onnxruntime from 1.17 on, and by onnxruntime-web from the same."""
FORMAT_VERSION = 1
KEY = "tonewheel"
LARGEST_BYTES = 2**28


class OnnxFile(NamedTuple):
    """What an ONNX file of ours holds: graph, card, and the SHA-256 of the file."""

    model: ModelProto
    about: dict[str, Any]
    sha256: str


def traced(
    module: nn.Module,
    example: Mapping[str, Tensor],
    outputs: Sequence[str],
    growing: Mapping[str, Mapping[int, int | None]] | None = None,
) -> ModelProto:
    """The graph of `module` in evaluation mode, its inputs named as `example` is, in the order of `forward`.

    `growing` names the axes that may be longer or shorter than the example's, each with what its length is a
    multiple of: {"power": {3: 16}}. All of them grow together; one whose multiple is None goes its own way.

    >>> graph = traced(nn.Linear(3, 2), {"input": torch.zeros(4, 3)}, ["score"], {"input": {0: 1}}).graph
    >>> [node.name for node in graph.input], [node.name for node in graph.output]
    (['input'], ['score'])
    """
    for package in ("onnx", "onnxscript"):
        try:
            __import__(package)
        except ImportError:
            raise MissingDependencyError(package, "writing ONNX", "export") from None
    blocks = torch.export.Dim("blocks", min=1, max=2**20)
    axes = {
        name: {axis: _length(blocks, multiple) for axis, multiple in given.items()}
        for name, given in (growing or {}).items()
    }
    was_training = module.training
    module.eval()
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                module,
                tuple(example.values()),
                dynamo=True,
                opset_version=OPSET,
                input_names=list(example),
                output_names=list(outputs),
                dynamic_shapes=tuple(axes.get(name) for name in example) if axes else None,
                external_data=False,
                # Its rewriting takes a small number that is added, such as 1e-9 below a logarithm, for a zero.
                optimize=False,
                verbose=False,
            )
    finally:
        module.train(was_training)
    if program is None:  # torch's types allow it, for the exporter before this one
        raise RuntimeError("torch wrote no ONNX program")
    return _cleaned(program.model_proto)


def write_onnx(model: ModelProto, path: str | Path, about: Mapping[str, Any]) -> str:
    """Write a graph with its card, whole or not at all; the same graph and card give the same bytes.

    Returns the SHA-256 of the file.
    """
    from onnx.helper import set_model_props

    card = {
        "format": "tonewheel.onnx",
        "format_version": FORMAT_VERSION,
        "tonewheel_version": tonewheel.__version__,
        "tensors_sha256": _digest(model.graph.initializer),
        "about": dict(about),
    }
    set_model_props(model, {KEY: json.dumps(card, allow_nan=False)})
    with atomic_path(path) as temporary:
        temporary.write_bytes(model.SerializeToString(deterministic=True))
    return sha256(path)


def read_onnx(path: str | Path, kind: str | None = None) -> OnnxFile:
    """Read what `write_onnx` wrote; InputError when it is missing, cut short, changed, or of another kind."""
    from google.protobuf.message import DecodeError
    from onnx import ModelProto, TensorProto

    path = Path(path)
    if not path.is_file():
        raise InputError(path, "no such file" if not path.exists() else "is not a file")
    if path.stat().st_size > LARGEST_BYTES:
        raise InputError(path, f"has {path.stat().st_size} bytes; ours have at most {LARGEST_BYTES}")
    model = ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
        card = json.loads({item.key: item.value for item in model.metadata_props}[KEY])
        found, version, digest = card["format"], card["format_version"], card["tensors_sha256"]
        about = card["about"]
    except DecodeError:
        raise InputError(path, "not an ONNX file, or cut short") from None
    except (KeyError, TypeError, ValueError, RecursionError):
        raise InputError(path, "ONNX, but not of Tonewheel: it has no card") from None
    if found != "tonewheel.onnx" or version != FORMAT_VERSION or not isinstance(about, dict):
        raise InputError(path, f'is "{found}" version {version}; this Tonewheel reads {FORMAT_VERSION}')
    if any(tensor.data_location == TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise InputError(path, "points to tensors in other files; ours hold all they need")
    if _digest(model.graph.initializer) != digest:
        raise InputError(path, "its tensors were changed since it was written (SHA-256 differs)")
    if kind is not None and about.get("kind") != kind:
        raise InputError(path, f'a network of kind "{about.get("kind")}", expected "{kind}"')
    return OnnxFile(model, about, sha256(path))


def runner(path: str | Path) -> Callable[[Mapping[str, Tensor]], dict[str, NDArray[np.float32]]]:
    """Run an ONNX file on one thread of onnxruntime: inputs by name to outputs by name."""
    try:
        import onnxruntime
    except ImportError:
        raise MissingDependencyError("onnxruntime", "comparing an export with torch", "export") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(example: Mapping[str, Tensor]) -> dict[str, NDArray[np.float32]]:
        outputs = session.run(names, {name: value.numpy() for name, value in example.items()})
        return dict(zip(names, outputs, strict=True))

    return run


def _length(blocks: Any, multiple: int | None) -> Any:
    if multiple is None:
        return torch.export.Dim.AUTO
    return blocks if multiple == 1 else multiple * blocks


def _cleaned(model: ModelProto) -> ModelProto:
    model.producer_name, model.producer_version = "tonewheel", tonewheel.__version__
    del model.metadata_props[:]
    graph = model.graph
    graph.name, graph.doc_string = "network", ""
    del graph.value_info[:]
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        if part is not graph:
            part.doc_string = ""
    return model


def _digest(tensors: Sequence[TensorProto]) -> str:
    from onnx.numpy_helper import to_array

    digest = hashlib.sha256()
    for tensor in sorted(tensors, key=lambda tensor: str(tensor.name)):
        digest.update(f"{tensor.name}\0{tensor.data_type}\0{tuple(tensor.dims)}\0".encode())
        digest.update(to_array(tensor).tobytes())
    return digest.hexdigest()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's remarks on packages that it could also export are for nobody here."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of torch to itself
            # Inputs that grow together share an axis, and only one of them can name it.
            warnings.filterwarnings("ignore", "# The axis name", UserWarning)
            yield
    finally:
        logger.setLevel(before)
