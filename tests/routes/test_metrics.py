"""Metrics for Prometheus: served if enabled, correct, and few."""

import os
import re
import signal

from prometheus_client.parser import text_string_to_metric_families

from image_erase.metrics import Metrics
from support.documents import first_cells
from support.envelope import assert_failure, assert_success
from support.multipart import body_of, content_type, file_part
from support.pictures import mask_file, photo_file
from support.processes import until
from support.raw import connected, exchange, head_of
from support.server import KEY, PATH, Client, Server, StartServer, continue_workers

LABELS = ("endpoint", "status", "code", "engine", "le")
Samples = dict[tuple[str, ...], float]
COUNTED = [("image_erase_requests_total", endpoint) for endpoint in (PATH, "/results")]


def samples(text: str) -> Samples:
    """(name, label values...) -> value."""
    return {
        (sample.name, *(sample.labels[name] for name in LABELS if name in sample.labels)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scraped(client: Client) -> Samples:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return samples(answer.text)


def test_off_unless_asked_for(client: Client) -> None:
    assert_failure(client.get("/metrics"), "ERROR_AI_NOT_EXISTS")


def test_a_request_is_counted_once_with_all_that_it_did(start_server: StartServer) -> None:
    own: Server = start_server(metrics=True, engine="opencv")
    url = assert_success(own.client.erase(), own.base)
    size = len(own.client.get(url).content)
    own.client.erase(key="unknown")
    # A request is counted when its answer has been sent.
    until(
        lambda: sum(value for key, value in scraped(own.client).items() if key[:2] in COUNTED) == 3, "all are counted"
    )
    seen = scraped(own.client)
    assert seen["image_erase_requests_total", PATH, "200", ""] == 1
    assert seen["image_erase_requests_total", PATH, "401", "ERROR_APPLICATIONS_NOT_EXISTS"] == 1
    assert seen["image_erase_requests_total", "/results", "200", ""] == 1
    for stage in ("queue", "decode", "erase", "encode", "store"):
        assert seen[f"image_erase_{stage}_seconds_count",] == 1
        assert 0 <= seen[f"image_erase_{stage}_seconds_sum",] < 30
    assert seen["image_erase_engine_jobs_total", "opencv"] == 1
    assert seen["image_erase_stored_bytes_total",] == size
    assert seen["image_erase_worker_restarts_total",] == 0
    assert seen["process_open_fds",] > 0
    assert (seen["image_erase_jobs_waiting",], seen["image_erase_jobs_running",]) == (0, 0)
    assert scraped(own.client)["image_erase_requests_total", "/metrics", "200", ""] >= 1


def test_any_number_of_paths_makes_few_names(start_server: StartServer) -> None:
    own: Server = start_server(metrics=True)
    for path in ("/a", "/b/c", "/results/x/2026-01-01/y.png", "/results/z/2026-01-01/y.png", "/results/q"):
        own.client.get(path)
    for path in ("/static-offline-docs/a", "/static-offline-docs/b"):
        own.client.get(path)
    exchange(own.client.address, b"GET / HTTP/1.1\r\nbroken\r\n\r\n", "GET")

    def requests() -> Samples:
        seen = {key[1:]: value for key, value in scraped(own.client).items() if key[0] == "image_erase_requests_total"}
        return {key: value for key, value in seen.items() if key[0] != "/metrics"}

    until(lambda: sum(requests().values()) == 8, "all are counted")
    assert requests() == {
        ("none", "404", "ERROR_AI_NOT_EXISTS"): 3,
        ("none", "400", "ERROR_PARAMETERS"): 1,
        ("/results", "403", "ERROR_ILLEGAL_OPERATION"): 2,
        ("/static-offline-docs", "404", "ERROR_AI_NOT_EXISTS"): 2,
    }


def test_jobs_now(start_server: StartServer) -> None:
    own: Server = start_server(metrics=True, queue=1)
    stopped = own.stop_workers()
    taken = [own.client.start_erase(), own.client.start_erase()]
    until(own.client.is_full, "both jobs are taken")
    seen = scraped(own.client)
    assert (seen["image_erase_jobs_waiting",], seen["image_erase_jobs_running",]) == (1, 1)
    assert seen["image_erase_workers_ready",] == 1
    assert seen["image_erase_requests_total", PATH, "429", "EXCEEDING_LIMITS"] >= 1
    continue_workers(stopped)
    for answer in taken:
        assert_success(answer.result(), own.base)


def test_a_client_that_left_got_no_status(start_server: StartServer) -> None:
    own: Server = start_server(metrics=True, queue=0)
    own.stop_workers()
    body = body_of([file_part("image", photo_file()), file_part("user_mask", mask_file())])
    headers = {"Host": "x", "Content-Type": content_type(), "ailabapi-api-key": KEY, "Content-Length": str(len(body))}
    with connected(own.client.address) as leaving:
        leaving.sendall(head_of(PATH, headers) + body)
        until(lambda: scraped(own.client)["image_erase_jobs_running",] == 1, "the job is taken")
    until(lambda: ("image_erase_requests_total", PATH, "0", "") in scraped(own.client), "its leaving is counted")
    seen = scraped(own.client)
    assert seen["image_erase_jobs_running",] == 0
    assert seen["image_erase_requests_total", PATH, "0", ""] == 1


def test_workers_that_were_replaced(start_server: StartServer) -> None:
    own: Server = start_server(metrics=True)
    (pid,) = own.workers()
    os.kill(pid, signal.SIGKILL)
    until(lambda: own.workers() - {pid}, "the worker is replaced")
    until(lambda: scraped(own.client)["image_erase_worker_restarts_total",] == 1, "it is counted")


def test_files_swept(start_server: StartServer) -> None:
    own: Server = start_server(metrics=True, sweep_interval_seconds=0.05, result_ttl_seconds=1)
    for _ in range(2):
        assert_success(own.client.erase(), own.base)
    own.clock.now += 2
    until(lambda: own.results == [], "the results are swept")
    until(lambda: scraped(own.client)["image_erase_swept_files_total",] == 2, "both are counted")


def test_two_servers_count_apart(start_server: StartServer) -> None:
    one: Server = start_server(metrics=True)
    other: Server = start_server(metrics=True)
    assert_success(one.client.erase(), one.base)
    assert ("image_erase_requests_total", PATH, "200", "") not in scraped(other.client)


def test_a_broken_worker_creates_few_names() -> None:
    metrics = Metrics()
    for number in range(1000):
        metrics.job_done(dict.fromkeys(("decode", "erase", "encode"), 0.1), [f"engine{number}", f"a b{number}"])
    names = {key[1] for key in samples(metrics.text().decode()) if key[0] == "image_erase_engine_jobs_total"}
    assert len(names) <= 17
    assert "other" in names


def test_every_metric_is_documented(start_server: StartServer) -> None:
    own: Server = start_server(metrics=True)
    there = {name.removesuffix("_total") for name in re.findall(r"^# TYPE image_erase_(\w+)", metrics_of(own), re.M)}
    named = first_cells("docs/operating.md", "Name, after `image_erase_`")
    assert {name.removesuffix("_total") for name in named} == {name for name in there if not name.endswith("_created")}


def metrics_of(own: Server) -> str:
    return own.client.get("/metrics").text
