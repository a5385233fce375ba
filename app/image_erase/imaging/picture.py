"""A decoded picture, and the properties of its file that its result keeps."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from image_erase.imaging.jpeg.paused import PausedTransform
from image_erase.imaging.source import Source

Pixels = NDArray[np.uint8 | np.uint16]
Hole = NDArray[np.bool_]
Box = tuple[slice, slice]
COLOURS = 3

# For each EXIF orientation: whether to transpose the stored picture first, and which axes to flip then.
# Exif 2.32, 4.6.4, tag 274.
_TURNS = {
    1: (False, ()),
    2: (False, (1,)),
    3: (False, (0, 1)),
    4: (False, (0,)),
    5: (True, ()),
    6: (True, (1,)),
    7: (True, (0, 1)),
    8: (True, (0,)),
}


def is_transposed(orientation: int) -> bool:
    """Return whether an EXIF orientation exchanges width and height."""
    return _TURNS[orientation][0]


def reversed_axes(orientation: int) -> tuple[int, ...]:
    """Return the axes of the upright picture that an EXIF orientation reverses: 0 rows, 1 columns."""
    return _TURNS[orientation][1]


def turned(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return a view of HxW or HxWxC turned upright from its EXIF orientation (1 to 8)."""
    transpose, axes = _TURNS[orientation]
    return np.flip(array.swapaxes(0, 1) if transpose else array, axes)


class Placed(Protocol):
    """The size and orientation of a picture, with which its mask is compared."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the upright picture."""
        ...

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height in pixels as the file stores them."""
        ...

    @property
    def orientation(self) -> int:
        """EXIF's, 1 to 8."""
        ...


@dataclass(frozen=True)
class Picture:
    """An upright picture, or a part of one.

    pixels: HxWxC, uint8 or uint16, with the channels of `mode`; RGB may be a view of BGR. mode: `L`, `LA`, `RGB`,
    `RGBA` or `CMYK`. format: of the file, one of ALL_FORMATS. icc_profile: None if there is none. subsampling: of a
    JPEG's chroma, in Pillow's numbers: 0 is 4:4:4, 1 is 4:2:2, 2 is 4:2:0. orientation: EXIF's, of the stored pixels.
    source: the file's properties, None for a picture without a file. part: the rows and columns of the upright picture
    that the pixels cover; None for all. begun: the writing of a JPEG result, which begins with reading the pixels.
    """

    pixels: Pixels
    mode: str
    format: str
    icc_profile: bytes | None = None
    subsampling: int = 0
    orientation: int = 1
    source: Source | None = None
    part: Box | None = None
    begun: PausedTransform | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height as the file stores them, before the picture is turned upright."""
        width, height = self.size
        return (height, width) if self.quarter_turned else (width, height)

    @property
    def quarter_turned(self) -> bool:
        """Whether width and height are exchanged between the file and the upright picture."""
        return is_transposed(self.orientation)

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.mode in ("LA", "RGBA")

    def canvas(self) -> tuple[Pixels, NDArray[np.uint8]]:
        """The arrays that an eraser works on: the image and its guide.

        image: HxWxC of the picture's depth, colours as BGR. guide: HxWx3 uint8 BGR without alpha; if the image has that
        form, the guide is the image itself.
        """
        image = _swapped(self.pixels) if self.mode in ("RGB", "RGBA") else self.pixels
        small = (image >> 8 if image.dtype == np.uint16 else image).astype(np.uint8, copy=False)
        if self.mode in ("L", "LA"):
            return image, np.repeat(small[..., :1], 3, axis=2)
        if self.mode == "CMYK":
            return image, _without_ink(small)
        return image, small if self.mode == "RGB" else np.asarray(cv2.cvtColor(small, cv2.COLOR_BGRA2BGR), np.uint8)

    def without_pixels(self) -> "Picture":
        """Return the picture without its pixels, so that their memory is free while others are processed."""
        return replace(self, pixels=self.pixels[:0].copy())

    def with_canvas(self, image: Pixels) -> "Picture":
        """Return the picture with the pixels of an erased canvas."""
        if self.mode == "RGB":
            return replace(self, pixels=image[..., ::-1])
        return replace(self, pixels=_swapped(image) if self.mode == "RGBA" else image)


def _without_ink(cmyk: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the visible colours of HxWx4 CMYK as HxWx3 BGR: the complement of the ink that Pillow's CMYK contains.

    Channel by channel: NumPy is several times slower where the last axis is short.
    """
    shown = np.empty((*cmyk.shape[:2], COLOURS), np.uint8)
    white = 255 - cmyk[..., 3].astype(np.uint16)
    for c in range(COLOURS):
        shown[..., c] = (255 - cmyk[..., 2 - c]) * white // 255
    return shown


def _swapped(pixels: Pixels) -> Pixels:
    """Exchange red and blue of HxWxC, C 3 or 4. If `pixels` is a swapped view of an array, return that array."""
    if pixels.shape[2] == COLOURS and pixels[..., ::-1].flags.c_contiguous:
        return pixels[..., ::-1]
    code = cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    swapped: Pixels = cv2.cvtColor(pixels, code)  # type: ignore[assignment]
    return swapped
