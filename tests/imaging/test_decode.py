"""Decoding: every kind of file the contract names, and everything that must be refused."""

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from image_erase.imaging.decode import decode_picture
from image_erase.imaging.failures import BrokenFile, SideTooLong, UnsupportedFormat
from image_erase.imaging.header import claimed_size, format_of
from image_erase.imaging.png import chunks as png

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
MAX_SIDE = 4096
rng = np.random.default_rng(7)
NOISE = rng.integers(0, 256, (24, 31, 4), np.uint8)


def saved(image: Image.Image, file_format: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, file_format, **options)
    return target.getvalue()


def image_of(mode: str) -> Image.Image:
    image = Image.fromarray(NOISE)
    return image.convert("RGB").convert(mode) if mode in ("P", "CMYK") else image.convert(mode)


@pytest.mark.parametrize(
    ("file_format", "mode", "expected"),
    [
        ("PNG", "1", "L"),
        ("PNG", "L", "L"),
        ("PNG", "LA", "LA"),
        ("PNG", "P", "RGB"),
        ("PNG", "RGB", "RGB"),
        ("PNG", "RGBA", "RGBA"),
        ("BMP", "L", "L"),
        ("BMP", "RGB", "RGB"),
        ("JPEG", "L", "L"),
        ("JPEG", "RGB", "RGB"),
        ("JPEG", "CMYK", "CMYK"),
        ("WEBP", "RGB", "RGB"),
        ("WEBP", "RGBA", "RGBA"),
    ],
)
def test_keeps_the_kind_of_picture(file_format: str, mode: str, expected: str) -> None:
    image = image_of(mode)
    lossless = {"lossless": True, "exact": True} if file_format == "WEBP" else {}
    picture = decode_picture(saved(image, file_format, **lossless), MAX_SIDE)
    assert (picture.mode, picture.size, picture.format) == (expected, (31, 24), file_format)
    if file_format != "JPEG":
        wanted = np.asarray(image.convert(expected)).reshape(24, 31, -1)
        np.testing.assert_array_equal(picture.pixels, wanted)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_stay_sixteen(channels: int) -> None:
    deep = rng.integers(0, 65536, (9, 14, channels), np.uint16)
    data = cv2.imencode(".png", deep)[1].tobytes()
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
    np.testing.assert_array_equal(decode_picture(data, MAX_SIDE).pixels, deep[..., order])


def png_file(depth: int, colour_type: int, rows: bytes, *more: bytes, width: int = 2, height: int = 1) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return b"".join(
        (
            png.SIGNATURE,
            png.chunk(b"IHDR", header),
            *more,
            png.chunk(b"IDAT", zlib.compress(rows)),
            png.chunk(b"IEND", b""),
        )
    )


@pytest.mark.parametrize(
    ("depth", "colour_type", "row", "trns", "mode"),
    [
        (8, 0, b"\x07\x09", b"\x00\x07", "LA"),
        (16, 0, b"\x01\x07\x01\x09", b"\x01\x07", "LA"),
        (8, 2, b"\x01\x02\x03\x04\x05\x06", b"\x00\x01\x00\x02\x00\x03", "RGBA"),
        (16, 2, bytes(range(12)), bytes(range(6)), "RGBA"),
    ],
)
def test_a_transparent_colour_becomes_alpha(depth: int, colour_type: int, row: bytes, trns: bytes, mode: str) -> None:
    picture = decode_picture(png_file(depth, colour_type, b"\0" + row, png.chunk(b"tRNS", trns)), MAX_SIDE)
    assert picture.mode == mode
    assert picture.pixels[0, :, -1].tolist() == [0, 2**depth - 1]
    samples = np.frombuffer(row, np.dtype(f">u{depth // 8}")).reshape(2, -1)
    np.testing.assert_array_equal(picture.pixels[0, :, :-1], samples)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_a_picture_upright(orientation: int) -> None:
    image = Image.fromarray(NOISE[..., :3])
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(image, "PNG", exif=exif)
    upright = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
    expected = image if orientation == 1 else image.transpose(Image.Transpose(upright[orientation]))
    picture = decode_picture(data, MAX_SIDE)
    np.testing.assert_array_equal(picture.pixels, np.asarray(expected))
    assert picture.stored_size == image.size


def test_orientations_of_real_files_agree() -> None:
    if not CORPUS.exists():
        pytest.skip("the corpus is not here")
    for kind in ("Landscape", "Portrait"):
        pictures = [decode_picture((CORPUS / "exif" / f"{kind}_{n}.jpg").read_bytes(), MAX_SIDE) for n in range(1, 9)]
        small = [cv2.resize(picture.pixels, (60, 60), interpolation=cv2.INTER_AREA) for picture in pictures]
        assert {picture.size for picture in pictures} == {pictures[0].size}
        assert max(np.abs(one.astype(int) - small[0]).mean() for one in small) < 6


def test_broken_exif_is_no_reason_to_refuse() -> None:
    data = saved(Image.fromarray(NOISE[..., :3]), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert decode_picture(data, MAX_SIDE).orientation == 1


def test_keeps_profile_and_subsampling() -> None:
    data = saved(Image.fromarray(NOISE[..., :3]), "JPEG", icc_profile=b"a profile", subsampling=2)
    picture = decode_picture(data, MAX_SIDE)
    assert (picture.icc_profile, picture.subsampling) == (b"a profile", 2)


def test_takes_the_first_frame() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    assert decode_picture(data, MAX_SIDE).pixels[4, 4].tolist()[:3] == [255, 0, 0]


FILES = {
    "JPEG": saved(Image.fromarray(NOISE[..., :3]), "JPEG"),
    "progressive": saved(Image.fromarray(NOISE[..., :3]), "JPEG", progressive=True),
    "PNG": saved(Image.fromarray(NOISE), "PNG"),
    "PNG16": cv2.imencode(".png", rng.integers(0, 65536, (20, 30, 3), np.uint16))[1].tobytes(),
    "BMP": saved(Image.fromarray(NOISE[:, :28, :3]), "BMP"),
    "WEBP": saved(Image.fromarray(NOISE), "WEBP"),
    "lossless": saved(Image.fromarray(NOISE), "WEBP", lossless=True),
}


@pytest.mark.parametrize("name", FILES)
def test_a_cut_off_file_is_broken(name: str) -> None:
    data = FILES[name]
    decode_picture(data, MAX_SIDE)
    # A JPEG's last two bytes say no more than that it ends.
    least = 3 if data.startswith(b"\xff\xd8") else 1
    for cut in {least, least + 1, 4, 8, 12, len(data) // 4, len(data) // 2, len(data) - 40}:
        with pytest.raises(BrokenFile):
            decode_picture(data[:-cut], MAX_SIDE)


def test_a_wrong_checksum_is_broken() -> None:
    data = bytearray(FILES["PNG"])
    data[-13] ^= 1  # the checksum of the pixels
    with pytest.raises(BrokenFile):
        decode_picture(bytes(data), MAX_SIDE)


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF89a", b"%PDF-1.7", b"hello", b"II*\0", b"\xff\xd8", b"RIFF\0\0\0\0AVI ", b"\0\0\0\x0cjP  \r\n\x87\n"],
)
def test_only_four_formats(data: bytes) -> None:
    with pytest.raises(UnsupportedFormat):
        decode_picture(data, MAX_SIDE)


def test_every_file_of_the_corpus_decodes_or_is_refused() -> None:
    if not CORPUS.exists():
        pytest.skip("the corpus is not here")
    files = [file for file in CORPUS.rglob("*") if file.suffix in (".png", ".webp", ".jpg")]
    assert len(files) > 300
    for file in files:
        if file.name.startswith("x"):
            with pytest.raises((BrokenFile, UnsupportedFormat)):
                decode_picture(file.read_bytes(), MAX_SIDE)
        else:
            assert min(decode_picture(file.read_bytes(), MAX_SIDE).size) >= 1


def claiming(file_format: str, side: int) -> bytes:
    """A file of under 100 bytes that claims side x side pixels."""
    if file_format == "PNG":
        return png_file(8, 2, b"", width=side, height=side)
    if file_format == "BMP":
        return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, side, -side, 1, 24, 0, 0, 0, 0, 0, 0)
    if file_format == "JPEG":
        return (
            b"\xff\xd8\xff\xc0\0\x11\x08" + struct.pack(">HH", side, side) + b"\3\1\x11\0\2\x11\0\3\x11\0\xff\xda\0\0"
        )
    if file_format == "VP8X":
        body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (side - 1).to_bytes(3, "little") * 2
    elif file_format == "VP8L":
        body = b"VP8L" + struct.pack("<IBI", 5, 0x2F, (side - 1) | (side - 1) << 14) + b"\0"
    else:
        body = b"VP8 " + struct.pack("<I", 10) + b"\x30\1\0\x9d\1\x2a" + struct.pack("<HH", side, side)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


@pytest.mark.parametrize("kind", ["PNG", "BMP", "JPEG", "VP8X", "VP8L", "VP8 "])
def test_refuses_a_long_side_before_decoding(kind: str) -> None:
    side = 16000
    data = claiming(kind, side)
    assert len(data) < 200
    assert claimed_size(data, format_of(data) or "") == (side, side)
    with pytest.raises(SideTooLong, match="16000x16000"):
        decode_picture(data, MAX_SIDE)


def test_the_longest_side_is_allowed() -> None:
    data = saved(Image.new("L", (MAX_SIDE, 1)), "PNG")
    assert decode_picture(data, MAX_SIDE).size == (MAX_SIDE, 1)
    with pytest.raises(SideTooLong):
        decode_picture(data, MAX_SIDE - 1)
