"""Workers with libjpeg-turbo's transform from a package, from the system, and without it."""

import asyncio
import ctypes
import logging
from collections.abc import Sequence

import pytest

from image_erase.jobs.job import warm_up_files
from image_erase.jobs.messages import Done
from image_erase.jobs.pool import Pool
from image_erase.jobs.process import PROGRAM
from image_erase.jobs.request import JobRequest
from support.workers import OPTIONS, SYSTEM_TURBOJPEG, WITHOUT_TURBOJPEG


def system_has_it() -> bool:
    try:
        return hasattr(ctypes.CDLL("libturbojpeg.so.0"), "tjTransform")
    except OSError:
        return False


def erased(program: Sequence[str], workers: int = 1) -> tuple[str | None, Done]:
    """What the pool says of JPEGs, and the result of one."""

    async def run() -> tuple[str | None, Done]:
        pool = Pool(OPTIONS, workers=workers, queue=1, deadline_seconds=60, program=program)
        await pool.start()
        try:
            outcome = (await pool.run(JobRequest(), *warm_up_files())).outcome
        finally:
            await pool.stop()
        assert isinstance(outcome, Done), outcome
        return pool.reencode_reason, outcome

    return asyncio.run(run())


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(PROGRAM, id="as installed"),
        pytest.param(
            SYSTEM_TURBOJPEG,
            id="of the system",
            marks=pytest.mark.skipif(not system_has_it(), reason="needs the system's libturbojpeg"),
        ),
    ],
)
def test_with_the_library_jpegs_are_kept(program: Sequence[str], caplog: pytest.LogCaptureFixture) -> None:
    reason, done = erased(program)
    assert reason is done.facts.reencode_reason is None
    assert warnings_in(caplog) == []


def test_without_it_jpegs_are_encoded_again_and_the_log_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    reason, done = erased(WITHOUT_TURBOJPEG, workers=2)
    assert reason == done.facts.reencode_reason == "no libturbojpeg"
    assert done.suffix == "jpg"
    assert warnings_in(caplog) == ["every JPEG is re-encoded as a whole"]
