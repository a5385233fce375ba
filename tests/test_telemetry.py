"""Traces and metrics by OpenTelemetry: kept in memory, and sent to a collector in the test."""

import gzip
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from image_erase.observer import Observers, Served, Stage
from image_erase.settings import SettingsError, load_settings
from image_erase.telemetry import Providers, Telemetry, providers
from support.envelope import assert_failure, assert_success
from support.processes import until
from support.server import CommandServer

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SERVED = Served(
    "POST",
    "/api/image/editing/image-erase",
    200,
    "",
    "AN-ID",
    1_700_000_000.0,
    0.5,
    (Stage("queue", 0.1, 0.1), Stage("erase", 0.2, 0.2, {"image_erase.engine": "exemplar"})),
    {"traceparent": f"00-{TRACE}-{CALLER}-01"},
)


class Memory:
    """Telemetry whose spans and metrics stay in memory."""

    def __init__(self) -> None:
        self._spans, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        traces = TracerProvider()
        traces.add_span_processor(SimpleSpanProcessor(self._spans))
        self.telemetry = Telemetry(Providers(traces, MeterProvider((self._reader,))))

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self._spans.get_finished_spans()}

    def metrics(self) -> dict[str, Any]:
        """The data points of each metric."""
        data = self._reader.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
        return {metric.name: list(metric.data.data_points) for scope in scopes for metric in scope.metrics}


class TestSpans:
    def test_a_request_and_its_stages(self) -> None:
        memory = Memory()
        memory.telemetry.request_served(SERVED)
        request = memory.spans["POST /api/image/editing/image-erase"]
        assert request.kind is SpanKind.SERVER
        assert request.attributes == {
            "http.request.method": "POST",
            "http.route": "/api/image/editing/image-erase",
            "http.response.status_code": 200,
            "image_erase.request_id": "AN-ID",
        }
        assert (request.start_time, request.end_time) == (1_700_000_000 * 10**9, 1_700_000_000 * 10**9 + 5 * 10**8)
        erase = memory.spans["erase"]
        assert erase.parent
        assert request.context
        assert erase.parent.span_id == request.context.span_id
        assert erase.attributes == {"image_erase.engine": "exemplar"}
        assert request.start_time
        assert request.end_time
        for stage in ("queue", "erase"):
            span = memory.spans[stage]
            assert request.start_time < (span.start_time or 0) < (span.end_time or 0) < request.end_time

    def test_the_callers_trace_is_continued(self) -> None:
        memory = Memory()
        memory.telemetry.request_served(SERVED)
        request = memory.spans["POST /api/image/editing/image-erase"]
        assert request.context
        assert request.parent
        assert f"{request.context.trace_id:032x}" == TRACE
        assert f"{request.parent.span_id:016x}" == CALLER

    @pytest.mark.parametrize("trace", [{}, {"traceparent": "nonsense"}, {"traceparent": "00-" + "0" * 32 + "-x-01"}])
    def test_without_one_a_new_trace_begins(self, trace: dict[str, str]) -> None:
        memory = Memory()
        memory.telemetry.request_served(replace(SERVED, trace=trace))
        assert memory.spans["POST /api/image/editing/image-erase"].parent is None

    @pytest.mark.parametrize(("status", "code"), [(502, "FILE_SERVICE_ERROR"), (None, "")])
    def test_failures_of_the_server_are_errors(self, status: int | None, code: str) -> None:
        memory = Memory()
        memory.telemetry.request_served(replace(SERVED, status=status, code=code))
        span = memory.spans["POST /api/image/editing/image-erase"]
        assert span.status.status_code is StatusCode.ERROR
        assert (span.attributes or {})["error.type"] == (code or "disconnected")

    def test_failures_of_clients_are_none(self) -> None:
        memory = Memory()
        memory.telemetry.request_served(replace(SERVED, status=400, code="ERROR_PARAMETERS"))
        span = memory.spans["POST /api/image/editing/image-erase"]
        assert span.status.status_code is StatusCode.UNSET


def test_metrics() -> None:
    memory = Memory()
    both = Observers(memory.telemetry, memory.telemetry)
    both.request_served(SERVED)
    both.job_done({"decode": 0.1, "erase": 0.2, "encode": 0.1}, ["exemplar"])
    both.result_stored(0.1, 1000)
    both.swept(3)
    both.task_failed("sweep")
    both.worker_ended()
    memory.telemetry.gauge("jobs_waiting", "Jobs waiting", lambda: 7)
    found = memory.metrics()
    assert found["http.server.request.duration"][0].count == 2
    assert {point.attributes["image_erase.stage"] for point in found["image_erase.stage.duration"]} == {
        "queue",
        "erase",
    }
    assert found["image_erase.engine.jobs"][0].value == 2
    assert found["image_erase.stored"][0].value == 2000
    assert found["image_erase.swept"][0].value == 6
    assert found["image_erase.task.failures"][0].attributes == {"image_erase.task": "sweep"}
    assert found["image_erase.worker.restarts"][0].value == 2
    assert found["image_erase.jobs_waiting"][0].value == 7


class Collector:
    """Receives OTLP over HTTP."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.resources: list[dict[str, str]] = []
        self.metrics: set[str] = set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.take(self.path, body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def take(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resources.append({each.key: each.value.string_value for each in resource.resource.attributes})
                self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        else:
            for metrics in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.metrics |= {metric.name for scope in metrics.scope_metrics for metric in scope.metrics}

    def __enter__(self) -> "Collector":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture(scope="module")
def own(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandServer]:
    storage, logs = tmp_path_factory.mktemp("storage"), tmp_path_factory.mktemp("logs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        patch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "200")
        running = CommandServer(storage, logs, OTEL="true")
    with running:
        yield running


def spans_of(collector: Collector, trace: str) -> dict[str, Any]:
    return {span.name: span for span in list(collector.spans) if span.trace_id.hex() == trace}


class TestCollector:
    def test_gets_a_span_for_each_stage(self, own: CommandServer, collector: Collector) -> None:
        assert_success(own.client.erase(headers={"traceparent": f"00-{TRACE}-{CALLER}-01"}), own.base)
        until(lambda: len(spans_of(collector, TRACE)) >= 7, "the spans arrive")
        spans = spans_of(collector, TRACE)
        request = spans["POST /api/image/editing/image-erase"]
        stages = ["receive", "queue", "decode", "erase", "encode", "store"]
        assert set(spans) == {request.name, *stages}
        assert request.parent_span_id.hex() == CALLER
        for name in stages:
            assert spans[name].parent_span_id == request.span_id
            assert request.start_time_unix_nano - 10**8 < spans[name].start_time_unix_nano
            assert spans[name].end_time_unix_nano < request.end_time_unix_nano + 10**8
        starts = [spans[name].start_time_unix_nano for name in stages]
        assert starts == sorted(starts)

    def test_learns_who_sends(self, own: CommandServer, collector: Collector) -> None:
        assert_failure(own.client.erase(key="unknown"), "ERROR_APPLICATIONS_NOT_EXISTS")
        until(lambda: collector.resources, "a span arrives")
        assert collector.resources[0]["service.name"] == "image-erase"
        assert collector.resources[0]["service.version"]

    def test_gets_metrics(self, own: CommandServer, collector: Collector) -> None:
        assert_success(own.client.erase(), own.base)
        wanted = {"http.server.request.duration", "image_erase.stage.duration", "image_erase.jobs_waiting"}
        until(lambda: wanted <= collector.metrics, "the metrics arrive")

    def test_hears_nothing_of_health_checks(self, own: CommandServer, collector: Collector) -> None:
        for _ in range(3):
            own.client.get("/healthz")
        assert own.client.get("/docs").status_code == 200
        until(lambda: any(span.name == "GET /docs" for span in list(collector.spans)), "a later span arrives")
        assert not [span for span in collector.spans if "healthz" in span.name or "readyz" in span.name]


def test_the_last_spans_are_sent_when_it_stops(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    with Collector() as collector, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "600000")
        patch.setenv("OTEL_SERVICE_NAME", "eraser")
        with CommandServer(tmp_path / "storage", logs, OTEL="true") as own:
            assert_success(own.client.erase(), own.base)
            own.process.terminate()
            assert own.process.wait(30) == 0
        assert any(span.name == "erase" for span in collector.spans)
        assert collector.resources[0]["service.name"] == "eraser"


@pytest.mark.hostile
def test_a_collector_that_is_away_harms_nobody(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        with CommandServer(tmp_path / "storage", logs, OTEL="true") as own:
            for _ in range(3):
                assert_success(own.client.erase(), own.base)
            own.process.terminate()
            assert own.process.wait(30) == 0


def test_off_by_default() -> None:
    assert providers(load_settings()) is None


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(SettingsError, match="needs the extra otel"):
        providers(load_settings(otel=True))
