"""The network as an ONNX file, and back.

The weights of convolutions are stored with 8 bits, one scale per output channel, or 16, and all others in full. They
keep their names, so that a file that is used is also a file to train on from.
"""

from __future__ import annotations

import io
import pathlib
import warnings
from typing import Any, Literal

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from . import SIDE
from .integers import QUANTISED, SCALE, WHOLE, ZERO
from .network import DOUBTFUL, LayoutNetwork

OPSET = 17
INPUTS = ("image", "mask")
OUTPUTS = ("layout", "confidence")
LARGE = 1024
"""Values; smaller tensors are stored in full."""

Weights = Literal["int8", "float16", "float32"]
HALF = ".float16"


def export(network: LayoutNetwork, path: pathlib.Path, weights: Weights = "int8", note: str = "") -> None:
    """Write the network, as used and not as trained, to an ONNX file.

    note: what the file says about itself.
    """
    model = onnx.load_from_string(_traced(network))
    model.graph.name = "layout"
    model.doc_string = note or f"Layout network; a confidence c stands for an expected error of {DOUBTFUL}(1-c)/c."
    if weights != "float32":
        _shrink(model.graph, weights)
    onnx.checker.check_model(model)
    part = path.with_suffix(".part")
    onnx.save(model, part)
    part.replace(path)


def restore(path: pathlib.Path) -> LayoutNetwork:
    """The network of a file that `export` wrote, ready to be trained.

    Raises ValueError when the file holds another network.
    """
    graph = onnx.load(path).graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    same = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity"}  # equal ones are merged
    names = {name.removesuffix(ending) for name in stored for ending in (QUANTISED, HALF, "")}
    found = {name: _in_full(stored, same.get(name, name)) for name in names | same.keys()}
    return LayoutNetwork.holding({name: torch.from_numpy(value) for name, value in found.items() if value is not None})


def _traced(network: LayoutNetwork) -> bytes:
    """The network as a graph, batch norms kept apart."""
    network.eval()
    file = io.BytesIO()
    example = torch.zeros(1, 3, SIDE, SIDE), torch.zeros(1, 1, SIDE, SIDE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of itself and of shapes that are fixed
        torch.onnx.export(
            network.cpu(),
            example,
            file,  # type: ignore[arg-type,unused-ignore]
            dynamo=False,  # the other exporter needs onnxscript
            training=torch.onnx.TrainingMode.PRESERVE,
            opset_version=OPSET,
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
        )
    return file.getvalue()


def _shrink(graph: Any, weights: Weights) -> None:
    """Store large weights with fewer bits and a node that gives them back in full."""
    unpack = []
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.ndim == 4 and values.size >= LARGE and values.dtype == np.float32:
            graph.initializer.remove(tensor)
            stored, node = (_quantised if weights == "int8" else _halved)(tensor.name, values)
            graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in stored.items())
            unpack.append(node)
    nodes = [*unpack, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _quantised(name: str, values: NDArray[np.float32]) -> tuple[dict[str, NDArray[Any]], Any]:
    scale = np.maximum(np.abs(values).reshape(len(values), -1).max(1) / WHOLE, np.finfo(np.float32).tiny)
    whole = np.rint(values / scale.reshape(-1, 1, 1, 1)).astype(np.int8)
    stored: dict[str, NDArray[Any]] = {QUANTISED: whole, SCALE: scale.astype(np.float32)}
    stored[ZERO] = np.zeros(len(values), np.int8)
    stored = {name + ending: array for ending, array in stored.items()}
    return stored, helper.make_node("DequantizeLinear", list(stored), [name], axis=0)


def _halved(name: str, values: NDArray[np.float32]) -> tuple[dict[str, NDArray[Any]], Any]:
    half = {name + HALF: values.astype(np.float16)}
    return half, helper.make_node("Cast", list(half), [name], to=onnx.TensorProto.FLOAT)


def _in_full(stored: dict[str, NDArray[Any]], name: str) -> NDArray[np.float32] | None:
    """The values of a tensor, however it is stored; None where it is not."""
    if name + QUANTISED in stored:
        scale = stored[name + SCALE].reshape(-1, 1, 1, 1)
        return np.asarray(stored[name + QUANTISED].astype(np.float32) * scale, np.float32)
    found = stored.get(name, stored.get(name + HALF))
    return None if found is None else found.astype(np.float32)
