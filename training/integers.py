"""The exported network with 8-bit activations: less than half the time where processors multiply 8-bit numbers.

Batch norms are folded into the convolutions before them, and what goes into and comes out of a convolution is rounded
to 256 values (static quantisation, after Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018). Each range is the one with the least error on crops of photographs.
The sums of residual blocks keep full precision. The unfolded batch norms stay in the file, to go on training from it.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Array = NDArray[Any]
Crop = Mapping[str, Array]
"""The inputs of the network: image and mask."""

WHOLE = 127
"""Largest 8-bit weight."""

QUANTISED, SCALE, ZERO = ".int8", ".scale", ".zero"
"""Endings of the names of a tensor's whole numbers, of their scale, and of the number that stands for 0."""

FOLDED, BIAS, WIDE = ".folded", ".bias", ".int32"
"""Endings of the scale with the batch norm in it, of the bias, and of its whole numbers."""

IN_FULL = (
    *("/enter/", "/down.0/", "/down.1/", "/rise.0/", "/rise_fine.0/", "/join_fine/", "/colour/", "/doubt.1/"),
    *("/look/", "/value/", "/out/"),
)
"""Convolutions that keep full precision: the first and the last ones, and small ones in attention. With all but the
very first and last in 8 bits the network took 0.43 instead of 0.58 of the time in full, but with more than twice the
rounding error, and layouts were noisier."""


STEPS = 255
SHARES = np.linspace(0.3, 1.0, 29)
"""Parts of the observed range that are tried: a narrower range clips more and rounds less."""

SAMPLES = 4096
"""Values of a tensor that are looked at per crop."""

LARGEST_BIAS = 1 << 30
"""In steps of the sums that a convolution makes of whole numbers, which have 32 bits."""

LEAST = 1e-12
"""Least scale."""


def quantise(model: pathlib.Path, path: pathlib.Path, crops: Sequence[Crop]) -> None:
    """Write the network `model` as `export` wrote it to `path`, with 8-bit activations.

    crops: inputs such as those in use.
    """
    network = _Network(onnx.load(model))
    network.quantise(crops)
    onnx.checker.check_model(network.model)
    part = path.with_suffix(".part")
    onnx.save(network.model, part)
    part.replace(path)


@dataclass(frozen=True)
class _Range:
    """The value of each step, and the step that stands for 0."""

    scale: np.float32
    zero: np.uint8

    @classmethod
    def of(cls, values: Array, low: float, high: float) -> _Range:
        """The range with the least error, for some of the values between `low` and `high`."""
        candidates = [cls._between(min(0.0, low * share), max(0.0, high * share)) for share in SHARES]
        return min(candidates, key=lambda candidate: candidate._error(values))

    @classmethod
    def _between(cls, low: float, high: float) -> _Range:
        scale = max((high - low) / STEPS, LEAST)
        return cls(np.float32(scale), np.uint8(round(-low / scale)))

    def _error(self, values: Array) -> float:
        rounded = np.clip(np.rint(values / self.scale) + self.zero, 0, STEPS)
        return float(np.mean(((rounded - self.zero) * self.scale - values) ** 2))


class _Network:
    """A model while it is quantised."""

    def __init__(self, model: Any) -> None:
        """model: as exported, with 8-bit weights or others."""
        self.model, self.graph = model, model.graph
        self.exported = model.SerializeToString()
        self.stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in self.graph.initializer}
        self.same = {node.output[0]: node.input[0] for node in self.graph.node if node.op_type == "Identity"}
        self.weights = self._weights()
        self.rounded: dict[str, str] = {}

    def quantise(self, crops: Sequence[Crop]) -> None:
        """Round the activations of all convolutions but those of IN_FULL, and what they need."""
        chosen = [node for node in self.graph.node if node.op_type == "Conv" and not _kept(node)]
        ranges = self._ranges(crops, {name for node in chosen for name in (node.input[0], self._answer(node))})
        answers = [self._answer(node) for node in chosen]
        for node in chosen:
            self._quantise(node, ranges)
        for answer in answers:
            self._replace(answer, self._rounded(answer, ranges[answer]))
        self._finish()

    def _weights(self) -> dict[str, Array]:
        """The weights of the convolutions in full; those that are not quantised are stored so."""
        makers = {node.output[0]: node for node in self.graph.node}
        weights = {}
        for node in [node for node in self.graph.node if node.op_type == "Conv"]:
            name = node.input[1]
            weights[name] = self._in_full(name, makers.get(name))
            self.stored.pop(name, None)
            if _kept(node):
                self._keep(name, weights[name])
        return weights

    def _in_full(self, name: str, maker: Any) -> Array:
        """The values of a tensor, which `maker` makes of stored ones unless it is None; it is removed."""
        if maker is None:
            return self._value(name)
        self.graph.node.remove(maker)
        if maker.op_type == "Identity":
            return self._value(name)
        whole, *scale = (self.stored.pop(part) for part in maker.input)
        values = np.asarray(whole, np.float32)
        return np.asarray(values * scale[0].reshape(-1, 1, 1, 1)) if scale else values

    def _answer(self, convolution: Any) -> str:
        """The tensor that is rounded: after the batch norm and the ReLU that follow a convolution, if any."""
        name = str(convolution.output[0])
        for kind in ("BatchNormalization", "Relu"):
            readers = [node for node in self.graph.node if name in node.input]
            if len(readers) == 1 and readers[0].op_type == kind:
                name = str(readers[0].output[0])
        return name

    def _ranges(self, crops: Sequence[Crop], names: Iterable[str]) -> dict[str, _Range]:
        model, names = onnx.load_from_string(self.exported), sorted(names)
        model.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        rng, seen = np.random.default_rng(0), [_Seen() for _ in names]
        for crop in crops:
            for each, values in zip(seen, session.run(names, dict(crop)), strict=True):
                each.add(values.ravel(), rng)
        return {name: each.range for name, each in zip(names, seen, strict=True)}

    def _quantise(self, node: Any, ranges: Mapping[str, _Range]) -> None:
        """Give a convolution rounded inputs and 8-bit weights with the batch norm folded in."""
        source, name = str(node.input[0]), str(node.input[1])
        factor, bias = self._folded(node)
        weights = self.weights[name]
        scale = np.maximum(np.abs(weights).reshape(len(weights), -1).max(1) / WHOLE, LEAST).astype(np.float32)
        sign = np.where(factor < 0, -1, 1)
        whole = np.rint(weights / scale.reshape(-1, 1, 1, 1)) * sign.reshape(-1, 1, 1, 1)
        # No smaller than the bias needs: the weights of a channel with a factor near 0 do not matter.
        least = np.maximum(np.abs(bias) / (ranges[source].scale * LARGEST_BIAS), LEAST)
        used = np.maximum(scale * np.abs(factor), least).astype(np.float32)
        self._keep(name + SCALE, scale * sign.astype(np.float32))  # to go on training from
        node.input[0] = self._rounded(source, ranges[source])
        self._unpacked(name, QUANTISED, whole.astype(np.int8), used)
        steps = (used * ranges[source].scale).astype(np.float32)
        del node.input[2:]
        node.input.append(name + BIAS)
        self._unpacked(name + BIAS, WIDE, np.rint(bias / steps).astype(np.int32), steps)

    def _folded(self, node: Any) -> tuple[Array, Array]:
        """The factor and the bias per channel of a convolution with its batch norm, which is removed."""
        readers = [other for other in self.graph.node if node.output[0] in other.input]
        if readers[0].op_type != "BatchNormalization":
            count = len(self.weights[node.input[1]])
            return np.ones(count, np.float32), self._value(node.input[2]) if len(node.input) > 2 else np.zeros(count)
        norm = readers[0]
        weight, bias, mean, variance = (self._value(name) for name in norm.input[1:5])
        factor = weight / np.sqrt(variance + next(item.f for item in norm.attribute if item.name == "epsilon"))
        node.output[0] = norm.output[0]
        self.graph.node.remove(norm)
        return factor, bias - mean * factor

    def _value(self, name: str) -> Array:
        return np.asarray(self.stored[self.same.get(name, name)])

    def _rounded(self, name: str, found: _Range) -> str:
        """The name of the rounded tensor `name`."""
        if name not in self.rounded:
            self.rounded[name] = name + ".rounded"
            steps = [self._keep(name + SCALE, found.scale), self._keep(name + ZERO, found.zero)]
            self._add("QuantizeLinear", [name, *steps], name + QUANTISED)
            self._add("DequantizeLinear", [name + QUANTISED, *steps], self.rounded[name])
        return self.rounded[name]

    def _unpacked(self, name: str, ending: str, whole: Array, scale: Array) -> None:
        """Store whole numbers with a scale per channel; `name` are their values."""
        parts = [self._keep(name + ending, whole), self._keep(name + FOLDED, scale)]
        self._add(
            "DequantizeLinear", [*parts, self._keep(name + ZERO, np.zeros(len(whole), whole.dtype))], name, axis=0
        )

    def _replace(self, name: str, other: str) -> None:
        for node in self.graph.node:
            if node.op_type != "QuantizeLinear":
                node.input[:] = [other if each == name else each for each in node.input]

    def _keep(self, name: str, value: Any) -> str:
        self.stored[name] = np.asarray(value)
        return name

    def _add(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        self.graph.node.append(helper.make_node(kind, inputs, [output], **attributes))

    def _finish(self) -> None:
        """Store the tensors, and put the nodes into an order in which each has its inputs."""
        del self.graph.initializer[:]
        self.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in self.stored.items())
        known = {"", *self.stored, *(value.name for value in self.graph.input)}
        waiting, ordered = list(self.graph.node), []
        while waiting:
            ready = next(node for node in waiting if known.issuperset(node.input))
            waiting.remove(ready)
            ordered.append(ready)
            known.update(ready.output)
        del self.graph.node[:]
        self.graph.node.extend(ordered)


class _Seen:
    """The values of a tensor over the crops: the least, the greatest and some of them."""

    def __init__(self) -> None:
        self._some: list[Array] = []
        self._low = self._high = 0.0

    def add(self, values: Array, rng: np.random.Generator) -> None:
        """Look at the values for one crop."""
        self._low, self._high = min(self._low, float(values.min())), max(self._high, float(values.max()))
        self._some.append(values[rng.integers(0, len(values), SAMPLES)])

    @property
    def range(self) -> _Range:
        """The best range for what was seen."""
        return _Range.of(np.concatenate(self._some), self._low, self._high)


def _kept(node: Any) -> bool:
    return any(part in node.name for part in IN_FULL)
