"""The cost of a bucket compared with a folder: a put, a link, a get, and a whole request.

python -m bench.storage [PHOTO]

The bucket is SeaweedFS's on loopback, so what is measured is the protocol and not a network. Folder and bucket take
turns on the same bytes in one run.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from bench.processes import Served, multipart, served
from bench.serving import EXAMPLE, case
from image_erase.clock import system_clock
from image_erase.results.links import Links
from image_erase.results.location import open_store
from image_erase.results.names import ResultName
from image_erase.results.store import ResultStore

sys.path.append(str(Path(__file__).parents[1] / "tests"))

ROUNDS = 20
ERASINGS = 8
SIZES = (200_000, 2_000_000, 20_000_000)
PHOTO_SIZES = ((768, 512), (4000, 3000))
KEY = "signing-key-of-the-benchmark"


async def kept(store: ResultStore, links: Links, data: bytes) -> list[float]:
    """Seconds for a put, for a link's making and verifying, and for a get."""
    name = ResultName.new("png", time.time(), 600)
    marks = [time.perf_counter()]
    await store.put(name, data)
    marks.append(time.perf_counter())
    links.verify(*links.path(name).split("/")[2:])
    marks.append(time.perf_counter())
    opened = await store.open(name, 0, await store.size(name))
    assert sum([len(chunk) async for chunk in opened.chunks()]) == len(data)
    marks.append(time.perf_counter())
    await store.delete(name, 0)
    return [after - before for before, after in pairwise(marks)]


async def stores(folder: str, bucket: str) -> None:
    """Print what the stores take by themselves."""
    links = Links([KEY], system_clock)
    opened = {"folder": open_store(folder), "bucket": open_store(bucket)}
    for size in SIZES:
        data = os.urandom(size)
        taken: dict[str, list[list[float]]] = {name: [] for name in opened}
        for _ in range(ROUNDS):
            for name, store in opened.items():
                taken[name].append(await kept(store, links, data))
        for name, rows in taken.items():
            put, link, get = (statistics.median(column) * 1000 for column in zip(*rows, strict=True))
            print(f"{size / 1e6:.1f} MB, {name}: put {put:.1f} ms, link {link:.2f} ms, get {get:.1f} ms")


def erasing(servers: dict[str, Served], photo: Path) -> None:
    """Print what an erasing takes with each."""
    for width, height in PHOTO_SIZES:
        body = multipart(*case(photo, width, height))
        taken: dict[str, list[float]] = {name: [] for name in servers}
        for round_ in range(ERASINGS + 1):
            for name, server in servers.items():
                started = time.perf_counter()
                server.erase(server.connect(), body)
                if round_:
                    taken[name].append(time.perf_counter() - started)
        folder, bucket = (statistics.median(taken[name]) * 1000 for name in ("folder", "bucket"))
        print(f"erasing, {width}x{height}: folder {folder:.1f} ms, bucket {bucket:.1f} ms, {bucket - folder:+.1f} ms")


def main(photo: Path) -> None:
    """Measure and print."""
    from support.buckets import SIGNING_KEY, Seaweed

    with tempfile.TemporaryDirectory() as folder, Seaweed(Path(folder)) as seaweed:
        place = seaweed.place("bench")
        os.environ.update(place.environment)
        asyncio.run(stores(f"file:{folder}/results", place.url))
        bucket = {"STORAGE_URL": place.url, "SIGNING_KEYS": SIGNING_KEY}
        with served(ENGINE="opencv") as first, served(ENGINE="opencv", **bucket) as second:
            erasing({"folder": first, "bucket": second}, photo)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLE)
