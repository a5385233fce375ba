"""Thousands of corrupted files: a worker answers each in time and never shows pixels of another file."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image_erase.jobs.messages import Done
from support.files import SMALL, chunk, mutants, png_file, valid_files
from support.pictures import file_of, mask_file, photo_file, pixels_of
from support.processes import processor_seconds
from support.server import Server
from support.workers import REFUSED_SECONDS, Worker, everywhere, worker

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT.parent / "shared" / "corpus"
FOUND = Path(__file__).parent / "found"
IMAGE, MASK = photo_file(size=SMALL), mask_file(SMALL)
# What a worker holds that has seen small files only; large pictures may take more.
SMALL_FILES_MEGABYTES = 250
SECRET, PLAIN = (211, 37, 149), (64, 64, 64)


def pictures_below(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.rglob("[!.]*")) if path.is_file()]


def test_generated_files() -> None:
    files = valid_files()
    with worker() as own:
        outcomes = own.survives(everywhere(files.values(), IMAGE, MASK))
        assert outcomes["done"] > len(files)
        outcomes = own.survives(everywhere(mutants(list(files.values()), 20, 1500), IMAGE, MASK))
        assert set(outcomes) <= {
            "done",
            "broken_file",
            "unsupported_format",
            "side_too_long",
            "size_mismatch",
            "nothing_to_fill_from",
        }
        assert min(outcomes["done"], outcomes["broken_file"], outcomes["unsupported_format"]) > 50
        assert own.peak_megabytes() < SMALL_FILES_MEGABYTES


@pytest.mark.skipif(not CORPUS.exists(), reason="needs the corpus")
def test_files_of_the_corpus() -> None:
    files = pictures_below(CORPUS)
    small = [data for data in files if len(data) < 8192]
    with worker() as own:
        own.survives((data, MASK) for data in files)
        own.survives((IMAGE, data) for data in files)
        own.survives(everywhere(mutants(small, 21, 300), IMAGE, MASK))
        assert own.peak_megabytes() < 2 * SMALL_FILES_MEGABYTES


def test_files_that_fuzzing_found() -> None:
    with worker() as own:
        own.survives(everywhere(pictures_below(FOUND), IMAGE, MASK))


def test_files_of_two_formats_at_once() -> None:
    """Each signature before the whole of every other file, and every file behind every other."""
    whole = list(valid_files().values())
    starts = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"RIFF\0\0\0\0WEBPVP8 ", b"GIF89a", b"%PDF-1.7\n", b"<svg>"]
    glued = [start + data for start in starts for data in whole]
    glued += [first + second for first in whole[::3] for second in whole[1::3]]
    with worker() as own:
        own.survives(everywhere(glued, IMAGE, MASK))


def test_headers_that_lie() -> None:
    """Every byte of every header with the values that overflow something."""
    lying = []
    for data in valid_files().values():
        for at in range(8, min(len(data), 54)):
            for value in {0x00, 0xFF} - {data[at]}:
                lying.append(data[:at] + bytes([value]) + data[at + 1 :])
    with worker() as own:
        own.survives((data, MASK) for data in lying)
        own.survives((IMAGE, data) for data in lying)


def test_through_the_server(server: Server) -> None:
    (worker_pid,) = server.workers()
    for data in mutants(list(valid_files().values()), 22, 150):
        before = processor_seconds(worker_pid)
        for answer in (server.client.erase(data, MASK), server.client.erase(IMAGE, data)):
            assert answer.status_code < 500, data
        assert processor_seconds(worker_pid) - before < REFUSED_SECONDS
    assert server.workers() == {worker_pid}, "a file has cost a worker"


def broken_files(size: tuple[int, int]) -> list[bytes]:
    """Files of a plain colour that a decoder may leave unfilled in parts, or as a whole."""
    plain = Image.new("RGB", size, PLAIN)
    whole = [file_of(plain, kind) for kind in ("PNG", "JPEG", "BMP", "WEBP")]
    whole.append(file_of(plain, "JPEG", progressive=True))
    stride = 1 + 6 * size[0]
    rows = (b"\0" + bytes([64]) * (stride - 1)) * size[1]
    short = [zlib.compress(rows[: len(rows) * share // 100]) for share in (0, 1, 50, 99)]
    sixteen = [png_file(size, 16, 2, rows=data) for data in (*short, b"", b"\0", short[2][:-9])]
    cut = [data[: len(data) * share // 100] for data in (*whole, *sixteen) for share in (30, 60, 90, 99)]
    ended = [data[:-2] + b"\xff\xd9" for data in cut if data[:2] == b"\xff\xd8"]
    ended += [data + chunk(b"IEND", b"") for data in cut if data[:4] == b"\x89PNG"]
    return [*sixteen, *cut, *ended, *mutants([*whole, *sixteen], 24, 200)]


def shows_secret(pixels: np.ndarray) -> bool:
    """Whether a tenth of the pixels has the colour of the picture that was there before."""
    if pixels.ndim < 3 or pixels.shape[2] < 3:
        return False
    eight_bits = pixels >> 8 if pixels.dtype == np.uint16 else pixels
    return (abs(eight_bits[..., :3].astype(int) - SECRET).max(axis=2) < 6).mean() > 0.001


@pytest.mark.parametrize("kind", ["8-bit PNG", "16-bit PNG", "JPEG"])
def test_no_pixel_of_an_earlier_picture(kind: str) -> None:
    """OpenCV 4.10 and 4.11 left memory as it was where a file was broken: an earlier picture showed through."""
    size = (96, 64)
    secret = file_of(Image.new("RGB", size, SECRET), "JPEG" if kind == "JPEG" else "PNG")
    if kind == "16-bit PNG":
        row = b"\0" + b"".join(bytes([value, value]) for value in SECRET) * size[0]
        secret = png_file(size, 16, 2, rows=zlib.compress(row * size[1]))
    mask = mask_file(size)
    with worker() as own:
        for broken in broken_files(size):
            shown = _erased(own, secret, mask)
            assert shown is not None
            assert shows_secret(shown), "the test could not tell"
            after = _erased(own, broken, mask)
            assert after is None or not shows_secret(after)


def _erased(own: Worker, image: bytes, mask: bytes) -> np.ndarray | None:
    answer = own.erase(image, mask)
    return pixels_of(bytes(answer.data)) if isinstance(answer, Done) else None
