"""A decoded picture, and what of its file must survive."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from image_erase.imaging.source import Source

Pixels = NDArray[np.uint8 | np.uint16]
Hole = NDArray[np.bool_]
Box = tuple[slice, slice]
COLOURS = 3

# EXIF orientation -> (transpose first?, then flip these axes): how stored rows and columns become upright ones.
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
    """Whether width and height change places between a file of that EXIF orientation and the upright picture."""
    return _TURNS[orientation][0]


def reversed_axes(orientation: int) -> tuple[int, ...]:
    """Which axes of the upright picture run the other way in a file of that EXIF orientation: 0 rows, 1 columns."""
    return _TURNS[orientation][1]


def turned(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    """An HxW or HxWxC array as its EXIF orientation (1 to 8) says it is to be seen. A view."""
    transpose, axes = _TURNS[orientation]
    return np.flip(array.swapaxes(0, 1) if transpose else array, axes)


class Placed(Protocol):
    """What a mask is compared with: the size of a picture and how it stands in its file."""

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

    pixels: HxWxC, uint8 or uint16, channels as `mode` names them; RGB may be a view of BGR. mode: `L`, `LA`,
    `RGB`, `RGBA` or `CMYK`.
    format: what the file was, one of ALL_FORMATS. icc_profile: None where it had none.
    subsampling: of a JPEG's chroma, in Pillow's numbers: 0 is 4:4:4, 1 is 4:2:2, 2 is 4:2:0.
    orientation: EXIF's, how the pixels stood in the file. source: the file's facts, None for a picture without a file.
    part: the rows and columns of the upright picture that the pixels are; None for all.
    """

    pixels: Pixels
    mode: str
    format: str
    icc_profile: bytes | None = None
    subsampling: int = 0
    orientation: int = 1
    source: Source | None = None
    part: Box | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height as the file stores them, before it is turned upright."""
        width, height = self.size
        return (height, width) if self.quarter_turned else (width, height)

    @property
    def quarter_turned(self) -> bool:
        """Whether width and height change places between the file and the upright picture."""
        return is_transposed(self.orientation)

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.mode in ("LA", "RGBA")

    def canvas(self) -> tuple[Pixels, NDArray[np.uint8]]:
        """What an eraser works on: the image, and the guide that says what it looks like.

        image: HxWxC of the picture's depth, colours as BGR. guide: HxWx3 uint8 BGR without alpha; where the image
        is just that, it is the image itself.
        """
        image = _swapped(self.pixels) if self.mode in ("RGB", "RGBA") else self.pixels
        small = (image >> 8 if image.dtype == np.uint16 else image).astype(np.uint8, copy=False)
        if self.mode in ("L", "LA"):
            return image, np.repeat(small[..., :1], 3, axis=2)
        if self.mode == "CMYK":
            # Pillow's CMYK counts ink; paper shows what no ink takes away.
            white = 255 - small[..., 3:].astype(np.uint16)
            return image, ((255 - small[..., 2::-1]) * white // 255).astype(np.uint8)
        return image, small if self.mode == "RGB" else np.ascontiguousarray(small[..., :3])

    def without_pixels(self) -> "Picture":
        """All that is known of the picture but its pixels, so that their memory is free while others are worked on."""
        return replace(self, pixels=self.pixels[:0].copy())

    def with_canvas(self, image: Pixels) -> "Picture":
        """The same picture after an eraser has worked on its canvas."""
        if self.mode == "RGB":
            return replace(self, pixels=image[..., ::-1])
        return replace(self, pixels=_swapped(image) if self.mode == "RGBA" else image)


def _swapped(pixels: Pixels) -> Pixels:
    """Red and blue change places. HxWxC, C 3 or 4. The array that `pixels` is a view of, where it lies that way."""
    if pixels.shape[2] == COLOURS and pixels[..., ::-1].flags.c_contiguous:
        return pixels[..., ::-1]
    code = cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    swapped: Pixels = cv2.cvtColor(pixels, code)  # type: ignore[assignment]
    return swapped
