"""The memory limit of workers."""

import asyncio
import io
import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from image_erase.jobs.frames import receive_frame, send_frame
from image_erase.jobs.job import make_eraser
from image_erase.jobs.messages import Done, Failed, Failure, Job, frame_of
from image_erase.jobs.options import JobOptions
from image_erase.jobs.process import WorkerProcess
from image_erase.jobs.reading import message_of
from image_erase.jobs.request import JobRequest
from image_erase.jobs.worker import serve
from support.files import png_file
from support.pictures import boxed, file_of, mask_file, photo_file
from support.workers import asked

LARGE = (4096, 4096)
OPTIONS = JobOptions(jpeg_quality=90, engine="opencv")


def flat_png(depth: int, colour_type: int, stride: int) -> bytes:
    return png_file(LARGE, depth, colour_type, rows=zlib.compress(bytes((1 + stride) * LARGE[1]), 1))


def answers(memory_mb: int, *jobs: tuple[bytes, bytes]) -> list[Done | Failed]:
    """What one worker with that memory answers."""

    async def ask() -> list[Done | Failed]:
        worker = await WorkerProcess.start(replace(OPTIONS, memory_mb=memory_mb))
        try:
            return [await asked(worker, Job(60.0, JobRequest(), *job)) for job in jobs]
        finally:
            await worker.end()

    return asyncio.run(ask())


@pytest.mark.hostile
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: flat_png(16, 6, 8 * LARGE[0]), id="16-bit RGBA"),
        pytest.param(lambda: file_of(Image.new("RGBA", LARGE, (9, 99, 199, 99)), "WEBP", method=0), id="WEBP RGBA"),
        pytest.param(lambda: file_of(Image.new("CMYK", LARGE, (9, 99, 199, 99)), "JPEG", progressive=True), id="CMYK"),
    ],
)
def test_the_default_is_enough_for_the_largest_pictures(make: Callable[[], bytes]) -> None:
    (answer,) = answers(1024, (make(), mask_file(LARGE)))
    assert isinstance(answer, Done)
    assert answer.facts.width == LARGE[0]


@pytest.mark.hostile
def test_the_default_is_enough_for_a_jpeg_of_50_megapixels_whatever_is_masked() -> None:
    """Where memory does not suffice for copying, the hole is diffused."""
    size = (8660, 5773)
    noise = np.random.default_rng(0).integers(60, 200, (577, 866, 3), np.uint8)
    image = file_of(Image.fromarray(noise).resize(size, Image.Resampling.NEAREST), "JPEG", quality=80)
    mask = file_of(boxed(size, (2000, 1500, 6500, 4500)))

    async def ask() -> Done | Failed:
        worker = await WorkerProcess.start(replace(OPTIONS, memory_mb=1024, engine="auto"))
        try:
            request = JobRequest(max_side=65535, max_pixels=64_000_000)
            return await asked(worker, Job(100.0, request, image, mask))
        finally:
            await worker.end()

    answer = asyncio.run(ask())
    assert isinstance(answer, Done)
    assert (answer.facts.width, answer.suffix) == (size[0], "jpg")


@pytest.mark.hostile
def test_too_little_is_said_and_the_next_job_is_done() -> None:
    large = flat_png(16, 6, 8 * LARGE[0])
    refused, done = answers(384, (large, mask_file(LARGE)), (photo_file(), mask_file()))
    assert isinstance(refused, Failed)
    assert refused.failure is Failure.NO_MEMORY
    assert isinstance(done, Done)
    assert done.suffix == "png"


def test_a_worker_ends_after_many_jobs() -> None:
    requests, answers = io.BytesIO(), io.BytesIO()
    for _ in range(3):
        send_frame(requests, frame_of(Job(60.0, JobRequest(), photo_file(), mask_file())))
    requests.seek(0)
    options = JobOptions(engine="opencv")
    serve(options, make_eraser(options), requests, answers, jobs=2)
    answers.seek(0)
    kinds = [message_of(frame).kind for frame in iter(lambda: receive_frame(answers), None)]
    assert kinds == ["ready", *["begun", "done"] * 2]


@pytest.mark.hostile
def test_a_job_takes_no_more_than_allowed() -> None:
    """Whatever a decoder asks for: here a canvas of a size that its own limit lets pass."""
    options = replace(OPTIONS, max_side=32767, memory_mb=384)

    async def ask() -> Done | Failed:
        worker = await WorkerProcess.start(options)
        try:
            pixels = np.zeros((1, 1, 3), np.uint8)
            header = bytearray(file_of(Image.fromarray(pixels), "BMP"))
            header[18:26] = (30000).to_bytes(4, "little") * 2
            return await asked(worker, Job(60.0, JobRequest(), bytes(header), bytes(header)))
        finally:
            await worker.end()

    answer = asyncio.run(ask())
    assert isinstance(answer, Failed)
    assert answer.failure in (Failure.NO_MEMORY, Failure.BROKEN_FILE)
