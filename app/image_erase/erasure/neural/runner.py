"""Runs an ONNX graph: by OpenCV's DNN, or by onnxruntime where OpenCV can't and it is installed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from .graph import ModelError

Array = NDArray[Any]
Backend = Literal["auto", "opencv", "onnxruntime"]


class Runner(Protocol):
    """A loaded network."""

    name: str

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Return the network's answers for inputs of the shapes and types that the graph declares."""


class OpenCVRunner:
    """OpenCV 5's graph engine on the CPU, with as many threads as `cv2.setNumThreads` allows.

    It takes free heights and widths and uint8 inputs, which OpenCV's classic engine does not in every graph.
    """

    name = "opencv"

    def __init__(self, model: Path, outputs: Sequence[str]) -> None:
        """Load `model`; `outputs` names the tensors that `run` returns. Raises cv2.error when it can't be loaded."""
        self._net = cv2.dnn.readNetFromONNX(str(model), cv2.dnn.ENGINE_NEW)
        if self._net.empty():
            raise cv2.error("the graph has operators that it lacks")
        self._outputs = list(outputs)

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Return copies of the outputs. Raises cv2.error when the graph can't be run."""
        for name, value in inputs.items():
            self._net.setInput(value, name)
        return [np.array(answer) for answer in self._net.forward(self._outputs)]


class OnnxRuntimeRunner:
    """Microsoft's onnxruntime (the optional extra `onnx`) on one CPU thread."""

    name = "onnxruntime"

    def __init__(self, model: Path, outputs: Sequence[str]) -> None:
        """Load `model`. Raises ImportError when onnxruntime isn't installed, and its own errors."""
        runtime: Any = importlib.import_module("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = runtime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._outputs = list(outputs)

    def run(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Return the outputs. Raises onnxruntime's own errors."""
        return [np.asarray(answer) for answer in self._session.run(self._outputs, dict(inputs))]


def open_runner(
    model: Path, outputs: Sequence[str], trial: Mapping[str, Array], backend: Backend = "auto"
) -> tuple[Runner, list[Array]]:
    """Return a runner, OpenCV's by preference, and its answers to the inputs `trial`.

    Raises ModelError when none can: a graph may load and still fail on its first run, so both are tried here.
    """
    if backend == "onnxruntime":
        return _with_onnxruntime(model, outputs, trial, "")
    try:
        runner = OpenCVRunner(model, outputs)
        answers = runner.run(trial)
    except cv2.error as error:
        reason = f"OpenCV can't run {model} ({_first_line(error)})"
        if backend == "opencv":
            raise ModelError(reason) from error
        return _with_onnxruntime(model, outputs, trial, reason)
    return runner, answers


def _with_onnxruntime(
    model: Path, outputs: Sequence[str], trial: Mapping[str, Array], reason: str
) -> tuple[Runner, list[Array]]:
    try:
        runner = OnnxRuntimeRunner(model, outputs)
        answers = runner.run(trial)
    except ImportError as error:
        because = f"{reason} and " if reason else ""
        raise ModelError(f"{because}onnxruntime is not installed: pip install 'image-erase[onnx]'") from error
    except Exception as error:  # onnxruntime's errors share no base class of their own
        because = f"{reason}, and " if reason else ""
        raise ModelError(f"{because}onnxruntime can't run {model} ({_first_line(error)})") from error
    return runner, answers


def _first_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
