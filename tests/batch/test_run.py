"""Runs with an eraser of the test: parallel images, and what ends a run early."""

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from image_erase.batch.failures import EraserFailed, Failure, PictureFailed
from image_erase.batch.files import Inputs, Outputs
from image_erase.batch.plan import Plan, Task
from image_erase.batch.report import Exit, Progress, Record
from image_erase.batch.run import Erased, Run

PNG = b"\x89PNG\r\n\x1a\n"


class FakeEraser:
    """Returns the image with a suffix. act: called with each image first."""

    def __init__(self, act: Callable[[bytes], Awaitable[None]]) -> None:
        self._act = act
        self.under_way = self.most = 0
        self.left = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.left = True

    async def erase(self, image: bytes, mask: bytes) -> Erased:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self._act(image)
        finally:
            self.under_way -= 1
        return Erased(image + b" erased")


def run(folder: Path, act: Callable[[bytes], Awaitable[None]], jobs: int = 1) -> tuple[Record, FakeEraser]:
    """Six pictures, each with its number at the end."""
    tasks = []
    (folder / "mask.png").write_bytes(PNG)
    for number in range(6):
        image = folder / f"{number}.png"
        image.write_bytes(PNG + str(number).encode())
        tasks.append(Task(image, folder / "mask.png", folder / f"out{number}.png"))
    plan = Plan(to_do=tasks)
    record, eraser = Record.of(plan), FakeEraser(act)
    asyncio.run(Run(plan, eraser, Inputs(), Outputs(overwrite=False), record, Progress(6, bar=False)).all(jobs))
    return record, eraser


def outputs(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("out*"))


@pytest.mark.parametrize("jobs", [1, 3])
def test_so_many_at_a_time_and_never_more(tmp_path: Path, jobs: int) -> None:
    barrier = asyncio.Barrier(jobs)

    async def together(_: bytes) -> None:
        await barrier.wait()

    record, eraser = run(tmp_path, together, jobs)
    assert (eraser.most, eraser.left, record.erased) == (jobs, True, 6)
    assert len(outputs(tmp_path)) == 6
    assert (tmp_path / "out4.png").read_bytes() == PNG + b"4 erased"
    assert record.exit_code is Exit.DONE


def test_a_file_is_read_when_its_turn_comes(tmp_path: Path) -> None:
    async def act(image: bytes) -> None:
        if image.endswith(b"0"):
            (tmp_path / "5.png").unlink()

    record, _ = run(tmp_path, act)
    ((task, failure),) = record.failures
    assert (task.image.name, failure.code) == ("5.png", "UNREADABLE")


def test_a_fault_of_ours_costs_one_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def act(image: bytes) -> None:
        if image.endswith(b"2"):
            raise RuntimeError("splendid")

    record, _ = run(tmp_path, act)
    ((task, failure),) = record.failures
    assert (task.image.name, failure.code) == ("2.png", "UNKNOWN_ERROR")
    assert (record.erased, record.exit_code) == (5, Exit.FAILED)
    assert f"image-erase: {tmp_path}/2.png: RuntimeError: splendid" in capsys.readouterr().err


def test_what_every_picture_would_fail_by_ends_the_run(tmp_path: Path) -> None:
    async def act(image: bytes) -> None:
        if image.endswith(b"2"):
            raise PictureFailed(Failure("ERROR_USER_LOCKED", "Locked.", 403, fatal=True))

    record, eraser = run(tmp_path, act)
    assert (record.stopped, record.erased, len(record.failures), record.not_tried) == ("Locked.", 2, 1, 3)
    assert (outputs(tmp_path), eraser.left, record.exit_code) == (["out0.png", "out1.png"], True, Exit.FAILED)


def test_a_full_disk_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(image: bytes) -> None:
        if image.endswith(b"1"):
            monkeypatch.setattr(os, "fsync", full)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    record, _ = run(tmp_path, act)
    assert outputs(tmp_path) == ["out0.png"]
    assert "No space left" in (record.stopped or "")
    assert record.not_tried == 4


def test_an_eraser_that_cannot_start_is_no_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_: FakeEraser) -> FakeEraser:
        raise EraserFailed("no worker")

    async def act(_: bytes) -> None:
        raise AssertionError

    monkeypatch.setattr(FakeEraser, "__aenter__", fail)
    record, _ = run(tmp_path, act)
    assert (record.stopped, record.not_tried, record.exit_code) == ("no worker", 6, Exit.FAILED)


def test_a_result_under_way_to_its_file_gets_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the run is cancelled while the first is written, that is counted, and no second one starts."""
    whole = Outputs.write
    (tmp_path / "a.png").write_bytes(PNG)
    tasks = [Task(tmp_path / "a.png", tmp_path / "a.png", tmp_path / f"out{number}.png") for number in range(2)]
    plan = Plan(to_do=tasks)
    record = Record.of(plan)

    async def nothing(_: bytes) -> None:
        pass

    async def cancelled() -> None:
        loop = asyncio.get_running_loop()

        def write(self: Outputs, path: Path, data: bytes) -> None:
            loop.call_soon_threadsafe(main.cancel)
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(60)
            whole(self, path, data)

        monkeypatch.setattr(Outputs, "write", write)
        eraser, outputs = FakeEraser(nothing), Outputs(overwrite=False)
        main = asyncio.create_task(Run(plan, eraser, Inputs(), outputs, record, Progress(2, bar=False)).all(1))
        await main

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    assert (record.erased, record.not_tried, outputs(tmp_path)) == (1, 1, ["out0.png"])
