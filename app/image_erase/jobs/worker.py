"""The worker process: takes jobs from its standard input, one after the other, and answers on its standard output."""

import os
import resource
import signal
import sys
import time
import traceback
from typing import BinaryIO

import cv2

from image_erase.erasure.eraser import Eraser
from image_erase.erasure.neural import ModelError
from image_erase.imaging.failures import ImagingFailure
from image_erase.jobs.frames import TRACE, Frame, receive_frame, send_frame
from image_erase.jobs.job import JobOptions, erase_file, make_eraser, warm_up_files
from image_erase.jobs.request import JobRequest

# Decoders lose some bytes over many a broken file; a new worker has them all again.
JOBS = 20_000
NO_MEMORY = "no_memory"
FAILED = "failed"
NO_ROOM = Frame({"failure": NO_MEMORY, "subject": "image", "detail": "There is not enough memory for this picture."})
# The end of a stack says most; all of it might not fit into a frame's head.
_TRACE_CHARACTERS = 8000


def main() -> None:
    """Serve until the server closes the pipe. argv[1]: the job options as JSON, and `memory_mb` among them."""
    # Ctrl-C goes to the whole terminal; the server decides when a worker ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    options = JobOptions.from_json(sys.argv[1])
    limit_memory(options.memory_mb)
    source, target = _take_pipes()
    try:
        eraser = make_eraser(options)
    except ModelError as error:
        send_frame(target, Frame({"refused": f"ERASE_ONNX_MODEL: {error}"}))
        sys.exit(1)
    serve(options, eraser, source, target)


def limit_memory(megabytes: int | None) -> None:
    """Let this process take no more memory than that, in MiB; None: as much as there is.

    What is limited is the memory of its own. Limiting the address space would count libraries as well, whose files
    are mapped once for all workers, and what is reserved and never touched.
    """
    if megabytes:
        resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))


def serve(options: JobOptions, eraser: Eraser, source: BinaryIO, target: BinaryIO, jobs: int = JOBS) -> None:
    """Warm up and say so; then, for each frame, say that it has come, and answer it; end after so many jobs."""
    warmed = answer(Frame({"seconds": 60.0}, warm_up_files()), options, eraser)
    send_frame(target, Frame({"ready": True, TRACE: warmed.head.get(TRACE)}))
    for _ in range(jobs):
        request = receive_frame(source)
        if request is None:
            break
        send_frame(target, Frame({"begun": True}))
        send_frame(target, answer(request, options, eraser))


def answer(request: Frame, options: JobOptions, eraser: Eraser) -> Frame:
    """Do one job. What is wrong with the files goes back by name; anything else is a failure of ours, with its stack.

    The stack is for the server's log, where it stands with the request's id.
    """
    deadline = time.monotonic() + request.head["seconds"]
    try:
        image, mask = request.blobs
        wanted = JobRequest.from_head(request.head)
        done = erase_file(
            bytes(image), bytes(mask), options, eraser, wanted, time_left=lambda: deadline - time.monotonic()
        )
    except ImagingFailure as failure:
        return Frame({"failure": failure.name, "subject": failure.subject, "detail": failure.detail})
    except MemoryError:
        return NO_ROOM
    except Exception as error:
        if isinstance(error, cv2.error) and error.code == cv2.Error.StsNoMem:
            return NO_ROOM
        trace = traceback.format_exc()[-_TRACE_CHARACTERS:]
        return Frame({"failure": FAILED, "subject": "image", "detail": "", TRACE: trace})
    return Frame({"suffix": done.suffix, "facts": done.facts}, (done.data,))


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The two pipes, out of reach of libraries that print: those write to standard error, which the server logs."""
    source, target = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    return os.fdopen(source, "rb"), os.fdopen(target, "wb")


if __name__ == "__main__":
    main()
