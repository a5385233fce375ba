"""Read PNG files."""

from image_erase.imaging.limits import MAX_CHUNKS, refuse
from image_erase.imaging.metadata.exif import orientation_of
from image_erase.imaging.png.chunks import SIGNATURE, RawChunk, raw_chunks
from image_erase.imaging.png.text import Inflation
from image_erase.imaging.source import Chunk, Source

_GREY, _TRUECOLOUR, _PALETTE = 0, 2, 3
_IHDR_BYTES, _COLOUR_TYPE_AT = 13, 9
_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
# PNG specification, third edition, 11.3: chunks of a fixed length, and those that must precede the pixels.
_LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4, b"mDCV": 24, b"cLLI": 8, b"pHYs": 9, b"tIME": 7}
_BEFORE_PIXELS = frozenset(_LENGTHS) - {b"tIME"} | {b"iCCP", b"tRNS"}
_TEXT = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_MOST_PROFILE_NAME = 79
_MOST_SRGB_INTENT = 3


def read_png(data: bytes) -> Source:
    """Read the chunks up to IEND. Raises ValueError if a critical chunk is broken or misplaced, and TooCostly.

    Ancillary chunks that are broken, misplaced, repeated or too large are left out, and so are the chunks of an
    animation, so that every decoder shows the picture in IDAT.
    """
    reading = _Reading()
    for number, chunk in enumerate(raw_chunks(data)):
        refuse(number >= MAX_CHUNKS, "chunks")
        reading.take(chunk)
    return reading.source()


class _Reading:
    """The state of reading a file."""

    def __init__(self) -> None:
        self._parts: list[memoryview | bytes] = [SIGNATURE]
        self._kept: dict[bytes, Chunk] = {}
        self._texts: list[Chunk] = []
        self._profile: bytes | None = None
        self._inflation = Inflation()
        self._colour_type = -1
        self._palette_entries = 0
        self._last = b""
        self._pixels_began = False

    def take(self, chunk: RawChunk) -> None:
        """Read the next chunk."""
        if chunk.critical:
            self._require_in_place(chunk)
            self._parts.append(chunk.raw)
        elif chunk.sound and self._is_right(chunk.kind, chunk.data):
            self._keep(chunk.kind, bytes(chunk.data), chunk.raw)
        self._last = chunk.kind
        self._pixels_began |= chunk.kind == b"IDAT"

    def source(self) -> Source:
        """Return the properties of the file, once all chunks are read."""
        exif = self._kept[b"eXIf"].data if b"eXIf" in self._kept else b""
        return Source(
            "PNG",
            b"".join(self._parts),
            orientation=orientation_of(exif),
            icc_profile=self._profile,
            chunks=(*self._kept.values(), *self._texts),
        )

    def _require_in_place(self, chunk: RawChunk) -> None:
        """Raise ValueError if a critical chunk is broken, unknown or misplaced."""
        if not chunk.sound:
            raise ValueError("a checksum is wrong")
        if chunk.kind not in _CRITICAL:
            raise ValueError("an unknown critical chunk")
        if (chunk.kind == b"IHDR") != (not self._last):
            raise ValueError("IHDR is not the first chunk")
        if chunk.kind == b"IHDR":
            if len(chunk.data) != _IHDR_BYTES:
                raise ValueError("IHDR is of another length")
            self._colour_type = chunk.data[_COLOUR_TYPE_AT]
        elif chunk.kind == b"PLTE":
            self._palette_entries = len(chunk.data) // 3
        elif chunk.kind == b"IDAT" and self._pixels_began and self._last != b"IDAT":
            raise ValueError("IDAT chunks are not in one row")

    def _is_right(self, kind: bytes, data: memoryview) -> bool:
        """Whether an ancillary chunk is to be kept: known, not repeated, in a valid position, of a valid length."""
        if kind in self._kept or (self._pixels_began and kind in _BEFORE_PIXELS):
            return False
        if kind == b"tRNS":
            most = {_GREY: (2, 2), _TRUECOLOUR: (6, 6), _PALETTE: (1, self._palette_entries)}
            least, longest = most.get(self._colour_type, (1, 0))
            return least <= len(data) <= longest
        if kind == b"sRGB":
            return len(data) == 1 and data[0] <= _MOST_SRGB_INTENT
        if kind == b"gAMA":
            return len(data) == 4 and any(data)
        return len(data) == _LENGTHS.get(kind, len(data)) and (
            kind in _LENGTHS or kind in _TEXT or kind in (b"eXIf", b"iCCP")
        )

    def _keep(self, kind: bytes, data: bytes, raw: memoryview) -> None:
        if kind == b"tRNS":
            self._parts.append(raw)
            self._kept[kind] = Chunk(kind, data)
        elif kind in _TEXT:
            self._texts.append(Chunk(kind, data))
        elif kind != b"iCCP":
            self._kept[kind] = Chunk(kind, data)
        elif profile := self._inflated(data):
            self._profile = profile
            self._kept[kind] = Chunk(kind, data)

    def _inflated(self, data: bytes) -> bytes | None:
        """Return the profile in an iCCP chunk, None if it is broken or too large."""
        name, _, rest = data.partition(b"\0")
        named = 1 <= len(name) <= _MOST_PROFILE_NAME and rest[:1] == b"\0"
        return self._inflation.inflated(rest[1:]) if named else None
