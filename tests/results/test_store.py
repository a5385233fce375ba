"""Every kind of store of results."""

import asyncio
import os
from pathlib import Path

import pytest

from image_erase.results.directory import DirectoryStore, local_path
from image_erase.results.failures import Failures
from image_erase.results.files import LEFTOVER_SECONDS
from image_erase.results.location import open_store
from image_erase.results.names import ResultName
from image_erase.results.store import ResultMissing, ResultStore, StoreError
from image_erase.results.sweeper import Sweeper
from image_erase.supervision import Supervisor
from support.clocks import PassingTime

NOW = 1_795_347_564.0
DATA = bytes(range(256)) * 4096


@pytest.fixture(params=["directory", "s3", "azure"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ResultStore:
    """One empty store of each kind."""
    if request.param == "directory":
        return open_store((tmp_path / "storage").as_uri())
    return open_store(request.getfixturevalue(request.param).url)


@pytest.fixture
def directory(tmp_path: Path) -> ResultStore:
    return DirectoryStore(tmp_path / "results")


def name(ttl: int = 100) -> ResultName:
    return ResultName.new("png", NOW, ttl)


async def read(store: ResultStore, what: ResultName, start: int = 0, stop: int = len(DATA)) -> bytes:
    return b"".join([chunk async for chunk in (await store.open(what, start, stop)).chunks()])


async def expired(store: ResultStore, now: float) -> list[ResultName]:
    failures = Failures()
    found = [found.name async for found in store.expired(now, failures)]
    failures.raise_any()
    return found


def test_gives_back_what_it_was_given(store: ResultStore) -> None:
    async def main() -> None:
        what = name()
        await store.put(what, DATA)
        assert await store.size(what) == len(DATA)
        assert await read(store, what) == DATA
        assert await read(store, what, 5, 17) == DATA[5:17]

    asyncio.run(main())


def test_what_is_missing(store: ResultStore) -> None:
    async def main() -> None:
        with pytest.raises(ResultMissing):
            await store.size(name())
        with pytest.raises(ResultMissing):
            await store.open(name(), 0, 1)
        await store.delete(name(), 0)

    asyncio.run(main())


def test_finds_what_has_expired(store: ResultStore) -> None:
    async def main() -> None:
        early, late, far = name(100), name(101), name(10 * 86400)
        for what in (early, late, far):
            await store.put(what, b"x")
        assert await expired(store, NOW + 99) == []
        assert await expired(store, NOW + 100) == [early]
        assert set(await expired(store, NOW + 5 * 86400)) == {early, late}

    asyncio.run(main())


def test_a_download_in_progress_finishes(store: ResultStore) -> None:
    async def main() -> None:
        what = name()
        await store.put(what, DATA)
        chunks = (await store.open(what, 0, len(DATA))).chunks()
        first = await anext(chunks)
        await store.delete(what, len(DATA))
        rest = [chunk async for chunk in chunks]
        assert b"".join([first, *rest]) == DATA

    asyncio.run(main())


def test_a_store_that_is_gone_says_so(tmp_path: Path, directory: ResultStore) -> None:
    (tmp_path / "results").rmdir()
    (tmp_path / "results").write_text("in the way")

    async def main() -> None:
        for call in (directory.put(name(), b"x"), directory.check(), directory.open(name(), 0, 1)):
            with pytest.raises(StoreError) as caught:
                await call
            assert "\n" not in str(caught.value)

    asyncio.run(main())


def test_a_directory_that_is_gone_comes_back(tmp_path: Path, directory: ResultStore) -> None:
    (tmp_path / "results").rmdir()

    async def main() -> None:
        what = name()
        await directory.put(what, DATA)
        assert await read(directory, what) == DATA

    asyncio.run(main())


def test_check_leaves_nothing_behind(tmp_path: Path, directory: ResultStore) -> None:
    asyncio.run(directory.check())
    assert list((tmp_path / "results").iterdir()) == []


def sweep(store: ResultStore, now: float) -> int:
    return asyncio.run(Sweeper(store, lambda: now).sweep())


def test_sweeps_results_and_the_days_they_were_in(tmp_path: Path, directory: ResultStore) -> None:
    keep = name(86400 * 3)

    async def fill() -> None:
        for what in (name(1), name(2), keep):
            await directory.put(what, DATA)

    asyncio.run(fill())
    assert sweep(directory, NOW + 10) == 2
    assert sweep(directory, NOW + 10) == 0
    assert [path.name for path in (tmp_path / "results").iterdir()] == [keep.key.split("/")[0]]


def test_sweeps_what_a_crash_left(tmp_path: Path, directory: ResultStore) -> None:
    day = tmp_path / "results" / "2026-11-22"
    day.mkdir()
    leftover = day / f"{name().key.split('/')[1]}#1"
    leftover.write_bytes(b"half")
    os.utime(leftover, (NOW, NOW))
    assert sweep(directory, NOW + LEFTOVER_SECONDS) == 0
    assert sweep(directory, NOW + LEFTOVER_SECONDS + 1) == 1
    assert not day.exists()


def test_leaves_strangers_alone(tmp_path: Path, directory: ResultStore) -> None:
    (tmp_path / "results" / "2020-01-01").mkdir()
    stranger = tmp_path / "results" / "2020-01-01" / "notes.txt"
    stranger.write_text("mine")
    assert sweep(directory, NOW) == 0
    assert stranger.read_text() == "mine"


def test_two_sweepers_share_the_work(store: ResultStore) -> None:
    async def main() -> None:
        for _ in range(40):
            await store.put(name(1), b"x")
        sweepers = [Sweeper(store, lambda: NOW + 10) for _ in range(2)]
        await asyncio.gather(*(sweeper.sweep() for sweeper in sweepers))
        assert await expired(store, NOW + 10) == []

    asyncio.run(main())


def test_a_failed_sweep_is_tried_again(directory: ResultStore, monkeypatch: pytest.MonkeyPatch) -> None:
    time = PassingTime()

    async def fail(_: float) -> int:
        raise StoreError("it is away")

    async def main() -> None:
        await directory.put(name(1), b"x")
        supervisor = Supervisor(sleep=time.sleep, monotonic=time.monotonic)
        supervisor.every("sweep", 60, Sweeper(directory, lambda: NOW + 10).sweep)
        with monkeypatch.context() as patch:
            patch.setattr(directory, "delete_leftovers", fail)
            async with supervisor, asyncio.timeout(60):
                await time.until(lambda: supervisor.failing == ("sweep",))
                patch.undo()
                await time.until(lambda: not supervisor.failing)
        assert await expired(directory, NOW + 10) == []

    asyncio.run(main())


@pytest.mark.parametrize("url", ["file:{}", "file://{}", "file://localhost{}"])
def test_file_urls(url: str, tmp_path: Path) -> None:
    assert local_path(url.format(f"{tmp_path}/with%20space")) == tmp_path / "with space"


def test_a_relative_file_url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert local_path("file:storage") == tmp_path / "storage"
