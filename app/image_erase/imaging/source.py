"""The properties of a file other than its pixels, parsed once."""

from dataclasses import dataclass

from image_erase.imaging.jpeg.markers import Segment


@dataclass(frozen=True, slots=True)
class Chunk:
    """A valid ancillary chunk of a PNG file. kind: its four letters."""

    kind: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Source:
    """The properties of a file.

    format: one of ALL_FORMATS. coded: a minimal valid file of that format with the pixels of the first picture. lossy:
    whether the pixels were compressed with loss. orientation: EXIF's, 1 to 8. icc_profile: None if there is none.
    density: horizontal and vertical dots per inch, both positive, of a BMP or TIFF. exif, xmp: as in the file, empty if
    there is none; for a PNG they are in its chunks. segments: all of a JPEG's, up to its first end of image. chunks:
    the ancillary chunks of a PNG that a result may keep.
    """

    format: str
    coded: bytes
    lossy: bool = False
    orientation: int = 1
    icc_profile: bytes | None = None
    density: tuple[float, float] | None = None
    exif: bytes = b""
    xmp: bytes = b""
    segments: tuple[Segment, ...] = ()
    chunks: tuple[Chunk, ...] = ()
