"""Metrics of the server in the Prometheus text format."""

import platform
import re
from collections.abc import Callable, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from image_erase import __version__
from image_erase.observer import Observer

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_PREFIX = "image_erase"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0)
_STAGES = ("decode", "erase", "encode")
_ENGINE = re.compile(r"[a-z][a-z0-9_-]{0,31}")
# A broken worker could report new engine names without end, and each would create a time series.
_MAX_ENGINES = 16


class Metrics(Observer):
    """Counters in a registry of their own, so that two servers in one process count separately."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        build = Info(f"{_PREFIX}_build", "Version of the server and of its Python", registry=registry)
        build.info({"version": __version__, "python": platform.python_version()})
        self._requests = Counter(
            f"{_PREFIX}_requests",
            "Requests; status is 0 if the client disconnected first, code is empty on success",
            ("endpoint", "status", "code"),
            registry=registry,
        )
        self._waited = self._histogram("queue_seconds", "How long jobs waited for a worker")
        self._stages = {
            stage: self._histogram(f"{stage}_seconds", f"How long it took to {stage} in a job") for stage in _STAGES
        }
        self._stored = self._histogram("store_seconds", "How long it took to store a result")
        self._engines = self._counter("engine_jobs", "Jobs in which an engine filled something", "engine")
        self._bytes = self._counter("stored_bytes", "Bytes of results stored")
        self._swept = self._counter("swept_files", "Expired files deleted")
        self._restarts = self._counter("worker_restarts", "Workers that ended or were killed, and were replaced")
        self._failures = self._counter("task_failures", "Failures of a background task", "task")
        self._engines_seen: set[str] = set()

    def gauge(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """Add a gauge whose value is computed on every scrape."""
        Gauge(f"{_PREFIX}_{name}", meaning, registry=self._registry).set_function(value)

    def text(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        return generate_latest(self._registry)

    def request_ended(self, endpoint: str, status: int | None, code: str) -> None:
        """See Observer."""
        self._requests.labels(endpoint, status or 0, code).inc()

    def job_began(self, waited: float) -> None:
        """See Observer."""
        self._waited.observe(waited)

    def job_done(self, seconds: Mapping[str, float], engines: Sequence[str]) -> None:
        """See Observer."""
        for stage, histogram in self._stages.items():
            histogram.observe(seconds[stage])
        for engine in engines[:_MAX_ENGINES] or ("none",):
            self._engines.labels(self._known_engine(engine)).inc()

    def result_stored(self, seconds: float, size: int) -> None:
        """See Observer."""
        self._stored.observe(seconds)
        self._bytes.inc(size)

    def swept(self, deleted: int) -> None:
        """See Observer."""
        self._swept.inc(deleted)

    def task_failed(self, task: str) -> None:
        """See Observer."""
        self._failures.labels(task).inc()

    def worker_ended(self) -> None:
        """See Observer."""
        self._restarts.inc()

    def _known_engine(self, engine: str) -> str:
        if _ENGINE.fullmatch(engine) and (engine in self._engines_seen or len(self._engines_seen) < _MAX_ENGINES):
            self._engines_seen.add(engine)
            return engine
        return "other"

    def _histogram(self, name: str, meaning: str) -> Histogram:
        return Histogram(f"{_PREFIX}_{name}", meaning, buckets=_SECONDS, registry=self._registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", meaning, labels, registry=self._registry)
