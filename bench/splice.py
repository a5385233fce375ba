"""Measure decoding and writing against OpenCV, and the splice against decoding, filling and re-encoding.

usage: python -m bench.splice [--megapixels 12] [--large 50] [--share 0.035] [--rounds 3] photo...
A photo is tiled up to the wanted size, coded at several qualities and samplings, and a round hole is filled. A large
picture with a small hole is erased in a process of its own, whose memory and processor time are shown.
"""

import argparse
import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from image_erase.erasure.eraser import Eraser, EraserOptions
from image_erase.imaging.decode import open_picture
from image_erase.imaging.encode import encode_result
from image_erase.imaging.jpeg.splice import reencode, splice
from image_erase.imaging.mask import decode_mask
from image_erase.imaging.metadata.jpeg import with_metadata
from image_erase.imaging.metadata.policy import Policy
from image_erase.imaging.picture import Picture
from image_erase.imaging.png.writer import encoded_png
from image_erase.imaging.reader import read_source
from image_erase.jobs.job import erase_file, make_eraser
from image_erase.jobs.options import JobOptions

Pixels = NDArray[np.uint8]
Result = TypeVar("Result")
STAGES = "decode", "encode", "cv decode", "cv mask", "cv encode", "cv encode alike"
SAMPLINGS = {"4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444, "4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420}
CASES = [(quality, sampling, mode) for quality in (75, 92) for sampling in ("4:4:4", "4:2:0") for mode in (False, True)]


def enlarged(path: Path, megapixels: float) -> Image.Image:
    """Mirror-tile a photo to about so many megapixels, at 3:2, with grain, so that no row is that of another tile."""
    photo = np.asarray(Image.open(path).convert("RGB"))
    height = int((megapixels * 1e6 / 1.5) ** 0.5) // 16 * 16
    width = int(height * 1.5) // 16 * 16
    margin = ((0, max(0, height - photo.shape[0])), (0, max(0, width - photo.shape[1])), (0, 0))
    tiles = np.pad(photo, margin, "symmetric")[:height, :width]
    grain = np.random.default_rng(0).integers(-2, 3, tiles.shape, np.int8)
    return Image.fromarray(np.clip(tiles + grain.astype(np.int16), 0, 255).astype(np.uint8))


def round_hole(shape: tuple[int, ...], share: float) -> NDArray[np.bool_]:
    """Give a disc in the middle that covers `share` of the picture."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    radius = (share * shape[0] * shape[1] / np.pi) ** 0.5
    disc: NDArray[np.bool_] = (rows - shape[0] / 2) ** 2 + (columns - shape[1] / 2) ** 2 < radius**2
    return disc


def coded(picture: Image.Image, quality: int, sampling: str = "4:2:0", progressive: bool = False) -> bytes:
    """Code as JPEG."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality, subsampling=sampling, progressive=progressive)
    return file.getvalue()


def decoded(data: bytes) -> Pixels:
    """Decode as Pillow does."""
    return np.array(Image.open(io.BytesIO(data)))


def spliced(source: bytes, filled: Pixels, hole: NDArray[np.bool_]) -> bytes:
    """Splice, and keep the metadata of the default policy."""
    facts = read_source(source, "JPEG")
    return with_metadata(facts.segments, splice(facts, filled, hole, orientation=1), Policy.COLOUR)


def plainly(source: bytes, filled: Pixels) -> bytes:
    """Decode, then re-encode the filled picture, as a server without splicing does."""
    decoded(source)
    return coded(Image.fromarray(filled), 95)


def timed(work: Callable[[], Result], times: list[float]) -> Result:
    """Run once and note the seconds of processor time of all threads, which other programs disturb less."""
    start = time.process_time()
    result = work()
    times.append(time.process_time() - start)
    return result


def psnr(one: Pixels, other: Pixels) -> float:
    """Give the PSNR in dB, 99 for equal."""
    error = float(np.mean((one.astype(np.float32) - other) ** 2))
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)


def measure(picture: Image.Image, case: tuple[int, str, bool], share: float, rounds: int) -> str:
    """Give one line of the table."""
    quality, sampling, progressive = case
    source = coded(picture, quality, sampling, progressive)
    shown = decoded(source)
    hole = round_hole(shown.shape[:2], share)
    filled = shown.copy()
    filled[hole] = np.roll(shown, shown.shape[1] // 3, 1)[hole]
    times: dict[str, list[float]] = {"ours": [], "plain": [], "anew": []}
    for _ in range(rounds):
        ours = timed(lambda: spliced(source, filled, hole), times["ours"])
        plain = timed(lambda: plainly(source, filled), times["plain"])
        anew = timed(lambda: reencode(read_source(source, "JPEG"), filled, orientation=1), times["anew"])
    ours_shown, plain_shown = decoded(ours), decoded(plain)
    changed = [float((each != shown).any(axis=2)[~hole].mean()) for each in (ours_shown, plain_shown, decoded(anew))]
    seconds = {name: statistics.median(values) for name, values in times.items()}
    return (
        f"{quality:3d} {sampling} {'prog' if progressive else 'base'}  "
        f"outside changed {changed[0]:7.3%} {changed[1]:7.2%} {changed[2]:7.2%}  "
        f"size {len(ours) / len(source):5.3f} {len(plain) / len(source):5.2f} "
        f"{len(anew) / len(source):5.3f}  s {seconds['ours']:5.3f} {seconds['plain']:5.3f} {seconds['anew']:5.3f}  "
        f"ours/plain {seconds['ours'] / seconds['plain']:4.2f}  hole dB {psnr(ours_shown[hole], filled[hole]):4.1f} "
        f"{psnr(plain_shown[hole], filled[hole]):4.1f}"
    )


def mask_file(hole: NDArray[np.bool_]) -> bytes:
    """Code a mask as PNG."""
    return cv2.imencode(".png", hole.view(np.uint8) * 255)[1].tobytes()


def opened(source: bytes, mask: bytes, stack: contextlib.ExitStack) -> tuple[Picture, NDArray[Any], NDArray[np.bool_]]:
    """Decode what a job decodes. Returns the picture, a canvas of it and the hole."""
    file = open_picture(source, 1 << 16)
    hole = decode_mask(mask, file, 1 << 16).hole
    picture = stack.enter_context(file.editing(Eraser(EraserOptions()).reach(hole), splices=True))
    return picture, picture.canvas()[0], hole


def by_opencv(source: bytes, alike: list[int], seconds: dict[str, list[float]]) -> None:
    """Decode once, and encode with OpenCV's defaults, quality 95 and 4:2:0, and with the parameters of the source."""
    pixels = timed(lambda: cv2.imdecode(np.frombuffer(source, np.uint8), cv2.IMREAD_COLOR), seconds["cv decode"])
    assert pixels is not None
    timed(lambda: cv2.imencode(".jpg", pixels), seconds["cv encode"])
    timed(lambda: cv2.imencode(".jpg", pixels, alike), seconds["cv encode alike"])


def decoding_and_encoding(picture: Image.Image, quality: int, sampling: str, share: float, rounds: int) -> str:
    """Give a line that compares decoding and encoding of a whole job with OpenCV's of the same files."""
    source = coded(picture, quality, sampling)
    mask = mask_file(round_hole((picture.height, picture.width), share))
    seconds: dict[str, list[float]] = {name: [] for name in STAGES}
    alike = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLINGS[sampling]]
    for _ in range(rounds):
        with contextlib.ExitStack() as stack:
            job, canvas, hole = timed(lambda: opened(source, mask, stack), seconds["decode"])
            timed(
                lambda: encode_result(job.without_pixels(), canvas, hole, policy=Policy.COLOUR, jpeg_quality=95),  # noqa: B023
                seconds["encode"],
            )
        timed(lambda: cv2.imdecode(np.frombuffer(mask, np.uint8), cv2.IMREAD_GRAYSCALE), seconds["cv mask"])
        by_opencv(source, alike, seconds)
    each = {name: statistics.median(values) for name, values in seconds.items()}
    ours, theirs = each["decode"] + each["encode"], each["cv decode"] + each["cv encode"]
    same = each["cv decode"] + each["cv encode alike"]
    spent = ", ".join(f"{name} {each[name]:5.3f}" for name in each)
    return (
        f"JPEG {quality} {sampling}, hole {share:6.2%}: {spent} s, ratio {ours / theirs:4.2f} (alike "
        f"{ours / same:4.2f}), with OpenCV's time for the mask {ours / (theirs + each['cv mask']):4.2f} "
        f"({ours / (same + each['cv mask']):4.2f})"
    )


def png_writing(picture: Image.Image, rounds: int) -> str:
    """Give a line that compares writing a PNG result with OpenCV's writer, and its size with Pillow's."""
    source = io.BytesIO()
    picture.save(source, "PNG")
    canvas = np.ascontiguousarray(np.asarray(picture)[..., ::-1])
    times: dict[str, list[float]] = {"ours": [], "opencv": []}
    for _ in range(rounds):
        ours = timed(lambda: encoded_png(canvas), times["ours"])
        theirs = timed(lambda: bytes(cv2.imencode(".png", canvas)[1].data), times["opencv"])
    seconds = [statistics.median(each) for each in times.values()]
    sizes = [len(each) / len(source.getvalue()) for each in (ours, theirs)]
    return (
        f"PNG: ours {seconds[0]:5.3f} s, OpenCV {seconds[1]:5.3f} s, ratio {seconds[0] / seconds[1]:4.2f}; "
        f"size by source's {sizes[0]:4.2f}, OpenCV's {sizes[1]:4.2f}"
    )


def erase_alone(image: Path, mask: Path) -> None:
    """Erase in this process, and print its processor time and the most memory that it held."""
    options = JobOptions(max_side=1 << 16, engine="opencv")
    eraser = make_eraser(options)
    files, before = (image.read_bytes(), mask.read_bytes()), time.process_time()
    facts = erase_file(*files, options, eraser, time_left=lambda: 600.0).facts
    # The system's count of the most memory begins with that of the parent.
    status = Path("/proc/self/status").read_text()
    memory = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    print(
        f"{facts.width}x{facts.height}, hole {facts.hole:.2%}: processor {time.process_time() - before:5.2f} s "
        f"(decode {facts.decode_ms:.0f}, erase {facts.erase_ms:.0f}, encode {facts.encode_ms:.0f} ms), "
        f"memory of the process {memory:.0f} MB"
    )


def large(path: Path, megapixels: float) -> str:
    """Give a line on a large JPEG with a small hole, erased in a process of its own."""
    picture = enlarged(path, megapixels)
    with tempfile.TemporaryDirectory() as folder:
        image, mask = Path(folder) / "image.jpg", Path(folder) / "mask.png"
        image.write_bytes(coded(picture, 90))
        mask.write_bytes(mask_file(round_hole((picture.height, picture.width), 0.001)))
        command = [sys.executable, "-m", "bench.splice", "--alone", str(mask), str(image)]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout.strip()


def main() -> None:
    """Print the table. Of three numbers: the splice, decode-fill-encode at 95, reencode with the source's tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--share", type=float, default=0.035)
    parser.add_argument("--large", type=float, default=50)
    parser.add_argument("--alone", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.alone:
        erase_alone(options.photos[0], options.alone)
        return
    for path in options.photos:
        picture = enlarged(path, options.megapixels)
        print(path.name, picture.size)
        for sampling, share in (("4:2:0", options.share), ("4:4:4", options.share), ("4:2:0", 0.001)):
            print(decoding_and_encoding(picture, 92, sampling, share, options.rounds))
        print(png_writing(picture, options.rounds))
        print(large(path, options.large))
        for case in CASES:
            print(measure(picture, case, options.share, options.rounds))


if __name__ == "__main__":
    main()
