"""Layers that compute in 8 bits: scales of what flows between them are measured on sounds, then written into the graph.

Convolutions and matrices become int8 with a scale for each output channel, what goes into them and comes out int8
with one scale (ONNX QuantizeLinear and DequantizeLinear around every layer, which runtimes fuse). Batch norms are
folded into the convolutions before. The front end stays in float32: a spectrum's powers span ten decades, so all up
to the logarithm is left alone.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tonewheel.core.errors import MissingDependencyError
from tonewheel.export.network import Example

if TYPE_CHECKING:
    from onnx import ModelProto

LAYERS = ("Conv", "Gemm", "MatMul")
MEASURES = ("STFT", "DFT")


def static_int8(model: ModelProto, examples: Sequence[Example]) -> ModelProto:
    """The graph with layers of 8 bits, for inputs that are like `examples`."""
    try:
        import onnx
        import onnxruntime
        from onnxruntime.quantization import (
            CalibrationDataReader,
            CalibrationMethod,
            QuantFormat,
            QuantType,
            quantize_static,
        )
    except ImportError:
        raise MissingDependencyError("onnxruntime", "quantising an export", "export") from None

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.rest: Iterator[Example] = iter(examples)

        def get_next(self) -> dict[str, Any] | None:
            example = next(self.rest, None)
            return None if example is None else {name: value.numpy() for name, value in example.items()}

    with tempfile.TemporaryDirectory() as folder:
        plain, folded, small = (str(Path(folder) / name) for name in ("plain", "folded", "small"))
        onnx.save(model, plain)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = folded
        onnxruntime.InferenceSession(plain, options, providers=["CPUExecutionProvider"])
        logger = logging.getLogger()
        before = logger.level
        logger.setLevel(logging.ERROR)  # it advises steps that were taken above
        try:
            quantize_static(
                folded,
                small,
                Reader(),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(LAYERS),
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
                nodes_to_exclude=front_end(onnx.load(folded)),
                extra_options={"ForceQuantizeNoInputCheck": False},
            )
        finally:
            logger.setLevel(before)
        return onnx.load(small)


def front_end(model: ModelProto) -> list[str]:
    """Names of the nodes that are not behind the logarithm of a spectrum; none in a graph without a transform."""
    if not any(node.op_type in MEASURES for node in model.graph.node):
        return []
    behind: set[str] = set()
    names = []
    for node in model.graph.node:  # in the order in which they run
        if node.op_type == "Log" or behind & set(node.input):
            behind |= set(node.output)
        else:
            names.append(node.name)
    return names
