"""Decode run-length encoded BMP pixels to palette indices, in a time bounded by the size of the file."""

from PIL import (
    BmpImagePlugin,  # noqa: F401  registers its own decoder on import, which must happen first
    Image,
    ImageFile,
)

from image_erase.imaging.limits import TooCostly

# Each costs two microseconds; a picture with more runs would be as small uncompressed.
MAX_CODES = 500_000
_END_OF_LINE, _END_OF_BITMAP, _DELTA = 0, 1, 2


def use() -> None:
    """Replace Pillow's decoder, which takes seconds for a few kilobytes of line ends."""
    Image.register_decoder("bmp_rle", RleDecoder)


class RleDecoder(ImageFile.PyDecoder):
    """Pillow's interface to expanded()."""

    _pulls_fd = True

    def decode(self, buffer: object) -> tuple[int, int]:
        """Decode the whole tile. Raises ValueError if pixels are missing."""
        assert self.fd is not None
        size = self.state.xsize, self.state.ysize
        indices = expanded(self.fd.read(), size, four_bits=bool(self.args[1]))
        self.set_as_raw(indices, "L" if self.mode in ("1", "L") else "P", (0, self.args[-1]))
        return -1, 0


def expanded(codes: bytes, size: tuple[int, int], *, four_bits: bool) -> bytes:
    """Return the indices of all rows in the file's order, one byte each; pixels that the codes skip are 0.

    codes: BI_RLE8, or BI_RLE4 if `four_bits`, as specified by the Windows GDI documentation of bitmap compression.
    Raises ValueError if the codes end before the bitmap is full, and TooCostly.
    """
    return bytes(_Bitmap(codes, size, four_bits).filled())


class _Bitmap:
    """Rows being decoded. x, y: position of the next pixel. at: offset of the next code."""

    def __init__(self, codes: bytes, size: tuple[int, int], four_bits: bool) -> None:
        self.codes, self.four_bits = codes, four_bits
        self.width, self.height = size
        self.pixels = bytearray(self.width * self.height)
        self.x = self.y = self.at = 0

    def filled(self) -> bytearray:
        done = 0
        while self.y < self.height and not self._ends():
            done += 1
            if done > MAX_CODES:
                raise TooCostly("codes")
            count, value = self._take(2)
            if count:
                self._put(_run(count, value) if self.four_bits else bytes((value,)) * count)
            elif value == _END_OF_BITMAP:
                break
            else:
                self._escape(value)
        return self.pixels

    def _ends(self) -> bool:
        """Whether the last row is full and nothing follows: not all encoders write an end-of-bitmap code."""
        return self.at == len(self.codes) and self.y == self.height - 1 and self.x >= self.width

    def _take(self, count: int) -> bytes:
        taken = self.codes[self.at : self.at + count]
        if len(taken) < count:
            raise ValueError("the codes end too early")
        self.at += count
        return taken

    def _escape(self, value: int) -> None:
        if value == _END_OF_LINE:
            self.x, self.y = 0, self.y + 1
        elif value == _DELTA:
            right, up = self._take(2)
            self.x, self.y = self.x + right, self.y + up
        else:
            stored = (value + 1) // 2 if self.four_bits else value
            taken = self._take(stored)
            self._put(_nibbles(taken)[:value] if self.four_bits else taken)
            self.at += stored % 2  # absolute runs are padded to a 16-bit boundary

    def _put(self, run: bytes) -> None:
        start, room = self.y * self.width + self.x, max(0, self.width - self.x)
        self.pixels[start : start + min(len(run), room)] = run[:room]
        self.x += len(run)


def _run(count: int, value: int) -> bytes:
    """Return a run of two alternating colours."""
    return (bytes((value >> 4, value & 15)) * ((count + 1) // 2))[:count]


def _nibbles(packed: bytes) -> bytes:
    return packed.hex().encode().translate(_DIGITS)


_DIGITS = bytes.maketrans(b"0123456789abcdef", bytes(range(16)))
