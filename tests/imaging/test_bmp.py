"""Run-length coded BMPs."""

import numpy as np
import pytest

from image_erase.imaging.bmp.rle import expanded
from image_erase.imaging.decode import decode_picture
from support.files import bmp_rle

# The example of the Windows GDI documentation ("Bitmap Compression"), 8 bits: codes and the pixels they stand for.
CODES = bytes.fromhex("0304 0506 0003 45566700 0278 0002 0501 0278 0000 091E 0001".replace(" ", ""))


def test_the_example_of_the_documentation() -> None:
    rows = np.frombuffer(expanded(CODES, (20, 3), four_bits=False), np.uint8).reshape(3, 20)
    first = [4, 4, 4, 6, 6, 6, 6, 6, 0x45, 0x56, 0x67, 0x78, 0x78]
    assert rows[0].tolist() == first + [0] * 7
    assert rows[1].tolist() == [0] * 18 + [0x78, 0x78]
    assert rows[2].tolist() == [0x1E] * 9 + [0] * 11


def test_four_bits() -> None:
    codes = bytes.fromhex("0304 0506 0006 45566700 0478 0000 0001".replace(" ", ""))
    row = expanded(codes, (18, 2), four_bits=True)
    assert row[:18].hex() == "000400" + "0006000600" + "040505060607" + "07080708"
    assert not any(row[18:])


@pytest.mark.parametrize("codes", [b"", b"\5", b"\1\1", b"\0\2\1", b"\0\6\1\2", b"\1\1\0\0"])
def test_codes_that_end_too_early(codes: bytes) -> None:
    with pytest.raises(ValueError, match="too early"):
        expanded(codes, (4, 4), four_bits=False)


def test_runs_are_cut_at_the_end_of_a_row_and_the_bitmap() -> None:
    pixels = expanded(b"\xff\7\0\0\2\5\0\0\xff\3", (4, 2), four_bits=False)
    assert pixels == bytes([7, 7, 7, 7, 5, 5, 0, 0])
    assert len(expanded(b"\0\2\xff\xff", (4, 2), four_bits=False)) == 8


def test_colours_and_direction() -> None:
    """The first row coded is the lowest."""
    picture = decode_picture(bmp_rle((3, 2)), 10)
    assert picture.pixels[0].tolist() == [[0, 254, 1]] * 3
    assert picture.pixels[1].tolist() == [[0, 255, 0]] * 3
