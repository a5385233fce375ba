"""A step as a CUDA graph: all its kernels are launched at once, where Python would be slower than they are."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UPS = 4
"""Steps before the recording: they compile, choose algorithms and make the optimisers' state."""


class Recorded:
    """A function that works on the same tensors in every call, recorded when it is first needed."""

    def __init__(self, function: Callable[[], dict[str, Tensor]]) -> None:
        self._function = function
        self._graph: torch.cuda.CUDAGraph | None = None
        self._results: dict[str, Tensor] = {}

    def __call__(self) -> dict[str, Tensor]:
        """Run it; the results are valid until the next call."""
        if self._graph is None:
            self._graph = self._record()
        torch.cuda.current_stream().synchronize()  # or steps queue up, for many seconds
        self._graph.replay()
        return self._results

    def _record(self) -> torch.cuda.CUDAGraph:
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                self._function()
        torch.cuda.current_stream().wait_stream(stream)
        torch.cuda.synchronize()
        with torch.cuda.graph(graph):
            self._results = self._function()
        return graph
