"""Check that workers start and erase."""

import asyncio
import time
import zlib
from collections.abc import Sequence

from image_erase.doctor.finding import Finding, Level
from image_erase.imaging.png.chunks import SIGNATURE, chunk
from image_erase.job_options import job_options
from image_erase.jobs.messages import Failed
from image_erase.jobs.pool import Answer, JobCrashed, JobTimeout, Pool, PoolFull
from image_erase.jobs.process import PROGRAM, WorkerDied
from image_erase.jobs.request import JobRequest
from image_erase.settings import Settings


def workers(settings: Settings, program: Sequence[str] = PROGRAM) -> Finding:
    """Check that workers start and erase something. Takes a second or two."""
    try:
        return asyncio.run(_try_workers(settings, program))
    except WorkerDied as error:
        return Finding(Level.WRONG, "workers", f"cannot be started ({error})")
    except (JobCrashed, JobTimeout, PoolFull) as error:
        return Finding(Level.WRONG, "workers", f"did not erase a small picture ({type(error).__name__})")


def small_files() -> tuple[bytes, bytes]:
    """Return a picture and a mask, 64 x 64, as PNG, encoded without the image libraries, which only workers load."""
    rows = range(64)
    image = [bytes((x * 3 + y) % 256 for x in rows) for y in rows]
    mask = [bytes(255 * (24 <= x < 40 and 24 <= y < 40) for x in rows) for y in rows]
    return _grey_png(image), _grey_png(mask)


def _grey_png(rows: list[bytes]) -> bytes:
    head = len(rows[0]).to_bytes(4) + len(rows).to_bytes(4) + bytes((8, 0, 0, 0, 0))
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


async def _try_workers(settings: Settings, program: Sequence[str]) -> Finding:
    pool = Pool(
        job_options(settings),
        workers=settings.workers,
        queue=settings.workers,
        deadline_seconds=settings.deadline_seconds,
        program=program,
    )
    began = time.perf_counter()
    await pool.start()
    started = time.perf_counter()
    try:
        # As many jobs as workers, all at once: each has to do one.
        answers = await asyncio.gather(*(pool.run(JobRequest(), *small_files()) for _ in range(settings.workers)))
    finally:
        await pool.stop()
    return _tried(answers, started - began, pool.reencode_reason)


def _tried(answers: list[Answer], seconds: float, reencode_reason: str | None) -> Finding:
    failures = [answer.outcome.failure for answer in answers if isinstance(answer.outcome, Failed)]
    if failures:
        return Finding(Level.WRONG, "workers", f"a small picture failed ({failures[0]})")
    slowest = max(answer.worked for answer in answers) * 1000
    says = f"{len(answers)} started in {seconds:.1f} s, each erased from a small picture in at most {slowest:.0f} ms"
    if reencode_reason:
        says += f"; they re-encode every JPEG as a whole ({reencode_reason}); see docs/operating.md#platforms"
        return Finding(Level.WARNING, "workers", says)
    return Finding(Level.OK, "workers", says)
