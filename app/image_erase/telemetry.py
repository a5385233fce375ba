"""Export traces and metrics by OpenTelemetry (extra `otel`). The SDK's OTEL_ variables configure it."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from image_erase import __version__
from image_erase.observer import Observer, Served
from image_erase.settings import OperationSettings, SettingsError

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Observation
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

_SCOPE = "image_erase"
#: Longest time for exporting what is left when the server stops, in seconds.
STOP_SECONDS = 5


@dataclass(frozen=True)
class Providers:
    """The exporters of traces and metrics."""

    traces: "TracerProvider"
    metrics: "MeterProvider"

    async def stop(self) -> None:
        """Export what is left, within about STOP_SECONDS."""
        metrics = asyncio.to_thread(self.metrics.shutdown, STOP_SECONDS * 1000)
        await asyncio.gather(asyncio.to_thread(self.traces.shutdown), metrics, return_exceptions=True)


def providers(settings: OperationSettings) -> Providers | None:
    """Return the exporters over OTLP, None if they are off. Raises SettingsError if the extra is not installed."""
    if not settings.otel:
        return None
    try:
        # Imported late: it takes 0.3 s and is optional.
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
        from opentelemetry.sdk.resources import (  # noqa: PLC0415
            SERVICE_NAME,
            SERVICE_VERSION,
            OTELResourceDetector,
            Resource,
        )
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise SettingsError("ERASE_OTEL: needs the extra otel (pip install 'image-erase[otel]')") from None
    defaults = Resource({SERVICE_NAME: "image-erase", SERVICE_VERSION: __version__})
    resource = Resource.create().merge(defaults).merge(OTELResourceDetector().detect())
    traces = TracerProvider(resource=resource)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=STOP_SECONDS)))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(timeout=STOP_SECONDS))
    return Providers(traces, MeterProvider((reader,), resource=resource))


class Telemetry(Observer):
    """Turns the events of the server into spans and metrics.

    A request becomes a span of kind server, child of the caller's span if the request has a `traceparent`; the stages
    of the request become its children. Those of the worker are measured by it and sent with the result.
    """

    def __init__(self, providers: Providers) -> None:
        self._tracer = providers.traces.get_tracer(_SCOPE, __version__)
        self._meter = meter = providers.metrics.get_meter(_SCOPE, __version__)
        self._requests = meter.create_histogram("http.server.request.duration", "s", "Duration of requests")
        self._stages = meter.create_histogram("image_erase.stage.duration", "s", "Duration of the stages of requests")
        self._engines = meter.create_counter("image_erase.engine.jobs", "{job}", "Jobs by engine")
        self._stored = meter.create_counter("image_erase.stored", "By", "Bytes of results stored")
        self._swept = meter.create_counter("image_erase.swept", "{file}", "Expired files deleted")
        self._restarts = meter.create_counter("image_erase.worker.restarts", "{worker}", "Workers replaced")
        self._failures = meter.create_counter("image_erase.task.failures", "{failure}", "Failures of background tasks")

    def gauge(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """Add a gauge whose value is read for every export."""
        from opentelemetry.metrics import Observation  # noqa: PLC0415

        def observed(_: "CallbackOptions") -> "Iterable[Observation]":
            return [Observation(value())]

        self._meter.create_observable_gauge(f"{_SCOPE}.{name}", [observed], description=meaning)

    def request_served(self, served: Served) -> None:
        """See Observer."""
        from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        attributes = _attributes(served)
        self._requests.record(served.seconds, attributes)
        caller = TraceContextTextMapPropagator().extract(dict(served.trace))
        span = self._tracer.start_span(
            f"{served.method} {served.endpoint}",
            caller,
            SpanKind.SERVER,
            {**attributes, "image_erase.request_id": served.request_id},
            start_time=_nanoseconds(served.started),
        )
        inside = set_span_in_context(span, caller)
        for stage in served.stages:
            self._stages.record(stage.seconds, {"image_erase.stage": stage.name})
            started = served.started + stage.started
            child = self._tracer.start_span(
                stage.name, inside, attributes=stage.attributes, start_time=_nanoseconds(started)
            )
            child.end(_nanoseconds(started + stage.seconds))
        if served.status is None or served.status >= 500:
            span.set_status(Status(StatusCode.ERROR, served.code or "disconnected"))
        span.end(_nanoseconds(served.started + served.seconds))

    def job_done(self, seconds: Mapping[str, float], engines: Sequence[str]) -> None:
        """See Observer."""
        self._engines.add(1, {"image_erase.engine": "+".join(engines) or "none"})

    def result_stored(self, seconds: float, size: int) -> None:
        """See Observer."""
        self._stored.add(size)

    def swept(self, deleted: int) -> None:
        """See Observer."""
        self._swept.add(deleted)

    def task_failed(self, task: str) -> None:
        """See Observer."""
        self._failures.add(1, {"image_erase.task": task})

    def worker_ended(self) -> None:
        """See Observer."""
        self._restarts.add(1)


def _attributes(served: Served) -> dict[str, str | int]:
    """Return the attributes of a request, by the semantic conventions of OpenTelemetry for HTTP servers."""
    known: dict[str, str | int | None] = {
        "http.request.method": served.method,
        "http.route": served.endpoint,
        "http.response.status_code": served.status,
        "error.type": served.code or (None if served.status else "disconnected"),
    }
    return {name: value for name, value in known.items() if value is not None}


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
