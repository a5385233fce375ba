"""Erasing by worker processes of this machine."""

import asyncio
import os
import signal
from dataclasses import replace
from typing import Any

import pytest

from image_erase.batch.failures import EraserFailed, PictureFailed
from image_erase.batch.local import LocalEraser
from support.pictures import boxed, file_of, mask_file, photo_file, slow_files
from support.processes import processor_ticks, until, workers_of
from support.server import stop_workers
from support.workers import OPTIONS


def eraser(**options: Any) -> LocalEraser:
    return LocalEraser(replace(OPTIONS, **options), workers=1, deadline_seconds=20)


async def code_of(local: LocalEraser, image: bytes, mask: bytes) -> str:
    with pytest.raises(PictureFailed) as failed:
        await local.erase(image, mask)
    assert failed.value.failure.message
    return failed.value.failure.code


def test_failures_have_the_vendors_codes() -> None:
    async def codes() -> list[str]:
        async with eraser() as local:
            masks = (file_of(boxed((10, 10))), photo_file()[:100], b"hello", file_of(boxed(inside=255, outside=255)))
            return [await code_of(local, photo_file(), mask) for mask in masks]

    assert asyncio.run(codes()) == [
        "ERROR_MASK_IMAGE_RESOLUTION_MISMATCH",
        "FILE_DECODING_FAILURE",
        "UNSUPPORTED_FILE_TYPES",
        "UNSUPPORTED_PARAMETER_VALUES",
    ]


@pytest.mark.hostile
def test_a_worker_that_dies_costs_one_picture() -> None:
    async def erase() -> str:
        others = workers_of(os.getpid())
        async with eraser() as local:
            (pid,) = workers_of(os.getpid()) - others
            before = processor_ticks(pid)
            doomed = asyncio.create_task(code_of(local, *slow_files()))
            await asyncio.to_thread(until, lambda: processor_ticks(pid) > before + 10, "the worker works")
            os.kill(pid, signal.SIGKILL)
            code = await doomed
            assert await local.erase(photo_file(), mask_file())
            return code

    assert asyncio.run(erase()) == "PROCESSING_FAILURE"


@pytest.mark.hostile
def test_a_picture_that_takes_too_long_costs_nothing_else() -> None:
    async def erase() -> str:
        others = workers_of(os.getpid())
        async with LocalEraser(OPTIONS, workers=1, deadline_seconds=3) as local:
            stop_workers(workers_of(os.getpid()) - others)
            return await code_of(local, photo_file(), mask_file())

    assert asyncio.run(erase()) == "AI_SERVICE_TIMEOUT"


def test_workers_that_cannot_start_are_no_traceback(tmp_path: object) -> None:
    network = {"model": f"{tmp_path}/none.onnx", "channels": "auto", "mask": "auto", "output": "auto"}

    async def start() -> None:
        async with eraser(engine="onnx", network=network):
            pass

    with pytest.raises(EraserFailed, match="ERASE_ONNX_MODEL"):
        asyncio.run(start())
