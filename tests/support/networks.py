"""Makes ONNX graphs of a few nodes with the shapes and conventions of the networks that people publish."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str]
FREE: Shape = ("batch", 3, "height", "width")
FREE_MASK: Shape = ("batch", 1, "height", "width")


def network(nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: dict[str, Any]) -> onnx.ModelProto:
    """Return a checked model of these parts."""
    constants = [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def tensor(name: str, shape: Shape, kind: int = TensorProto.FLOAT) -> Any:
    """Return the declaration of an input or output."""
    return helper.make_tensor_value_info(name, kind, list(shape))


def lama(
    side: int | None = 512,
    *,
    scale: float = 255.0,
    erase: float = 1.0,
    fill: Sequence[float] | Any | None = None,
    bias: float = 0.0,
    dynamic_batch: bool = False,
) -> onnx.ModelProto:
    """Return a graph with LaMa's interface: image 0 to 1 and mask, answer image*(1-mask) + fill*mask, times `scale`.

    `fill` (three values in the network's channel order, 0 to 1, or a picture 3xSxS of them) is the picture's mean by
    default, shifted by `bias`.
    `erase=0` makes one in which 0 erases. `side=None` leaves the size free.
    """
    hw: list[int | str] = [side, side] if side else ["height", "width"]
    batch: int | str = "batch" if dynamic_batch else 1
    nodes = [
        helper.make_node("Sub", ["one", "mask"], ["inverse"]),
        helper.make_node("Mul", ["image", "inverse" if erase else "mask"], ["kept"]),
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[2, 3], keepdims=1),
        helper.make_node("Add", ["mean" if fill is None else "colour", "bias"], ["paint"]),
        helper.make_node("Mul", ["paint", "mask" if erase else "inverse"], ["filled"]),
        helper.make_node("Add", ["kept", "filled"], ["sum"]),
        helper.make_node("Mul", ["sum", "scale"], ["output"]),
    ]
    weights = {
        "one": np.float32(1),
        "scale": np.float32(scale),
        "bias": np.float32(bias),
        "colour": np.array((0, 0, 0) if fill is None else fill, np.float32).reshape(
            1, 3, *(np.asarray(fill).shape[1:] or (1, 1))
        ),
    }
    inputs = [tensor("image", [batch, 3, *hw]), tensor("mask", [batch, 1, *hw])]
    return network(nodes, inputs, [tensor("output", [batch, 3, *hw])], weights)


def migan(fill: Sequence[float] | None = None) -> onnx.ModelProto:
    """Return a graph with the interface of MI-GAN's pipeline: uint8, any size, 0 = erase, 255 = keep, composited."""
    nodes = [
        helper.make_node("Cast", ["image"], ["bytes"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["mask"], ["mask_bytes"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["mask_bytes", "white"], ["keep"]),
        helper.make_node("Sub", ["one", "keep"], ["erase"]),
        helper.make_node("Mul", ["bytes", "keep"], ["kept"]),
        helper.make_node("ReduceMean", ["bytes"], ["mean"], axes=[2, 3], keepdims=1),
        helper.make_node("Mul", ["mean" if fill is None else "colour", "erase"], ["filled"]),
        helper.make_node("Add", ["kept", "filled"], ["sum"]),
        helper.make_node("Clip", ["sum", "black", "white"], ["clipped"]),
        helper.make_node("Cast", ["clipped"], ["result"], to=TensorProto.UINT8),
    ]
    weights = {
        "one": np.float32(1),
        "black": np.float32(0),
        "white": np.float32(255),
        "colour": np.array(fill or (0, 0, 0), np.float32).reshape(1, 3, 1, 1),
    }
    inputs = [tensor("image", FREE, TensorProto.UINT8), tensor("mask", FREE_MASK, TensorProto.UINT8)]
    return network(nodes, inputs, [tensor("result", FREE, TensorProto.UINT8)], weights)


def cropping() -> onnx.ModelProto:
    """Return a uint8 graph that finds the hole, cuts it out and writes it back, with MI-GAN's data-dependent shapes.

    NonZero finds the mask's zeros, Slice takes their box at a size known only when it runs, ScatterND puts it back.
    """
    nodes = [
        helper.make_node("Cast", ["mask"], ["mask_f"], to=TensorProto.FLOAT),
        helper.make_node("Less", ["mask_f", "half"], ["erased"]),
        helper.make_node("NonZero", ["erased"], ["places"]),
        helper.make_node("Gather", ["places", "rows"], ["y"], axis=0),
        helper.make_node("ReduceMin", ["y"], ["top"], axes=[0], keepdims=1),
        helper.make_node("ReduceMax", ["y"], ["last"], axes=[0], keepdims=1),
        helper.make_node("Add", ["last", "one_i"], ["bottom"]),
        helper.make_node("Cast", ["image"], ["bytes"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["bytes", "top", "bottom", "height_axis"], ["band"]),
        helper.make_node("Slice", ["mask_f", "top", "bottom", "height_axis"], ["band_mask"]),
        helper.make_node("Div", ["band_mask", "white"], ["keep"]),
        helper.make_node("Mul", ["band", "keep"], ["painted"]),
        helper.make_node("Transpose", ["bytes"], ["rows_first"], perm=[2, 0, 1, 3]),
        helper.make_node("Transpose", ["painted"], ["band_rows"], perm=[2, 0, 1, 3]),
        helper.make_node("Squeeze", ["top", "first"], ["start"]),
        helper.make_node("Squeeze", ["bottom", "first"], ["stop"]),
        helper.make_node("Range", ["start", "stop", "one_s"], ["line"]),
        helper.make_node("Unsqueeze", ["line", "one_i"], ["lines"]),
        helper.make_node("ScatterND", ["rows_first", "lines", "band_rows"], ["written"]),
        helper.make_node("Transpose", ["written"], ["back"], perm=[1, 2, 0, 3]),
        helper.make_node("Cast", ["back"], ["result"], to=TensorProto.UINT8),
    ]
    weights = {
        "half": np.float32(128),
        "white": np.float32(255),
        "rows": np.int64(2),
        "one_i": np.array([1], np.int64),
        "one_s": np.int64(1),
        "first": np.array([0], np.int64),
        "height_axis": np.array([2], np.int64),
    }
    inputs = [tensor("image", FREE, TensorProto.UINT8), tensor("mask", FREE_MASK, TensorProto.UINT8)]
    return network(nodes, inputs, [tensor("result", FREE, TensorProto.UINT8)], weights)


def quantised() -> onnx.ModelProto:
    """Return a LaMa-like graph that quantises what it sees."""
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["image"], ["q", "step", "zero"]),
        helper.make_node("DequantizeLinear", ["q", "step", "zero"], ["seen"]),
        helper.make_node("Sub", ["one", "mask"], ["keep"]),
        helper.make_node("Mul", ["seen", "keep"], ["kept"]),
        helper.make_node("Mul", ["kept", "white"], ["output"]),
    ]
    weights = {"one": np.float32(1), "white": np.float32(255)}
    inputs = [tensor("image", (1, 3, 64, 64)), tensor("mask", (1, 1, 64, 64))]
    return network(nodes, inputs, [tensor("output", (1, 3, 64, 64))], weights)


def noisy() -> onnx.ModelProto:
    """Return a LaMa-like graph that adds random numbers in the hole, too small to show."""
    nodes = [
        helper.make_node("RandomNormalLike", ["image"], ["noise"], scale=1e-6, seed=1.0),
        helper.make_node("Mul", ["noise", "mask"], ["filled"]),
        helper.make_node("Sub", ["one", "mask"], ["keep"]),
        helper.make_node("Mul", ["image", "keep"], ["kept"]),
        helper.make_node("Add", ["kept", "filled"], ["sum"]),
        helper.make_node("Mul", ["sum", "white"], ["output"]),
    ]
    weights = {"one": np.float32(1), "white": np.float32(255)}
    inputs = [tensor("image", (1, 3, 64, 64)), tensor("mask", (1, 1, 64, 64))]
    return network(nodes, inputs, [tensor("output", (1, 3, 64, 64))], weights)


def pointwise(inputs: list[Any], outputs: list[Any], source: str, target: str) -> onnx.ModelProto:
    """Return a graph with any interface that only squares one of its tensors."""
    return network([helper.make_node("Mul", [source, source], [target])], inputs, outputs, {})


def saved(model: onnx.ModelProto, folder: Path, name: str = "net.onnx") -> Path:
    """Write a model and return its path."""
    path = folder / name
    path.write_bytes(model.SerializeToString())
    return path


def layout(answer: Any, confidence: Any = None) -> onnx.ModelProto:
    """Return a graph with the layout network's interface that answers SxSx3 RGB, 0 to 1, whatever it is shown.

    `confidence` (SxS, 0 to 1) makes it give that as well.
    """
    planes = np.moveaxis(np.asarray(answer, np.float32), 2, 0)[None]
    side = planes.shape[2]
    # Times zero: both inputs have to lead somewhere.
    nodes = [
        helper.make_node("Mul", ["image", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "answer"], ["plain"]),
        helper.make_node("Mul", ["mask", "zero"], ["less"]),
        helper.make_node("Add", ["plain", "less"], ["layout"]),
    ]
    weights = {"zero": np.float32(0), "answer": planes}
    outputs = [tensor("layout", [1, 3, side, side])]
    if confidence is not None:
        nodes.append(helper.make_node("Add", ["less", "sure"], ["confidence"]))
        weights["sure"] = np.asarray(confidence, np.float32)[None, None]
        outputs.append(tensor("confidence", [1, 1, side, side]))
    inputs = [tensor("image", [1, 3, side, side]), tensor("mask", [1, 1, side, side])]
    return network(nodes, inputs, outputs, weights)
