"""Measure the stages of a job."""

import time


class Stopwatch:
    """Milliseconds spent in each stage."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def stage(self, name: str) -> None:
        """End a stage, which started when the previous one ended."""
        now = time.perf_counter()
        self.milliseconds[f"{name}_ms"] = round((now - self._since) * 1000, 1)
        self._since = now
