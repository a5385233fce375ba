"""Reads what an ONNX file says of its inputs and outputs, without loading its weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ELEMENT_NAMES = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64"}
LFS_POINTER = b"version https://git-lfs"
EXTERNAL = 1
VARINT_BITS = 64

Field = tuple[int, "int | memoryview"]


class ModelError(Exception):
    """The operator's network can't be used; the message is one line that says why and what to do."""


@dataclass(frozen=True)
class Tensor:
    """An input or output as the file declares it; a free dimension is None, and an undeclared shape is empty."""

    name: str
    element: str
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        """Return name, type and shape in the way that error messages show them."""
        sides = "x".join("?" if side is None else str(side) for side in self.shape)
        return f"{self.name}: {self.element} {sides or 'of unknown shape'}"


@dataclass(frozen=True)
class Graph:
    """What a network takes and gives, and the files beside it that hold its weights, if any."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    weight_files: tuple[str, ...]


def read_graph(model: Path) -> Graph:
    """Return the interface of the network in `model`.

    Field numbers are those of onnx.proto (ONNX, IR versions 3 and later). Weights are skipped, not read.
    Raises ModelError when the file is missing, empty, no ONNX file or cut short, or its weight files are missing.
    """
    data = _mapped(model)
    if bytes(data[: len(LFS_POINTER)]) == LFS_POINTER:
        raise ModelError(f"{model} is a Git LFS pointer and not the network itself: fetch the file it points to")
    try:
        graph = _graph(data)
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise ModelError(f"{model} is not an ONNX file, or it is cut short") from error
    _check_weight_files(model, graph)
    return graph


def _mapped(model: Path) -> memoryview:
    if not model.is_file():
        raise ModelError(f"{model} does not exist or is no file")
    try:
        return np.memmap(model, dtype=np.uint8, mode="r").data
    except (OSError, ValueError) as error:
        raise ModelError(f"{model} is empty or can't be read") from error


def _check_weight_files(model: Path, graph: Graph) -> None:
    missing = [name for name in graph.weight_files if not (model.parent / name).is_file()]
    if missing:
        raise ModelError(f"{model} keeps its weights in {', '.join(missing)}, which must lie in the same folder")


def _graph(data: memoryview) -> Graph:
    body = _messages(data, 7)
    if len(body) != 1:
        raise ValueError("no graph")
    weights = [_weight(part) for part in _messages(body[0], 5)]
    constant = {name for name, _ in weights}
    inputs = [_tensor(part) for part in _messages(body[0], 11)]
    return Graph(
        # Before IR version 4 every weight had to be listed among the inputs too.
        inputs=tuple(tensor for tensor in inputs if tensor.name not in constant),
        outputs=tuple(_tensor(part) for part in _messages(body[0], 12)),
        weight_files=tuple(sorted({place for _, place in weights if place})),
    )


def _weight(data: memoryview) -> tuple[str, str]:
    if _number(data, 14) != EXTERNAL:
        return _text(data, 8), ""
    entries = {_text(entry, 1): _text(entry, 2) for entry in _messages(data, 13)}
    return _text(data, 8), entries.get("location", "")


def _tensor(data: memoryview) -> Tensor:
    shape: tuple[int | None, ...] = ()
    element = 0
    for kind in _messages(data, 2):
        for tensor in _messages(kind, 1):
            element = _number(tensor, 1)
            shape = tuple(_number(side, 1) or None for sides in _messages(tensor, 2) for side in _messages(sides, 1))
    return Tensor(_text(data, 1), ELEMENT_NAMES.get(element, f"type {element}"), shape)


def _messages(data: memoryview, number: int) -> list[memoryview]:
    return [value for field, value in _fields(data) if field == number and isinstance(value, memoryview)]


def _number(data: memoryview, number: int) -> int:
    return next((value for field, value in _fields(data) if field == number and isinstance(value, int)), 0)


def _text(data: memoryview, number: int) -> str:
    return "".join(bytes(part).decode("utf-8") for part in _messages(data, number))


def _fields(data: memoryview) -> Iterator[Field]:
    """Yield (field number, value) of one protobuf message: an int for numbers, a view for everything with a length.

    Raises ValueError or IndexError on bytes that are no protobuf message.
    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        length, at = _varint(data, at) if wire == 2 else (_fixed_length(wire), at)
        if at + length > len(data):
            raise ValueError("cut short")
        yield number, data[at : at + length]
        at += length


def _fixed_length(wire: int) -> int:
    if wire not in (1, 5):
        raise ValueError("unknown wire type")
    return 8 if wire == 1 else 4


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, VARINT_BITS + 6, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("number too long")
