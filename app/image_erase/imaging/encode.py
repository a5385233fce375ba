"""Encode pictures as files."""

import io
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from image_erase.imaging.decode import PictureFile
from image_erase.imaging.formats import Output, fitted, target_of
from image_erase.imaging.header import SUFFIXES, Suffix
from image_erase.imaging.jpeg.markers import BadJpeg
from image_erase.imaging.jpeg.result import jpeg_result
from image_erase.imaging.jpeg.splice import CannotSplice
from image_erase.imaging.metadata.blocks import Blocks, metadata_blocks
from image_erase.imaging.metadata.exif import PREFIX
from image_erase.imaging.metadata.png import metadata_chunks, profile_of
from image_erase.imaging.metadata.policy import Policy
from image_erase.imaging.picture import Hole, Picture, Pixels
from image_erase.imaging.png import chunks as png
from image_erase.imaging.png.indexed import indexed_png
from image_erase.imaging.png.writer import encoded_png
from image_erase.imaging.tiff.writer import encoded_tiff
from image_erase.imaging.webp.writer import encoded_webp

_IHDR_BYTES = 25
# A segment has two bytes for its length; longer metadata is left out.
_MOST_SEGMENT = 65000


@dataclass(frozen=True)
class Encoded:
    """An encoded file. suffix: of its name. data: its bytes.

    reencode_reason: why a JPEG was re-encoded as a whole, otherwise empty. format_reasons: changes that the format made
    necessary, by name; see formats.py. only_hole: whether everything else decodes to the pixels of the upright source,
    with the exception of pixels beside the changed blocks of a JPEG. indexed: whether the hole of a PNG was rounded to
    the few colours of its source.
    """

    suffix: Suffix
    data: bytes
    reencode_reason: str = ""
    format_reasons: tuple[str, ...] = ()
    only_hole: bool = False
    indexed: bool = False


def encode_result(
    picture: Picture,
    image: Pixels,
    hole: Hole,
    *,
    policy: Policy,
    jpeg_quality: int,
    output: Output = "jpeg or png",
    quality: int | None = None,
) -> Encoded:
    """Encode a picture whose hole has been filled. image: its canvas with the hole filled.

    If a JPEG stays a JPEG, only the blocks that the hole touches are changed. If that is not possible, it is re-encoded
    with the source's tables, or with jpeg_quality (1 to 100) if these are unusable. quality: 1 to 100, re-encodes a
    JPEG as a whole and makes a WebP lossy; None: a WebP is lossy only if its source is. hole: HxW bool. policy: which
    metadata is kept.
    """
    source = picture.source
    assert source is not None
    target = target_of(picture, output)
    if keeps_blocks(picture.format, output, quality):
        return _spliced(picture, image, hole, policy, jpeg_quality)
    if picture.part is not None:
        picture, image = _completed(picture, image, hole)
    if target.format == "PNG" and picture.mode != "CMYK":
        chunks = metadata_chunks(source, policy, picture.quarter_turned)
        indexed = indexed_png(image, hole, source.coded) if source.format == "PNG" else None
        data = with_chunks(indexed or encoded_png(image), chunks)
        return Encoded("png", data, "", target.reasons, only_hole=True, indexed=indexed is not None)
    given = target
    filled, target = fitted(picture.with_canvas(image), given)
    assert filled.source is not None
    blocks = metadata_blocks(filled.source, policy, transposed=picture.quarter_turned)
    data = _written(filled, target.format, blocks, quality, jpeg_quality)
    lossless = target.format in ("BMP", "TIFF") or (target.format == "WEBP" and quality is None and not source.lossy)
    return Encoded(SUFFIXES[target.format], data, "", target.reasons, only_hole=lossless and target == given)


def keeps_blocks(source_format: str, output: Output, quality: int | None) -> bool:
    """Return whether encode_result changes only some blocks of the source, as far as that is possible."""
    return source_format == "JPEG" and output in ("same", "jpeg", "jpeg or png") and quality is None


def _spliced(picture: Picture, image: Pixels, hole: Hole, policy: Policy, jpeg_quality: int) -> Encoded:
    """Return a JPEG in which only the hole changes, if possible."""
    assert picture.source is not None
    result, part = picture.with_canvas(image), picture.part
    try:
        done = jpeg_result(
            picture.source,
            _as_pillow(result),
            hole,
            orientation=picture.orientation,
            policy=policy,
            part=part,
            begun=picture.begun,
        )
    except (CannotSplice, BadJpeg) as error:
        if part is not None:
            return _spliced(*_completed(picture, image, hole), hole, policy, jpeg_quality)
        return Encoded("jpg", _jpeg(result, jpeg_quality), str(error))
    # Turning exchanges rows and columns of coefficients, from which decoders round other pixels.
    only_hole = not done.reencode_reason and picture.orientation == 1
    return Encoded("jpg", done.data, done.reencode_reason, only_hole=only_hole)


def _written(picture: Picture, file_format: str, blocks: Blocks, quality: int | None, usual_quality: int) -> bytes:
    """Encode a whole file. usual_quality: of a lossy format, if the request names none."""
    if file_format == "JPEG":
        return _jpeg(picture, quality or usual_quality, blocks)
    if file_format == "WEBP":
        lossy = picture.source is not None and picture.source.lossy
        return encoded_webp(picture, blocks, quality or (usual_quality if lossy else None))
    if file_format == "TIFF":
        return encoded_tiff(picture, blocks)
    if file_format == "BMP":
        return _bmp(picture)
    chunks = [png.chunk(*profile_of(blocks.icc))] if blocks.icc else []
    return with_chunks(encoded_png(picture.canvas()[0]), chunks)


def encode_picture(picture: Picture, jpeg_quality: int) -> bytes:
    """Encode a picture without a source file, with its profile: as JPEG if that is its format, otherwise as PNG."""
    if picture.format == "JPEG":
        return _jpeg(picture, jpeg_quality)
    chunks = [png.chunk(*profile_of(picture.icc_profile))] if picture.icc_profile else []
    return with_chunks(encoded_png(picture.canvas()[0]), chunks)


def _completed(picture: Picture, image: Pixels, hole: Hole) -> tuple[Picture, Pixels]:
    """Return the whole picture of a part, without its pixels, and its canvas with that of the part pasted in."""
    assert picture.source is not None
    assert picture.part is not None
    height, width = hole.shape
    size = (height, width) if picture.quarter_turned else (width, height)
    whole = PictureFile(picture.source, size, "image").decoded()
    canvas = whole.canvas()[0].copy()
    canvas[picture.part] = image
    return whole.without_pixels(), canvas


def _as_pillow(picture: Picture) -> NDArray[np.uint8]:
    pixels = picture.pixels.astype(np.uint8, copy=False)
    return pixels[..., 0] if picture.mode == "L" else pixels


def _jpeg(picture: Picture, quality: int, blocks: Blocks | None = None) -> bytes:
    """Encode a JPEG. blocks: its metadata; None for its profile only."""
    blocks = blocks or Blocks(picture.icc_profile or b"")
    pixels = np.ascontiguousarray(picture.pixels)
    image = Image.frombuffer(picture.mode, picture.size, pixels.tobytes(), "raw", picture.mode, 0, 1)
    target = io.BytesIO()
    more = {"exif": PREFIX + blocks.exif} if 0 < len(blocks.exif) <= _MOST_SEGMENT else {}
    if 0 < len(blocks.xmp) <= _MOST_SEGMENT:
        more["xmp"] = blocks.xmp
    image.save(target, "JPEG", quality=quality, subsampling=picture.subsampling, icc_profile=blocks.icc or None, **more)
    return target.getvalue()


def _bmp(picture: Picture) -> bytes:
    """Encode a BMP of 8, 24 or 32 bits, which cannot contain metadata."""
    written, data = cv2.imencode(".bmp", picture.canvas()[0])
    if not written:
        raise MemoryError("OpenCV could not write the BMP")
    return data.tobytes()


def with_chunks(file: bytes, chunks: list[bytes]) -> bytes:
    """Insert chunks after the header, where the PNG specification requires those that affect colours."""
    split = len(png.SIGNATURE) + _IHDR_BYTES
    return b"".join((file[:split], *chunks, file[split:]))
