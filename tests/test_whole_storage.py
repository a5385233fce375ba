"""Failures of the storage of results."""

import logging
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.envelope import assert_failure, assert_success
from support.mounts import MS_RDONLY, MS_REMOUNT, mount_small, read_only, unmount
from support.pictures import mask_file, noise_file, photo_file
from support.processes import until
from support.server import Server, StartServer, files

BASE64_PATH = "/api/image/editing/remove-objects-advanced"
KIB = 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount_small(disk, "256k")
    try:
        yield disk
    finally:
        unmount(disk)


def test_disk_full(small_disk: Path, tmp_path: Path) -> None:
    with Server(small_disk) as own:
        kept = assert_success(own.client.erase(), own.base)
        size = (400, 400)
        large, mask = noise_file(size), mask_file(size)
        assert_failure(own.client.erase(large, mask), "ERROR_INSUFFICIENT_RESOURCES")
        assert len(own.results) == 1, "half a result is left"
        assert own.client.get(kept).status_code == 200
        assert_success(own.client.erase(), own.base)


def test_not_ready_while_the_disk_is_full(small_disk: Path) -> None:
    with Server(small_disk) as own:
        # Calls share a check that is under way: the one of the start must not answer for the full disk.
        assert own.client.get("/readyz").status_code == 200
        filler = small_disk / "filler"
        with pytest.raises(OSError, match="No space"):
            filler.write_bytes(bytes(1024 * 1024))
        assert_failure(own.client.get("/readyz"), "ERROR_INSUFFICIENT_RESOURCES")
        filler.unlink()
        assert own.client.get("/readyz").status_code == 200


def test_disk_read_only(small_disk: Path) -> None:
    with Server(small_disk) as own:
        kept = assert_success(own.client.erase(), own.base)
        mount_small(small_disk, "256k", MS_REMOUNT | MS_RDONLY)
        assert_failure(own.client.erase(), "FILE_SERVICE_ERROR")
        assert_failure(own.client.get("/readyz"), "ERROR_INSUFFICIENT_RESOURCES")
        assert own.client.get(kept).status_code == 200
        mount_small(small_disk, "256k", MS_REMOUNT)
        assert_success(own.client.erase(), own.base)
        assert own.client.get("/readyz").status_code == 200


def test_disk_taken_away_and_brought_back(small_disk: Path) -> None:
    """What is mounted over it hides everything, and is empty."""
    with Server(small_disk) as own:
        kept = assert_success(own.client.erase(), own.base)
        mount_small(small_disk, "64k", MS_RDONLY)
        try:
            assert_failure(own.client.get(kept), "ERROR_FILE_NOT_FOUND")
            assert_failure(own.client.erase(), "FILE_SERVICE_ERROR")
        finally:
            unmount(small_disk)
        assert own.client.get(kept).status_code == 200
        assert_success(own.client.erase(), own.base)


def test_store_gone(start_server: StartServer) -> None:
    own: Server = start_server()
    kept = assert_success(own.client.erase(), own.base)
    own.break_store()
    assert_failure(own.client.erase(), "FILE_SERVICE_ERROR")
    assert_failure(own.client.get(kept), "FILE_SERVICE_ERROR")
    own.mend_store()
    assert own.client.get(kept).status_code == 200
    assert_success(own.client.erase(), own.base)


def test_result_deleted_by_hand(start_server: StartServer) -> None:
    own: Server = start_server()
    url = assert_success(own.client.erase(), own.base)
    (file,) = own.results
    Path(file).unlink()
    assert_failure(own.client.get(url), "ERROR_FILE_NOT_FOUND")
    assert_failure(own.client.get(url, headers={"Range": "bytes=0-1"}), "ERROR_FILE_NOT_FOUND")
    assert own.client.request("HEAD", url, key=None).status_code == 404


def metric(own: Server, name: str) -> float:
    (value,) = re.findall(rf"^image_erase_{name}(?:{{.*}})? (\S+)$", own.client.get("/metrics").text, re.M)
    return float(value)


def said(caplog: pytest.LogCaptureFixture, start: str) -> list[tuple[str, str]]:
    return [(line.levelname, line.message) for line in caplog.records if line.message.startswith(start)]


class TestLimit:
    """ERASE_STORAGE_BYTES."""

    @pytest.fixture
    def size(self, server: Server) -> int:
        """How long the tests' result is."""
        return len(server.client.get(assert_success(server.client.erase(), server.base)).content)

    def test_what_does_not_fit_in_is_refused_until_there_is_room(
        self, start_server: StartServer, size: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        own: Server = start_server(storage_bytes=int(2.2 * size), metrics=True, sweep_interval_seconds=0.05)
        links = [assert_success(own.client.erase(), own.base) for _ in range(2)]
        assert metric(own, "storage_used_bytes") == 2 * size
        assert metric(own, "storage_fullness") == pytest.approx(1 / 1.1, 0.01)
        for _ in range(3):
            assert_failure(own.client.erase(), "ERROR_INSUFFICIENT_RESOURCES", "room")
        assert len(own.results) == 2
        assert own.client.get(links[0]).status_code == 200
        assert own.client.get("/readyz").status_code == 200
        assert said(caplog, "storage") == [
            ("WARNING", "storage is almost full"),
            ("ERROR", "storage is full, results are refused"),
        ]
        own.clock.now += 86400
        until(lambda: metric(own, "storage_used_bytes") == 0, "what has expired is swept")
        assert_success(own.client.erase(), own.base)

    def test_no_job_is_begun_where_no_result_has_room(self, start_server: StartServer, size: int) -> None:
        own: Server = start_server(storage_bytes=size, metrics=True)
        assert_success(own.client.erase(), own.base)
        jobs = metric(own, "erase_seconds_count")
        assert_failure(own.client.erase(), "ERROR_INSUFFICIENT_RESOURCES", "room")
        assert metric(own, "erase_seconds_count") == jobs
        large = files(photo_file(size=(96, 96)), mask_file((96, 96)))
        answer = own.client.request("POST", BASE64_PATH, files=large)
        assert answer.status_code == 200, "what is not stored needs no room"

    def test_counts_what_was_there_before(self, start_server: StartServer, size: int) -> None:
        first: Server = start_server()
        assert_success(first.client.erase(), first.base)
        own: Server = start_server(storage_bytes=size, metrics=True)
        until(lambda: metric(own, "storage_used_bytes") == size, "what is stored is counted")
        assert_failure(own.client.erase(), "ERROR_INSUFFICIENT_RESOURCES", "room")

    def test_a_result_that_nobody_gets_gives_its_room_back(self, start_server: StartServer, size: int) -> None:
        own: Server = start_server(storage_bytes=2 * size, metrics=True)
        own.break_store()
        assert_failure(own.client.erase(), "FILE_SERVICE_ERROR")
        assert metric(own, "storage_used_bytes") == 0


def test_a_reserve_of_the_disk_is_left(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount_small(disk, "4m")
    try:
        with Server(disk, metrics=True) as own:
            kept = assert_success(own.client.erase(), own.base)
            (disk / "filler").write_bytes(bytes(3900 * KIB))
            assert_failure(own.client.erase(), "ERROR_INSUFFICIENT_RESOURCES", "room")
            assert own.client.get("/readyz").status_code == 200, "it can still be written"
            assert own.client.get(kept).status_code == 200
            (disk / "more").write_bytes(bytes(64 * KIB))  # what was reserved is there for others
            assert metric(own, "storage_fullness") >= 1
            for filler in ("filler", "more"):
                (disk / filler).unlink()
            assert_success(own.client.erase(), own.base)
    finally:
        unmount(disk)


def test_nobody_else_may_read_results(start_server: StartServer) -> None:
    mask = os.umask(0)
    try:
        own: Server = start_server()
        assert_success(own.client.erase(), own.base)
    finally:
        os.umask(mask)
    (file,) = own.results
    modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (file, file.parent, file.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]


def test_results_of_earlier_versions_are_closed_to_others(start_server: StartServer) -> None:
    first: Server = start_server()
    link = assert_success(first.client.erase(), first.base)
    (file,) = map(Path, first.results)
    file.chmod(0o644)
    for folder in (file.parent, file.parent.parent):
        folder.chmod(0o755)
    own: Server = start_server()
    until(lambda: {path.stat().st_mode & 0o077 for path in (file, file.parent, file.parent.parent)} == {0}, "closed")
    assert own.client.get(link.removeprefix(first.base)).status_code in (200, 403)


class TestSweeping:
    def test_strange_entries_stop_nothing(self, start_server: StartServer) -> None:
        own: Server = start_server(sweep_interval_seconds=0.05, result_ttl_seconds=3)
        results = own.storage / "results"
        day = results / "2020-01-02"
        day.mkdir()
        os.symlink("..", day / "loop")
        os.symlink("itself", day / "itself")
        os.symlink("2020-01-01", results / "2020-01-01")
        Path(os.fsdecode(os.fsencode(day) + b"/\xff\xfebad.png")).write_bytes(b"x")
        assert_success(own.client.erase(), own.base)
        own.clock.now += 4
        until(lambda: not list(results.glob("*/*-*-*-*-*.png")), "what has expired is swept")
        assert own.client.get("/readyz").json()["failing_tasks"] == []
        assert len(list(day.iterdir())) == 3

    def test_what_cannot_be_deleted_is_told_but_not_all_the_time(
        self, start_server: StartServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        own: Server = start_server(sweep_interval_seconds=0.01, result_ttl_seconds=3, metrics=True)
        assert_success(own.client.erase(), own.base)
        (stuck,) = map(Path, own.results)
        with read_only(stuck.parent):
            own.clock.now += 86400
            assert_success(own.client.erase(), own.base)
            own.clock.now += 4
            until(lambda: len(own.results) == 1, "the other one is swept")
            until(lambda: metric(own, "task_failures_total") > 40, "it is tried again and again")
            ready = own.client.get("/readyz")
            assert (ready.status_code, ready.json()["failing_tasks"]) == (200, ["sweep"])
            assert metric(own, "tasks_failing") == 1
        until(lambda: not own.results, "it is swept once it can be")
        until(lambda: own.client.get("/readyz").json()["failing_tasks"] == [], "all is well again")
        lines = [line for line in caplog.records if line.message == "background task failed"]
        assert 1 <= len(lines) < 12
        assert "Read-only file system" in vars(lines[0])["reason"]
        assert len([line for line in caplog.records if line.message == "background task recovered"]) == 1
