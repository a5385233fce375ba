"""A single worker process without a server."""

import asyncio
import hashlib
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from image_erase.jobs.messages import Done, Failed, Failure, Job
from image_erase.jobs.options import JobOptions
from image_erase.jobs.process import WorkerDied, WorkerProcess
from image_erase.jobs.request import JobRequest
from support.processes import processor_seconds

OPTIONS = JobOptions(jpeg_quality=90, engine="opencv", memory_mb=1024)
#: How long a job may take, in seconds.
SECONDS = 60.0
#: Of a processor's time: what else runs on the machine does not count.
REFUSED_SECONDS = 5.0
#: Commands of workers that find no library for JPEGs, and only that of the system.
_WITH = "from image_erase.imaging.jpeg import library as t; {}; from image_erase.jobs.worker import main; main()"
WITHOUT_TURBOJPEG = (sys.executable, "-I", "-c", _WITH.format("t._CARRIERS = t._SYSTEM = ()"))
SYSTEM_TURBOJPEG = (sys.executable, "-I", "-c", _WITH.format("t._CARRIERS = ()"))


async def asked(worker: WorkerProcess, job: Job) -> Done | Failed:
    """Do a job and wait for its answer, at most for the seconds that it says. Raises WorkerDied."""
    answer = await asyncio.wait_for(worker.send(job), job.seconds)
    if not isinstance(answer, Done | Failed):
        raise WorkerDied(worker.gone.result())
    return answer


@dataclass(frozen=True)
class Worker:
    """A running worker. Whatever files it is asked to work on, it must answer, in time, and not with a failure."""

    process: WorkerProcess
    runner: asyncio.Runner

    @property
    def pid(self) -> int:
        return self.process.pid

    def erase(self, image: bytes, mask: bytes) -> Done | Failed:
        """One job, whatever comes of it."""
        return self.runner.run(asked(self.process, Job(SECONDS, JobRequest(), image, mask)))

    def survives(self, jobs: Iterable[tuple[bytes, bytes]]) -> dict[str, int]:
        """Do the jobs. Returns how often each outcome came, `done` among them."""
        return self.runner.run(self._outcomes(jobs))

    async def _outcomes(self, jobs: Iterable[tuple[bytes, bytes]]) -> dict[str, int]:
        outcomes: dict[str, int] = {}
        after = processor_seconds(self.pid)
        for number, (image, mask) in enumerate(jobs):
            before = after
            try:
                answer = await asked(self.process, Job(SECONDS, JobRequest(), image, mask))
            except WorkerDied:
                raise AssertionError(f"{_name(number, image, mask)}: the worker died") from None
            after = processor_seconds(self.pid)
            outcome = answer.failure if isinstance(answer, Failed) else "done"
            assert outcome not in (Failure.FAILED, Failure.NO_MEMORY), f"{_name(number, image, mask)}: {outcome}"
            assert outcome == "done" or after - before < REFUSED_SECONDS, f"{_name(number, image, mask)}: too slow"
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
        return outcomes

    def peak_megabytes(self) -> int:
        """The most memory that it ever held."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.findall(r"^VmHWM:\s+(\d+)", status, re.M)[0]) // 1024


def _name(number: int, image: bytes, mask: bytes) -> str:
    first, second = (hashlib.sha256(data).hexdigest()[:12] for data in (image, mask))
    return f"job {number}, files {first} {second}"


@contextmanager
def worker(**options: Any) -> Iterator[Worker]:
    """A worker of its own. options: what differs from OPTIONS."""
    with asyncio.Runner() as runner:
        process = runner.run(WorkerProcess.start(replace(OPTIONS, **options)))
        try:
            yield Worker(process, runner)
        finally:
            runner.run(process.end())


def everywhere(files: Iterable[bytes], image: bytes, mask: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each file as both, as image and as mask. image, mask: good ones to go with it."""
    for data in files:
        yield data, data
        yield data, mask
        yield image, data
