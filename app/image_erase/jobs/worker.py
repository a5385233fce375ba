"""The worker process: takes jobs from its standard input, one after the other, and answers on its standard output."""

import gc

# What is loaded stays loaded: collections would only look at it again and again. `main` allows them.
if __name__ == "__main__":
    gc.disable()

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import BinaryIO

import cv2

from image_erase import __version__
from image_erase.erasure.eraser import Eraser
from image_erase.erasure.failures import ModelError
from image_erase.imaging.failures import ImagingFailure
from image_erase.jobs.checking import check_file
from image_erase.jobs.frames import receive_frame, send_frame
from image_erase.jobs.job import ErasedFile, erase_file, make_eraser, warm_up_files
from image_erase.jobs.messages import (
    Begun,
    Done,
    Failed,
    Failure,
    FromWorker,
    Job,
    Pong,
    Ready,
    Refused,
    frame_of,
    request_of,
)
from image_erase.jobs.options import JobOptions
from image_erase.jobs.request import JobRequest
from image_erase.system import limit_memory

# Decoders leak some bytes when files are broken, so workers are replaced now and then.
JOBS = 20_000
NO_ROOM = Failed(Failure.NO_MEMORY, "image", "There is not enough memory for this picture.")
# The end of a stack is the most useful part; all of it might not fit into the head of a frame.
_TRACE_CHARACTERS = 4000


def main() -> None:
    """Serve until the server closes the pipe. argv[1]: JobOptions as JSON."""
    # Ctrl-C is sent to all processes of the terminal; the server decides when a worker ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    options = JobOptions.from_json(sys.argv[1])
    if options.memory_mb:
        limit_memory(options.memory_mb)
    source, target = _take_pipes()
    try:
        eraser = make_eraser(options)
    except ModelError as error:
        _send(target, Refused(str(error)))
        sys.exit(1)
    gc.freeze()
    gc.enable()
    serve(options, eraser, source, target)


def serve(options: JobOptions, eraser: Eraser, source: BinaryIO, target: BinaryIO, jobs: int = JOBS) -> None:
    """Warm up and report it; then confirm and answer jobs, and answer pings. jobs: the number after which it ends."""
    warmed = answer(Job(60.0, JobRequest(), *warm_up_files()), options, eraser)
    if isinstance(warmed, Failed):
        ready = Ready(__version__, trace=warmed.trace)
    else:
        ready = Ready(__version__, reencode_reason=warmed.facts.reencode_reason)
    _send(target, ready)
    while jobs and (frame := receive_frame(source)):
        request = request_of(frame)
        if isinstance(request, Job):
            jobs -= 1
            _send(target, Begun())
            _send(target, answer(request, options, eraser))
        else:
            _send(target, Pong())


def answer(job: Job, options: JobOptions, eraser: Eraser) -> Done | Failed:
    """Do one job. Problems with the files are returned by name, other failures with their stack.

    The server logs the stack with the request ID.
    """
    deadline = time.monotonic() + job.seconds
    try:
        done = _done(job, options, eraser, lambda: deadline - time.monotonic())
    except ImagingFailure as failure:
        return Failed(Failure(failure.name), failure.subject, failure.detail)
    except MemoryError:
        return NO_ROOM
    except Exception as error:
        if isinstance(error, cv2.error) and error.code == cv2.Error.StsNoMem:
            return NO_ROOM
        return Failed(Failure.FAILED, trace=traceback.format_exc()[-_TRACE_CHARACTERS:])
    return Done(done.suffix, done.facts, done.data, done.part, done.place)


def _done(job: Job, options: JobOptions, eraser: Eraser, time_left: Callable[[], float]) -> ErasedFile:
    image, mask = bytes(job.image), bytes(job.mask)
    if job.request.task == "select":
        from image_erase.jobs.selection import select_file  # noqa: PLC0415, workers start without it

        return select_file(image, mask, options, job.request, time_left=time_left)
    if job.request.task == "check":
        return check_file(image, options, job.request)
    return erase_file(image, mask, options, eraser, job.request, time_left=time_left)


def _send(target: BinaryIO, message: FromWorker) -> None:
    send_frame(target, frame_of(message))


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return the two pipes, and redirect what libraries print to standard error, which the server logs."""
    source, target = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    return os.fdopen(source, "rb"), os.fdopen(target, "wb")


if __name__ == "__main__":
    main()
