"""Run ONNX graphs by onnxruntime, on one thread of the CPU."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from image_erase.erasure.failures import ModelError

Array = NDArray[Any]

LFS_POINTER = b"version https://git-lfs"

ELEMENTS = {"float": "float32", "double": "float64"}
"""Names of element types that differ between onnxruntime and NumPy."""

NO_TELEMETRY = "ORT_DISABLE_TELEMETRY", "1"
"""From 1.29 on, onnxruntime sends telemetry unless this is in the environment before it is imported. Those versions are
excluded by the requirements; this protects users who install one nevertheless."""

SILENT = 4
"""Log level at which onnxruntime prints nothing; its exceptions contain the same messages."""

EXACT_SUMS = "session.x64quantprecision", "1"
"""Without instructions for 8-bit products, onnxruntime otherwise clips sums of them. With such instructions this would
only take twice the time."""

PROCESSOR = Path("/proc/cpuinfo")

SUMS_BYTES = "vnni"
"""Part of the names of such instructions: avx512_vnni, avx_vnni, avx_vnni_int8."""

ROUNDS_ACTIVATIONS = b"QuantizeLinear"
"""The operator that makes 8-bit numbers of activations; weights are stored in 8 bits and need only DequantizeLinear."""

OUT_OF_MEMORY = "bad_alloc", "Failed to allocate memory"

MESSAGE_CHARACTERS = 300


@dataclass(frozen=True)
class Tensor:
    """An input or output as the file declares it; a free dimension is None, and an undeclared shape is empty."""

    name: str
    element: str
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        """Return name, type and shape, formatted for error messages."""
        sides = "x".join("?" if side is None else str(side) for side in self.shape)
        return f"{self.name}: {self.element} {sides or 'of unknown shape'}"


class Graph:
    """A loaded network. inputs, outputs: its tensors, without the weights."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def __init__(self, model: Path, *, unpacked: bool = False) -> None:
        """Load `model`, and weights stored beside it.

        unpacked: convert quantised weights to floats once, now, instead of in every run; this takes four times their
        size in memory. It has no effect on a network whose activations are quantised too. Raises ModelError if the
        file is missing or not a network, and MemoryError.
        """
        _check_file(model)
        self._model = model
        try:
            self._session = _session(model, unpacked)
        except ImportError as error:
            raise ModelError(f"{model} needs onnxruntime, which is not installed: install the requirements") from error
        except Exception as error:  # onnxruntime's errors share no base class of their own
            raise _explained(error, f"{model} is not an ONNX file, is cut short, or cannot be loaded") from error
        _give_back_memory()
        self.inputs = tuple(map(_tensor, self._session.get_inputs()))
        self.outputs = tuple(map(_tensor, self._session.get_outputs()))

    def run(self, outputs: Sequence[str], inputs: Mapping[str, Array]) -> list[Array]:
        """Return the named outputs for inputs of the shapes and types that the graph declares.

        Raises ModelError if the graph cannot be run with them, and MemoryError.
        """
        try:
            return [np.asarray(answer) for answer in self._session.run(list(outputs), dict(inputs))]
        except Exception as error:
            raise _explained(error, f"{self._model} cannot be run") from error


def _check_file(model: Path) -> None:
    try:
        with model.open("rb") as file:
            start = file.read(len(LFS_POINTER))
    except OSError as error:
        raise ModelError(f"{model} does not exist or is no file") from error
    if not start:
        raise ModelError(f"{model} is empty")
    if start == LFS_POINTER:
        raise ModelError(f"{model} is a Git LFS pointer and not the network itself: fetch the file it points to")


def _session(model: Path, unpacked: bool) -> Any:
    """A session that keeps no memory between runs: runs are few, and pictures need the memory."""
    os.environ.setdefault(*NO_TELEMETRY)
    import onnxruntime  # noqa: PLC0415, takes 0.1 s, and only where a network is used

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = SILENT
    options.enable_cpu_mem_arena = False
    if not sums_bytes():
        options.add_session_config_entry(*EXACT_SUMS)
    if unpacked and not _rounds_activations(model):
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _rounds_activations(model: Path) -> bool:
    with model.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(ROUNDS_ACTIVATIONS) >= 0


def sums_bytes(processor: Path = PROCESSOR) -> bool:
    """Whether the processor is known to have instructions for sums of 8-bit products, by Linux's description of it."""
    try:
        return SUMS_BYTES in processor.read_text()
    except OSError:
        return False


def _give_back_memory() -> None:
    """Return freed memory of loading, about twice the size of the weights, to the system if libc can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)


def _tensor(declared: Any) -> Tensor:
    element = declared.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(side if isinstance(side, int) else None for side in declared.shape or ())
    return Tensor(declared.name, ELEMENTS.get(element, element), shape)


def _explained(error: Exception, what: str) -> Exception:
    """The exception for an error of onnxruntime: MemoryError, or ModelError with `what` and the reason."""
    reason = " ".join(str(error).split())
    if isinstance(error, MemoryError) or any(words in reason for words in OUT_OF_MEMORY):
        return MemoryError(reason)
    # "[ONNXRuntimeError] : 1 : FAIL : reason"
    return ModelError(f"{what} ({reason.split(' : ', 3)[-1][:MESSAGE_CHARACTERS] or type(error).__name__})")
