"""Measure the splice against decoding, filling and re-encoding at quality 95, and PNG writing against OpenCV.

usage: python -m bench.splice [--megapixels 12] [--share 0.035] [--rounds 3] photo...
A photo is tiled up to the wanted size, coded at several qualities and samplings, and a round hole is filled.
"""

import argparse
import io
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from image_erase.imaging.encode import encode_result
from image_erase.imaging.jpeg.splice import reencode, splice
from image_erase.imaging.metadata.jpeg import with_metadata
from image_erase.imaging.metadata.policy import Policy
from image_erase.imaging.picture import Picture
from image_erase.imaging.reader import read_source
from image_erase.imaging.source import Source

Pixels = NDArray[np.uint8]
CASES = [(quality, sampling, mode) for quality in (75, 92) for sampling in ("4:4:4", "4:2:0") for mode in (False, True)]


def enlarged(path: Path, megapixels: float) -> Image.Image:
    """Mirror-tile a photo to about so many megapixels, at 3:2."""
    photo = np.asarray(Image.open(path).convert("RGB"))
    height = int((megapixels * 1e6 / 1.5) ** 0.5) // 16 * 16
    width = int(height * 1.5) // 16 * 16
    margin = ((0, max(0, height - photo.shape[0])), (0, max(0, width - photo.shape[1])), (0, 0))
    return Image.fromarray(np.pad(photo, margin, "symmetric")[:height, :width])


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


def timed(work: Callable[[], bytes], times: list[float]) -> bytes:
    """Run once and note the seconds."""
    start = time.perf_counter()
    result = work()
    times.append(time.perf_counter() - start)
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


def png_writing(picture: Image.Image, rounds: int) -> str:
    """Give a line that compares writing a PNG result with OpenCV's writer on pixels that lie ready for it."""
    pixels = np.asarray(picture)
    ready = np.ascontiguousarray(pixels[..., ::-1])
    result = Picture(pixels, "RGB", "BMP", source=Source("BMP", b""))
    canvas = result.canvas()[0]
    no_hole = np.zeros(pixels.shape[:2], np.bool_)

    def by_opencv() -> bytes:
        return cv2.imencode(".png", ready)[1].tobytes()

    times: dict[str, list[float]] = {"ours": [], "opencv": []}
    for _ in range(rounds):
        timed(
            lambda: encode_result(result, canvas, no_hole, policy=Policy.COLOUR, jpeg_quality=95).data,
            times["ours"],
        )
        timed(by_opencv, times["opencv"])
    ours, opencv = (statistics.median(times[name]) for name in ("ours", "opencv"))
    return f"PNG writing: ours {ours:5.3f} s, OpenCV {opencv:5.3f} s, ratio {ours / opencv:4.2f}"


def main() -> None:
    """Print the table. Of three numbers: the splice, decode-fill-encode at 95, reencode with the source's tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--megapixels", type=float, default=12)
    parser.add_argument("--share", type=float, default=0.035)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    for path in options.photos:
        picture = enlarged(path, options.megapixels)
        print(path.name, picture.size)
        print(png_writing(picture, options.rounds))
        for case in CASES:
            print(measure(picture, case, options.share, options.rounds))


if __name__ == "__main__":
    main()
