"""Valid files of every kind of the four formats, and mutations of them."""

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image, PngImagePlugin

from support.pictures import file_of, photo

SMALL = (24, 18)


def valid_files(size: tuple[int, int] = SMALL) -> dict[str, bytes]:
    """Name -> file: every mode, depth, coding and kind of metadata that the decoders have code for."""
    return {**_jpegs(size), **_pngs(size), **_bmps(size), **_webps(size)}


def _jpegs(size: tuple[int, int]) -> dict[str, bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    rgb = photo(size)
    return {
        "jpeg": file_of(rgb, "JPEG", quality=80),
        "jpeg-progressive": file_of(rgb, "JPEG", progressive=True),
        "jpeg-444": file_of(rgb, "JPEG", subsampling=0),
        "jpeg-restarts": file_of(rgb, "JPEG", restart_marker_blocks=1),
        "jpeg-grey": file_of(photo(size, "L"), "JPEG"),
        "jpeg-cmyk": file_of(photo(size, "CMYK"), "JPEG"),
        "jpeg-exif": file_of(rgb, "JPEG", exif=exif, icc_profile=b"profile" * 40, comment=b"comment"),
    }


def _pngs(size: tuple[int, int]) -> dict[str, bytes]:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "text " * 20, zip=True)
    text.add_itxt("Title", "text " * 20, zip=True)
    rgb = photo(size)
    frames = [photo(size), Image.new("RGB", size, (9, 9, 9))]
    return {
        "png": file_of(rgb),
        "png-rgba": file_of(photo(size, "RGBA")),
        "png-grey": file_of(photo(size, "L")),
        "png-grey-alpha": file_of(photo(size, "LA")),
        "png-palette": file_of(rgb.quantize(16), transparency=3),
        "png-1-bit": file_of(photo(size, "L").convert("1")),
        "png-transparent-colour": file_of(rgb, transparency=(1, 2, 3)),
        "png-text": file_of(rgb, pnginfo=text, icc_profile=b"profile" * 40, dpi=(72, 72)),
        "png-animated": file_of(frames[0], save_all=True, append_images=frames[1:], duration=50),
        "png-16-grey": png_file(size, 16, 0),
        "png-16-rgb": png_file(size, 16, 2),
        "png-16-rgba": png_file(size, 16, 6),
        "png-interlaced": png_file((size[0], 1), 8, 2),
    }


def _bmps(size: tuple[int, int]) -> dict[str, bytes]:
    rgb = photo(size)
    return {
        "bmp": file_of(rgb, "BMP"),
        "bmp-rgba": file_of(photo(size, "RGBA"), "BMP"),
        "bmp-grey": file_of(photo(size, "L"), "BMP"),
        "bmp-palette": file_of(rgb.quantize(16), "BMP"),
        "bmp-1-bit": file_of(photo(size, "L").convert("1"), "BMP"),
        "bmp-rle8": bmp_rle(size),
    }


def _webps(size: tuple[int, int]) -> dict[str, bytes]:
    exif = Image.Exif()
    exif[0x0112] = 8
    frames = [photo(size), Image.new("RGB", size, (9, 9, 9))]
    return {
        "webp": file_of(photo(size), "WEBP"),
        "webp-lossless": file_of(photo(size), "WEBP", lossless=True),
        "webp-alpha": file_of(photo(size, "RGBA"), "WEBP"),
        "webp-exif": file_of(photo(size), "WEBP", exif=exif, icc_profile=b"profile" * 40),
        "webp-animated": file_of(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=50),
    }


def png_file(size: tuple[int, int], depth: int, colour_type: int, *extra: bytes, rows: bytes | None = None) -> bytes:
    """Build a PNG. extra: whole chunks between header and pixels. rows: compressed, noise where None."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour_type]
    if rows is None:
        stride = -(-size[0] * channels * depth // 8)
        noise = np.random.default_rng(3).integers(0, 256, (size[1], 1 + stride), np.uint8)
        noise[:, 0] = 0
        rows = zlib.compress(noise.tobytes())
    header = struct.pack(">IIBBBBB", *size, depth, colour_type, 0, 0, 0)
    parts = (chunk(b"IHDR", header), *extra, chunk(b"IDAT", rows), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bmp_rle(size: tuple[int, int], codes: bytes | None = None) -> bytes:
    """A BMP with run-length coded pixels. codes: the coded pixels; one run a row where None."""
    width, height = size
    if codes is None:
        codes = b"".join(bytes([min(width, 255), row % 256, 0, 0]) for row in range(height)) + b"\0\x01"
    palette = b"".join(bytes([i, 255 - i, i // 2, 0]) for i in range(256))
    offset = 14 + 40 + len(palette)
    file = struct.pack("<2sIHHI", b"BM", offset + len(codes), 0, 0, offset)
    return file + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(codes), 0, 0, 256, 0) + palette + codes


def mutants(files: list[bytes], seed: int, count: int) -> Iterator[bytes]:
    """Yield corrupted files without end, always the same: bits flipped, cut off, zeroed, spliced with each other."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        data = bytearray(files[random.integers(len(files))])
        for _ in range(random.integers(1, 4)):
            _spoil(data, files, random)
        yield repaired(bytes(data)) if random.random() < 0.5 else bytes(data)


def _spoil(data: bytearray, files: list[bytes], random: np.random.Generator) -> None:
    at = int(random.integers(len(data) + 1))
    length = int(random.integers(1, 64))
    kind = random.integers(7)
    if kind == 0 and data:
        for _ in range(random.integers(1, 9)):
            data[random.integers(len(data))] ^= 1 << random.integers(8)
    elif kind == 1:
        del data[max(at, 1) :]
    elif kind == 2:
        data[at : at + length] = bytes(length)
    elif kind == 3:
        data[at : at + length] = random.bytes(length)
    elif kind == 4:
        data[at:at] = data[at : at + length]
    elif kind == 5:
        del data[at : at + length]
    else:
        other = files[random.integers(len(files))]
        data[at:] = other[random.integers(len(other)) :]


def repaired(data: bytes) -> bytes:
    """Return a PNG with corrected checksums, so that decoders do not reject corrupted chunks early."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    target, at = io.BytesIO(data), 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            break
        target.seek(end)
        target.write(struct.pack(">I", zlib.crc32(data[at + 4 : end])))
        at = end + 4
    return target.getvalue()
