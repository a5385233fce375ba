"""Decode PNG files of flat areas, as masks are, several times faster than a decoder for all kinds of PNG."""

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from image_erase.imaging.png.chunks import raw_chunks

# Channels by colour type. PNG specification, third edition, 11.2.1.
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
_DEPTH_AT, _COLOUR_TYPE_AT, _METHODS = 24, 25, slice(26, 29)
_SUB, _UP, _AVERAGE, _PAETH = range(1, 5)
# The first byte of compressed data: deflate, with a window of 32 KiB. RFC 1950, 2.2. ISA-L accepts larger ones.
_LARGEST_WINDOW = 0x78
# Photographs are compressed by less than 5.
_FLAT = 20
_BAND_BYTES = 1 << 20
# Each takes a microsecond, however short it is.
_MOST_ROWS = 20_000
# Paeth's filter is undone sample by sample where a row differs from the one above; at most this part of all samples.
_STEP_SHARE = 100


Row = NDArray[np.uint8]


def flat_pixels(source: bytes, size: tuple[int, int]) -> NDArray[np.uint8] | None:
    """Decode a valid PNG with 8 bits per sample, no palette and no interlacing.

    source: a PNG with valid chunks. size: its width and height. Returns height x width x channels, as in the file; None
    if the file is of another kind, is damaged, is not flat, or has filters that take long to undo here. Then another
    decoder decides what it is. Of damage, only incomplete Huffman codes are overlooked, and only where the checksum of
    the pixels is correct.
    """
    width, height = size
    channels = _CHANNELS.get(source[_COLOUR_TYPE_AT])
    if channels is None or source[_DEPTH_AT] != 8 or any(source[_METHODS]) or height > _MOST_ROWS:
        return None
    data = b"".join(each.data for each in raw_chunks(source) if each.kind == b"IDAT")
    if len(data) * _FLAT > height * width * channels or not data or data[0] > _LARGEST_WINDOW:
        return None
    # Black rows are never written, and memory that is never written is not taken.
    pixels = np.zeros((height, width, channels), np.uint8)
    try:
        return pixels if _filled(pixels, _Stream(data)) else None
    except isal_zlib.error:  # type: ignore[misc]  # declared as an instance
        return None


def _filled(pixels: NDArray[np.uint8], stream: "_Stream") -> bool:
    """Fill `pixels`, which are zero. Returns False if that is not possible."""
    rows, length = _Rows(pixels), pixels[0].size + 1
    band = max(1, _BAND_BYTES // length)
    for top in range(0, len(pixels), band):
        wanted = min(band, len(pixels) - top) * length
        data = stream.read(wanted)
        if len(data) < wanted or not rows.fill(top, np.frombuffer(data, np.uint8).reshape(-1, length)):
            return False
    return stream.ends()


class _Stream:
    """Compressed data, inflated part by part."""

    def __init__(self, data: bytes) -> None:
        self._inflater, self._rest = isal_zlib.decompressobj(), data

    def read(self, size: int) -> bytes:
        """Return the next bytes, fewer only at the end."""
        parts = []
        while size and (part := self._inflater.decompress(self._rest, size)):
            parts.append(part)
            self._rest = self._inflater.unconsumed_tail
            size -= len(part)
        return b"".join(parts)

    def ends(self) -> bool:
        """Whether nothing is left but a correct checksum."""
        return not self.read(1) and self._inflater.eof and not self._inflater.unused_data


class _Rows:
    """Undoes the filters of rows that are mostly zero. PNG specification, third edition, 9.2."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        """pixels: height x width x channels, zero, to be filled."""
        self._rows = pixels.reshape(len(pixels), -1)
        self._channels = pixels.shape[2]
        self._above: Row | None = None
        self._steps = pixels.size // _STEP_SHARE

    def fill(self, first: int, filtered: NDArray[np.uint8]) -> bool:
        """Fill some rows. filtered: these, each behind the number of its filter. Returns False if one is too slow."""
        kinds, differences = filtered[:, 0], filtered[:, 1:]
        rows = self._rows[first : first + len(kinds)]
        busy = differences.max(axis=1) > 0
        self._undo_sub(rows, differences, (kinds == _SUB) & busy)
        return all(
            self._undo(row, kind, difference if changes else None)
            for row, kind, difference, changes in zip(rows, kinds.tolist(), differences, busy.tolist(), strict=True)
        )

    def _undo_sub(self, rows: NDArray[np.uint8], differences: NDArray[np.uint8], chosen: NDArray[np.bool_]) -> None:
        """Add up the differences of the chosen rows, from the first column with one to the last."""
        if not chosen.any():
            return
        found = np.flatnonzero(differences[chosen].max(axis=0))
        start, end = int(found[0]) // self._channels, int(found[-1]) // self._channels + 1
        pixels = differences.reshape(len(rows), -1, self._channels)[chosen, start:end]
        sums = np.add.accumulate(pixels, axis=1, dtype=np.uint8)
        shown = rows.reshape(len(rows), -1, self._channels)
        shown[chosen, start:end] = sums
        if sums[:, -1].any():
            shown[chosen, end:] = sums[:, -1:]

    def _undo(self, row: Row, kind: int, differences: Row | None) -> bool:
        """Fill the next row. differences: what the filter left of it; None for zeros. A row above of None is black."""
        above, self._above = self._above, None
        if kind > _PAETH or (kind == _AVERAGE and not (differences is None and above is None)):
            return False
        if above is not None and kind in (_UP, _PAETH):
            if kind == _UP or differences is None:
                np.add(above, 0 if differences is None else differences, out=row)
            else:
                row[:] = np.frombuffer(self._undo_paeth(differences.tobytes(), above.tobytes()), np.uint8)
            self._above = row if row.any() else None
        elif differences is not None:
            if kind == _PAETH:
                self._undo_sub(row[None], differences[None], np.ones(1, np.bool_))
            elif kind != _SUB:
                row[:] = differences
            self._above = row
        return self._steps >= 0

    def _undo_paeth(self, differences: bytes, above: bytes) -> bytearray:
        """Return a row that is the one above, except from a difference on until it equals that again."""
        row, step = bytearray(above), self._channels
        ends = [0] * step
        for found in np.flatnonzero(np.frombuffer(differences, np.uint8)).tolist():
            for at in range(found, len(row) if found >= ends[found % step] else found, step):
                left, corner = (row[at - step], above[at - step]) if at >= step else (0, 0)
                row[at] = (_paeth(left, above[at], corner) + differences[at]) & 0xFF
                self._steps -= 1
                ends[at % step] = at + step
                if row[at] == above[at] or self._steps < 0:
                    break
        return row


def _paeth(left: int, above: int, corner: int) -> int:
    to_left, to_above, to_corner = abs(above - corner), abs(left - corner), abs(left + above - 2 * corner)
    if to_left <= to_above and to_left <= to_corner:
        return left
    return above if to_above <= to_corner else corner
