"""The overhead of serving over bare OpenCV: latency, throughput, memory, start.

python -m bench.serving [PHOTO]

Bare OpenCV is one process and one thread that decodes the picture and the mask, runs Telea's inpainting over the whole
picture, and encodes. The server does the same with its `opencv` engine, over HTTP, in a worker process, with the result
stored. Both take turns on the same files in one run, so the ratios hold on a noisy machine. The client is a bare
socket. What HTTP alone costs is measured by bench.http.
"""

import os
import statistics
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from bench.processes import Served, multipart, served, tree_megabytes
from bench.wire import erase_request, wire

EXAMPLE = Path(__file__).parents[1] / "examples" / "photo.jpg"
SIZES = ((768, 512, 41), (4000, 3000, 9))
CLIENTS = 4
CROWD = 64
OBJECT_SHARE = 0.035


def case(photo: Path, width: int, height: int) -> tuple[bytes, bytes]:
    """A JPEG of the photo in a size, and a PNG mask with one round object of 3.5 % of the area."""
    image = cv2.imread(str(photo))
    assert image is not None, f"{photo} is no picture"
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)
    mask = np.zeros((height, width), np.uint8)
    radius = round((OBJECT_SHARE * width * height / np.pi) ** 0.5)
    cv2.circle(mask, (width // 2, height // 2), radius, 255, -1)
    jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
    return jpeg, cv2.imencode(".png", mask)[1].tobytes()


def bare(image: bytes, mask: bytes) -> None:
    """The same work without a server."""
    pixels = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
    hole = cv2.imdecode(np.frombuffer(mask, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert pixels is not None
    assert hole is not None
    filled = cv2.inpaint(pixels, hole, 3, cv2.INPAINT_TELEA)
    cv2.imencode(".jpg", filled, [cv2.IMWRITE_JPEG_QUALITY, 95])


def seconds(function, *arguments) -> float:  # type: ignore[no-untyped-def]
    """How long one call takes."""
    started = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - started


def latency(server: Served, photo: Path) -> dict[tuple[int, int], float]:
    """Print the latency of one client against bare OpenCV, on one connection and on a new one each time.

    Returns bare seconds by size.
    """
    limits = {}
    for width, height, rounds in SIZES:
        image, mask = case(photo, width, height)
        request = erase_request(server, multipart(image, mask))
        with wire(server) as kept:
            kept.ask(request)
            times = [
                (seconds(bare, image, mask), seconds(kept.ask, request), seconds(once, server, request))
                for _ in range(rounds)
            ]
        alone, *through = (statistics.median(column) for column in zip(*times, strict=True))
        limits[width, height] = alone
        for how, median in zip(("kept-alive", "new"), through, strict=True):
            print(
                f"latency, one client, {width}x{height}, {how} connection: bare {alone * 1000:.1f} ms, "
                f"server {median * 1000:.1f} ms, ratio {median / alone:.2f}"
            )
    return limits


def once(server: Served, request: bytes) -> None:
    """Send a request on a connection of its own."""
    with wire(server) as connection:
        connection.ask(request)


def throughput(server: Served, photo: Path, limits: dict[tuple[int, int], float]) -> None:
    """Print what four clients get through, against what one core could do with bare OpenCV."""
    for width, height, rounds in SIZES:
        body = multipart(*case(photo, width, height))
        total = CLIENTS * rounds

        def client(_: int, body: bytes = body, rounds: int = rounds) -> None:
            connection = server.connect()
            for _ in range(rounds):
                server.erase(connection, body)

        started = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(client, range(CLIENTS)))
        rate = total / (time.perf_counter() - started)
        print(
            f"throughput, {CLIENTS} clients, {width}x{height}: {rate:.1f}/s, one core's limit "
            f"{1 / limits[width, height]:.1f}/s, ratio {rate * limits[width, height]:.2f}"
        )


def crowd(server: Served, photo: Path) -> None:
    """Print the peak memory while 64 clients at once send 12-megapixel JPEGs, and what they were answered."""
    body = multipart(*case(photo, 4000, 3000))
    peak, done = [0.0, 0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[:] = [max(pair) for pair in zip(peak, tree_megabytes(server.pid), strict=True)]

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(CROWD) as pool:
        statuses = Counter(pool.map(lambda _: server.erase(server.connect(), body), range(CROWD)))
    done.set()
    watcher.join()
    print(
        f"memory, {CROWD} clients, 4000x3000, {len(body) / 1e6:.1f} MB each: peak {peak[0]:.0f} MB resident, "
        f"{peak[1]:.0f} MB proportional; answers {dict(sorted(statuses.items()))}"
    )


def main(photo: Path) -> None:
    """Measure and print."""
    cv2.setNumThreads(1)
    print(f"{len(os.sched_getaffinity(0))} processors, photo {photo.name}")
    with served(ENGINE="opencv") as server:
        print(f"ready after {server.ready_seconds:.2f} s")
        resident, proportional = tree_megabytes(server.pid)
        print(f"memory, idle: {resident:.0f} MB resident, {proportional:.0f} MB proportional")
        limits = latency(server, photo)
        throughput(server, photo, limits)
        resident, proportional = tree_megabytes(server.pid)
        print(f"memory, after these: {resident:.0f} MB resident, {proportional:.0f} MB proportional")
        crowd(server, photo)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLE)
