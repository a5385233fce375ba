"""Decode image files: detect the format, check the header, decode the upright picture."""

import contextlib
import io
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from image_erase.imaging import avif
from image_erase.imaging.area import Area, area_of
from image_erase.imaging.bmp import rle
from image_erase.imaging.failures import (
    BrokenFile,
    ImagingFailure,
    SideTooLong,
    SideTooShort,
    Subject,
    TooManyPixels,
    UnsupportedFormat,
)
from image_erase.imaging.header import FORMATS, claimed_size, format_of
from image_erase.imaging.jpeg.paused import PausedTransform
from image_erase.imaging.jpeg.pixels import decoded_pixels, with_margin, within
from image_erase.imaging.jpeg.splice import begin_splice
from image_erase.imaging.limits import TooCostly, Unsupported
from image_erase.imaging.picture import Box, Picture, Pixels, is_transposed, turned
from image_erase.imaging.pixels import all_pixels, require_memory, subsampling_of
from image_erase.imaging.reader import read_source
from image_erase.imaging.source import Source

# The size is checked here, from the header; Pillow's own limit would only be a second, looser one.
Image.MAX_IMAGE_PIXELS = None
rle.use()
avif.use()

# Formats that Pillow names differently.
_PLUGINS = {"HEIC": "HEIF"}

# libjpeg-turbo decodes into the pixels themselves, of which turning makes a copy. It keeps the coefficients of a whole
# progressive file.
_CANVAS_COPIES, _COEFFICIENT_BYTES = 2, 2
# Share of a JPEG up to which it takes less time to encode and decode a part once more than to decode the file twice.
_WORTH_ONE_PASS = 0.25
# Peak memory of filling a hole by copying, per pixel of the part that is decoded for it.
_FILLING_BYTES = 16


def decode_picture(
    data: bytes,
    max_side: int,
    subject: Subject = "image",
    *,
    formats: Sequence[str] = FORMATS,
    min_side: int = 1,
    max_pixels: int | None = None,
) -> Picture:
    """Decode a file; of an animation, its first frame. Takes and raises the same as open_picture."""
    file = open_picture(data, max_side, subject, formats=formats, min_side=min_side, max_pixels=max_pixels)
    return file.decoded()


def open_picture(
    data: bytes,
    max_side: int,
    subject: Subject = "image",
    *,
    formats: Sequence[str] = FORMATS,
    min_side: int = 1,
    max_pixels: int | None = None,
) -> "PictureFile":
    """Read everything in a file except its pixels.

    max_side, min_side: longest and shortest side allowed, in pixels. formats: those accepted, out of ALL_FORMATS.
    max_pixels: most pixels allowed; None for no limit. Raises UnsupportedFormat, SideTooLong, SideTooShort,
    TooManyPixels, BrokenFile or MemoryError.
    """
    file_format = format_of(data, formats)
    if file_format is None:
        raise UnsupportedFormat(subject, f"The file is none of {', '.join(formats[:-1])} and {formats[-1]}.")
    refuse_large(claimed_size(data, file_format), max_side, max_pixels, subject)
    with _refusals(subject, file_format):
        source = read_source(data, file_format)
        with _opened(source) as image:
            refuse_large(image.size, max_side, max_pixels, subject)
            refuse_short_side(image.size, min_side, subject)
            return PictureFile(source, image.size, subject)


@dataclass(frozen=True)
class PictureFile:
    """A picture file of an allowed size, not decoded yet.

    source: its properties. stored_size: width and height in pixels as the file stores them. subject: its role in the
    request.
    """

    source: Source
    stored_size: tuple[int, int]
    subject: Subject

    @property
    def orientation(self) -> int:
        """The EXIF orientation of the stored pixels."""
        return self.source.orientation

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the upright picture."""
        return self.stored_size[::-1] if is_transposed(self.orientation) else self.stored_size

    def decoded(self, part: Box | None = None) -> Picture:
        """Decode the upright picture.

        part: rows and columns that are needed; None for all. If that saves work, the returned picture is a part that
        contains them. Raises BrokenFile and MemoryError.
        """
        return self._decoded(part)

    @contextlib.contextmanager
    def editing(self, part: Box, *, splices: bool) -> Iterator[Picture]:
        """Decode as `decoded` does, for a result of this file.

        splices: whether only blocks of a JPEG will be replaced. If the part is small, its entropy-coded data is then
        decoded once, for the pixels and for the result; within the context, what that needs is kept.
        """
        begun = self._begun(part) if splices and self.source.format == "JPEG" else None
        try:
            yield self._edited(part, begun)
        finally:
            if begun:
                begun.close()

    def _edited(self, part: Box, begun: PausedTransform | None) -> Picture:
        """Decode, and close what has been begun if that is no use or leaves too little memory."""
        if begun:
            with contextlib.suppress(MemoryError):
                picture = self._decoded(part, begun)
                if picture.begun and _leaves_room(picture):
                    return picture
                begun.close()
                return replace(picture, begun=None)
            begun.close()
        return self._decoded(part)

    def _begun(self, part: Box) -> PausedTransform | None:
        area = area_of(part, self.stored_size, self.orientation)
        if area is None or area.pixels > _WORTH_ONE_PASS * math.prod(self.stored_size):
            return None
        return begin_splice(self.source, self.orientation, with_margin(area.stored, self.stored_size))

    def _decoded(self, part: Box | None, begun: PausedTransform | None = None) -> Picture:
        with _refusals(self.subject, self.source.format), _opened(self.source) as image:
            return _decoded(image, self.source, part, begun)


def _leaves_room(picture: Picture) -> bool:
    """Whether there is memory to fill a hole in a picture that is decoded."""
    try:
        require_memory(_FILLING_BYTES * math.prod(picture.size))
    except MemoryError:
        return False
    return True


@contextlib.contextmanager
def _refusals(subject: Subject, file_format: str) -> Iterator[None]:
    """Turn exceptions that mean a damaged file into BrokenFile."""
    try:
        yield
    except (ImagingFailure, MemoryError):
        raise
    except Unsupported as what:
        raise UnsupportedFormat(subject, f"The file {what}.") from None
    except TooCostly as what:
        raise BrokenFile(subject, f"The {file_format} file has too many {what}.") from None
    except Exception as error:
        # Decoders raise many kinds of exceptions for damaged files.
        raise BrokenFile(subject, f"The {file_format} file is damaged or incomplete.") from error


def _plugin(source: Source) -> str:
    return _PLUGINS.get(source.format, source.format)


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[Image.Image]:
    file = io.BytesIO(source.coded)
    with warnings.catch_warnings(action="ignore"), Image.open(file, formats=[_plugin(source)]) as image:
        yield image


def refuse_large(size: tuple[int, int] | None, max_side: int, max_pixels: int | None, subject: Subject) -> None:
    """Raise SideTooLong or TooManyPixels if a picture exceeds these limits.

    A size of None is not known yet.
    """
    if size and max(size) > max_side:
        raise SideTooLong(subject, f"The file is {size[0]}x{size[1]}, a side may have at most {max_side} pixels.")
    if size and max_pixels and size[0] * size[1] > max_pixels:
        raise TooManyPixels(subject, f"The file is {size[0]}x{size[1]}, it may have at most {max_pixels} pixels.")


def refuse_short_side(size: tuple[int, int], min_side: int, subject: Subject) -> None:
    """Raise SideTooShort if width or height is less than min_side pixels."""
    if min(size) < min_side:
        raise SideTooShort(subject, f"The file is {size[0]}x{size[1]}, a side must have at least {min_side} pixels.")


def _decoded(image: Image.Image, source: Source, part: Box | None, begun: PausedTransform | None) -> Picture:
    facts = source.format, source.icc_profile, subsampling_of(image), source.orientation, source
    if source.format == "JPEG" and image.mode in ("L", "RGB"):
        area = area_of(part, image.size, source.orientation)
        pixels = _as_canvas(image, source, area, begun)
        if pixels is not None:
            return Picture(pixels, image.mode, *facts, area.upright if area else None, begun)
    mode, pixels = all_pixels(image, source)
    return Picture(np.ascontiguousarray(turned(pixels, source.orientation)), mode, *facts)


def _as_canvas(image: Image.Image, source: Source, area: Area | None, begun: PausedTransform | None) -> Pixels | None:
    """Decode a JPEG without copying pixels: as BGR, of which RGB is a view. None if Pillow has to decode it."""
    stored = area.stored if area else (slice(0, image.height), slice(0, image.width))
    channels = len(image.getbands())
    needed = _CANVAS_COPIES * channels * math.prod(each.stop - each.start for each in stored)
    if "progressive" in image.info and not begun:
        needed += _COEFFICIENT_BYTES * channels * image.width * image.height
    require_memory(needed)
    if begun:
        around = with_margin(stored, image.size)
        height, width = (each.stop - each.start for each in around)
        pixels = decoded_pixels(begun.cropped, (width, height), channels, within(stored, around))
    else:
        pixels = decoded_pixels(source.coded, image.size, channels, stored)
    return None if pixels is None else np.ascontiguousarray(turned(pixels, source.orientation))[..., ::-1]
