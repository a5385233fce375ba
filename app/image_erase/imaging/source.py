"""What a file says besides its pixels, parsed once."""

from dataclasses import dataclass

from image_erase.imaging.jpeg.markers import Segment


@dataclass(frozen=True, slots=True)
class Chunk:
    """An ancillary chunk of a PNG file that is sound. kind: its four letters."""

    kind: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Source:
    """A file's facts.

    format: one of ALL_FORMATS. coded: a file of that format with the same pixels, of its first picture,
    and nothing else that a decoder could stumble over; its framing is sound. lossy: whether pixels are only about what
    they were before they were encoded. orientation: EXIF's, 1 to 8. icc_profile: None where there is none. density:
    dots per inch across and down, both over 0, of a BMP or TIFF. exif, xmp: as in the file, empty where there is none;
    of a PNG they are in its chunks. segments: all of a JPEG's, up to its first end of image. chunks: the ancillary
    chunks of a PNG that a result may keep.
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
