"""Read BMP files; variants that Pillow does not support are converted into ones that it does."""

import struct
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from image_erase.imaging.source import Source

_FILE_HEADER = struct.Struct("<2sIHHI")
_INFO_HEADER = struct.Struct("<IiiHHIIiiII")
_CORE_BYTES, _INFO_BYTES, _OS2_BYTES = 12, 40, 64
# BITMAPINFOHEADER, also followed by masks of three or four colours, and versions 4 and 5. Any other length up to 64 is
# that of an OS/2 2.x header, which may end after any of its fields.
_WINDOWS_BYTES = frozenset({40, 52, 56, 108, 124})
_RGB, _BITFIELDS, _ALPHA_BITFIELDS = 0, 3, 6
_MASKS_AT = _FILE_HEADER.size + _INFO_BYTES
_USUAL_MASKS = {16: (0x7C00, 0x3E0, 0x1F, 0), 24: (0xFF0000, 0xFF00, 0xFF, 0), 32: (0xFF0000, 0xFF00, 0xFF, 0xFF000000)}
_METRES_PER_INCH = 0.0254
_MOST_DPI = 1e6


@dataclass(frozen=True, slots=True)
class _Header:
    """The fields of BITMAPINFOHEADER; 0 for those that a shorter header lacks."""

    size: int
    width: int
    height: int
    planes: int
    bits: int
    compression: int
    image_bytes: int
    across: int
    down: int
    colours: int
    important: int

    def file(self, behind: bytes, pixels: bytes) -> bytes:
        """Return a file with this header. behind: the bytes between header and pixels: masks or a palette."""
        fields = (getattr(self, name) for name in self.__slots__)
        offset = _MASKS_AT + len(behind)
        start = _FILE_HEADER.pack(b"BM", offset + len(pixels), 0, 0, offset)
        return b"".join((start, _INFO_HEADER.pack(*fields), behind, pixels))


def read_bmp(data: bytes) -> Source:
    """Read the header. Raises ValueError or struct.error if it is invalid.

    Pixels with bit fields are converted to 24 or 32 bits, whatever their masks. An alpha channel that is 0 everywhere
    is ignored, as Windows and browsers do.
    """
    (size,) = struct.unpack_from("<I", data, _FILE_HEADER.size)
    if size == _CORE_BYTES:
        return Source("BMP", data)
    header = _header(data, size)
    if size in _WINDOWS_BYTES and header.compression in (_BITFIELDS, _ALPHA_BITFIELDS):
        coded = _without_fields(data, header)
    elif size not in _WINDOWS_BYTES and size < _OS2_BYTES:
        coded = _with_whole_header(data, header)
    else:
        coded = data
    return Source("BMP", coded, density=_density(header))


def _header(data: bytes, size: int) -> _Header:
    fields = data[_FILE_HEADER.size :][: min(size, _INFO_BYTES)]
    if len(fields) < min(size, _INFO_BYTES) or size <= _CORE_BYTES:
        raise ValueError("the header is cut off")
    return _Header(*_INFO_HEADER.unpack(fields.ljust(_INFO_BYTES, b"\0")))


def _density(header: _Header) -> tuple[float, float] | None:
    x, y = header.across * _METRES_PER_INCH, header.down * _METRES_PER_INCH
    return (x, y) if min(x, y) > 0 and max(x, y) < _MOST_DPI else None


def _with_whole_header(data: bytes, header: _Header) -> bytes:
    """Return the file with a BITMAPINFOHEADER. Colours of OS/2 2.x have four bytes, like those of Windows."""
    begin = _FILE_HEADER.size + header.size
    offset = _pixels_at(data) or begin
    most = 1 << header.bits if header.bits <= 8 else 0
    colours = min(header.colours or most, most, max(0, offset - begin) // 4)
    whole = replace(header, size=_INFO_BYTES, colours=colours)
    return whole.file(data[begin : begin + 4 * colours], data[offset:])


def _pixels_at(data: bytes) -> int:
    offset: int = _FILE_HEADER.unpack_from(data)[-1]
    return offset


def _without_fields(data: bytes, header: _Header) -> bytes:
    """Return the picture with 8 bits each for blue, green, red and, unless it is 0 everywhere, alpha."""
    red, green, blue, alpha = _masks(data, header)
    stored = _stored(data, header)
    opacity = stored & np.uint32(alpha)
    shown = [_scaled(stored, mask) for mask in (blue, green, red)]
    plain = replace(header, size=_INFO_BYTES, colours=0, important=0)
    if not opacity.any():
        rows = np.dstack(shown)
        padded = np.pad(rows.reshape(len(rows), -1), ((0, 0), (0, -rows.shape[1] * 3 % 4)))
        return replace(plain, bits=24, compression=_RGB).file(b"", padded.tobytes())
    pixels = np.dstack([*shown, _scaled(stored, alpha)])
    masks = struct.pack("<IIII", *_USUAL_MASKS[32])
    # Version 3 is the first with a mask for alpha.
    version_3 = replace(plain, size=_INFO_BYTES + len(masks), bits=32, compression=_BITFIELDS)
    return version_3.file(masks, pixels.tobytes())


def _masks(data: bytes, header: _Header) -> tuple[int, ...]:
    """Return the bit masks of red, green, blue and alpha."""
    count = 4 if header.size > _INFO_BYTES + 12 or header.compression == _ALPHA_BITFIELDS else 3
    masks = struct.unpack_from(f"<{count}I", data, _MASKS_AT)
    if not any(masks) and header.bits in _USUAL_MASKS:
        return _USUAL_MASKS[header.bits]
    return (*masks, 0)[:4]


def _stored(data: bytes, header: _Header) -> NDArray[np.uint32]:
    """Return the pixels as numbers, HxW, in the file's order of rows."""
    if header.bits not in _USUAL_MASKS or header.width <= 0:
        raise ValueError("bit fields in pixels of another depth")
    height, offset, step = abs(header.height), _pixels_at(data), header.bits // 8
    stride = (header.width * header.bits + 31) // 32 * 4
    bytes_of_row = header.width * step
    whole = data[offset : offset + height * stride]
    if len(whole) < height * stride - (stride - bytes_of_row):
        raise ValueError("the pixels are cut off")
    padded = np.frombuffer(whole.ljust(height * stride, b"\0"), np.uint8)
    rows = padded.reshape(height, stride)[:, :bytes_of_row]
    parts = rows.reshape(height, header.width, step).astype(np.uint32)
    weights = np.uint32(1) << np.arange(0, header.bits, 8, dtype=np.uint32)
    stored: NDArray[np.uint32] = (parts * weights).sum(axis=2, dtype=np.uint32)
    return stored


def _scaled(stored: NDArray[np.uint32], mask: int) -> NDArray[np.uint8]:
    """Extract the bits of a mask and scale them to 0..255, rounded."""
    shift = (mask & -mask).bit_length() - 1 if mask else 0
    most = mask >> shift
    values = (stored & np.uint32(mask)).astype(np.uint64) >> np.uint64(shift)
    return ((values * 255 + most // 2) // max(most, 1)).astype(np.uint8)
