"""The worker process: takes jobs from its standard input, one after the other, and answers on its standard output."""

import json
import os
import resource
import signal
import sys
import time
import traceback
from typing import BinaryIO

import cv2

from app.erasure.eraser import Eraser
from app.imaging.failures import ImagingFailure
from app.jobs.frames import Frame, receive_frame, send_frame
from app.jobs.job import JobOptions, erase_file, make_eraser, warm_up_files

# Decoders lose some bytes over many a broken file; a new worker has them all again.
JOBS = 20_000
NO_MEMORY = "no_memory"
FAILED = "failed"
NO_ROOM = Frame({"failure": NO_MEMORY, "subject": "image", "detail": "There is not enough memory for this picture."})


def main() -> None:
    """Serve until the server closes the pipe. argv[1]: the job options as JSON, and `memory_mb` among them."""
    # Ctrl-C goes to the whole terminal; the server decides when a worker ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    arguments = json.loads(sys.argv[1])
    limit_memory(arguments.pop("memory_mb", None))
    options = JobOptions(**arguments)
    source, target = _take_pipes()
    serve(options, source, target)


def limit_memory(megabytes: int | None) -> None:
    """Let this process take no more memory than that, in MiB; None: as much as there is.

    What is limited is the memory of its own. Limiting the address space would count libraries as well, whose files
    are mapped once for all workers, and what is reserved and never touched.
    """
    if megabytes:
        resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))


def serve(options: JobOptions, source: BinaryIO, target: BinaryIO, jobs: int = JOBS) -> None:
    """Warm up and say so; then, for each frame, say that it has come, and answer it; end after so many jobs."""
    eraser = make_eraser(options)
    answer(Frame({"seconds": 60.0}, warm_up_files()), options, eraser)
    send_frame(target, Frame({"ready": True}))
    for _ in range(jobs):
        request = receive_frame(source)
        if request is None:
            break
        send_frame(target, Frame({"begun": True}))
        send_frame(target, answer(request, options, eraser))


def answer(request: Frame, options: JobOptions, eraser: Eraser) -> Frame:
    """Do one job. What is wrong with the files goes back by name; anything else is a failure of ours."""
    deadline = time.monotonic() + request.head["seconds"]
    try:
        image, mask = request.blobs
        done = erase_file(bytes(image), bytes(mask), options, eraser, time_left=lambda: deadline - time.monotonic())
    except ImagingFailure as failure:
        return Frame({"failure": failure.name, "subject": failure.subject, "detail": failure.detail})
    except MemoryError:
        return NO_ROOM
    except Exception as error:
        if isinstance(error, cv2.error) and error.code == cv2.Error.StsNoMem:
            return NO_ROOM
        print(f"job {request.head.get('request_id')} failed\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        return Frame({"failure": FAILED, "subject": "image", "detail": ""})
    return Frame({"suffix": done.suffix, "facts": done.facts}, (done.data,))


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The two pipes, out of reach of libraries that print.

    What they print is lost, on standard error too: libpng remarks on every broken file, in lines that are no log's.
    """
    source, target, errors = os.dup(0), os.dup(1), os.dup(2)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    sys.stderr = os.fdopen(errors, "w", buffering=1)
    return os.fdopen(source, "rb"), os.fdopen(target, "wb")


if __name__ == "__main__":
    main()
