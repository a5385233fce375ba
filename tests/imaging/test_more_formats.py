"""TIFF, GIF, AVIF and HEIC: which files are read or refused, and the TIFF result."""

import contextlib
import io
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from image_erase.imaging.decode import decode_picture
from image_erase.imaging.encode import encode_result
from image_erase.imaging.failures import BrokenFile, ImagingFailure, SideTooLong, TooManyPixels, UnsupportedFormat
from image_erase.imaging.header import ALL_FORMATS, FORMATS, format_of
from image_erase.imaging.limits import MAX_CHUNKS
from image_erase.imaging.metadata.policy import Policy
from image_erase.imaging.picture import Picture, turned
from image_erase.jobs.request import Output
from image_erase.plain import options
from support.files import mutants
from support.pictures import SIZE, file_of, photo, pixels_of

DEEP = np.random.default_rng(5).integers(0, 65536, (SIZE[1], SIZE[0], 4), np.uint16)


def decoded(data: bytes, max_side: int = 4096, **limits: Any) -> Picture:
    return decode_picture(data, max_side, formats=ALL_FORMATS, **limits)


def unchanged(data: bytes, output: Output = "same", policy: Policy = Policy.COLOUR) -> Any:
    """What a job with nothing to erase makes of a file."""
    picture = decoded(data)
    hole = np.zeros(picture.pixels.shape[:2], np.bool_)
    return encode_result(picture, picture.canvas()[0], hole, policy=policy, jpeg_quality=95, output=output)


def deep_tiff(channels: int) -> bytes:
    pixels = DEEP[..., 0] if channels == 1 else np.ascontiguousarray(DEEP[..., :channels])
    return cv2.imencode(".tiff", pixels)[1].tobytes()


def test_the_vendors_formats_are_four() -> None:
    assert FORMATS == ("JPEG", "PNG", "BMP", "WEBP")
    assert set(options.FORMATS) == set(ALL_FORMATS)
    assert format_of(file_of(photo(), "TIFF")) is None


class TestTiff:
    @pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "CMYK"])
    @pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
    def test_keeps_every_pixel(self, mode: str, compression: str) -> None:
        source = photo(mode=mode)
        data = file_of(source, "TIFF", compression=compression)
        np.testing.assert_array_equal(decoded(data).pixels.squeeze(), np.asarray(source))
        result = unchanged(data)
        assert (result.suffix, result.format_reasons) == ("tif", ())
        with Image.open(io.BytesIO(result.data)) as image:
            assert image.mode == mode
        np.testing.assert_array_equal(pixels_of(result.data), np.asarray(source))

    @pytest.mark.parametrize("channels", [1, 3, 4])
    def test_keeps_16_bits(self, channels: int) -> None:
        data = deep_tiff(channels)
        result = unchanged(data)
        written: Any = cv2.imdecode(np.frombuffer(result.data, np.uint8), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(written.reshape(*written.shape[:2], -1), DEEP[..., :channels])
        np.testing.assert_array_equal(decoded(result.data).pixels, decoded(data).pixels)

    @pytest.mark.parametrize(
        "source",
        [photo(mode="L").convert("1"), photo().quantize(16), photo(mode="L").quantize(4)],
        ids=["1", "P", "P4"],
    )
    def test_has_few_bits(self, source: Image.Image) -> None:
        data = file_of(source, "TIFF")
        np.testing.assert_array_equal(
            decoded(data).pixels.squeeze(), np.asarray(source.convert("L" if source.mode == "1" else "RGB"))
        )

    def test_keeps_profile_density_and_description(self) -> None:
        data = file_of(photo(), "TIFF", icc_profile=b"profile" * 40, dpi=(300, 150))
        with Image.open(io.BytesIO(unchanged(data).data)) as image:
            assert image.info["icc_profile"] == b"profile" * 40
            assert image.info["dpi"] == (300, 150)

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("deep", [False, True])
    def test_is_set_upright_once(self, orientation: int, deep: bool) -> None:
        source = Image.fromarray(DEEP[..., 0]) if deep else photo()
        picture = decoded(file_of(source, "TIFF", tiffinfo={274: orientation}))
        wanted = turned(np.asarray(source).reshape(SIZE[1], SIZE[0], -1), orientation)
        np.testing.assert_array_equal(picture.pixels, wanted)

    @pytest.mark.parametrize(
        ("data", "says"),
        [
            (file_of(photo(), "TIFF", save_all=True, append_images=[photo()]), "more than one page"),
            (file_of(photo(), "TIFF", compression="jpeg"), "compressed"),
            (file_of(Image.fromarray(DEEP[..., 0].astype(np.float32)), "TIFF"), "samples"),
            (b"II+\0" + bytes(60), "BigTIFF"),
        ],
        ids=["pages", "jpeg", "float", "big"],
    )
    def test_of_other_kinds_is_refused(self, data: bytes, says: str) -> None:
        with pytest.raises(UnsupportedFormat, match=says):
            decoded(data)

    def test_with_a_thumbnail_has_one_page(self) -> None:
        small = photo((8, 6))
        small.encoderinfo = {"tiffinfo": {254: 1}}
        data = file_of(photo(), "TIFF", save_all=True, append_images=[small])
        assert decoded(data).size == SIZE

    @pytest.mark.parametrize("tag", [257, 256])
    def test_that_claims_too_much_is_refused_at_once(self, tag: int) -> None:
        data = patched(file_of(photo(), "TIFF"), tag, 30000)
        with pytest.raises(SideTooLong):
            decoded(data)
        with pytest.raises(TooManyPixels):
            decoded(data, 32767, max_pixels=1_000_000)

    def test_tiles_and_strips_have_limits(self) -> None:
        data = file_of(photo((64, 64)), "TIFF")
        with pytest.raises(BrokenFile):
            decoded(patched(data, 273, 1 << 28, count=True))


def patched(data: bytes, tag: int, value: int, *, count: bool = False) -> bytes:
    """A little-endian TIFF with another value, or count, of a tag; of the type LONG."""
    file = bytearray(data)
    (at,) = struct.unpack_from("<I", file, 4)
    (entries,) = struct.unpack_from("<H", file, at)
    for place in range(at + 2, at + 2 + 12 * entries, 12):
        if struct.unpack_from("<H", file, place)[0] == tag:
            struct.pack_into("<H", file, place + 2, 4)
            struct.pack_into("<I", file, place + (4 if count else 8), value)
    return bytes(file)


class TestGif:
    def test_becomes_a_png_and_says_so(self) -> None:
        source = photo().quantize(64)
        result = unchanged(file_of(source, "GIF"))
        assert (result.suffix, result.format_reasons) == ("png", ("gif_to_png",))
        np.testing.assert_array_equal(pixels_of(result.data), np.asarray(source.convert("RGB")))
        assert unchanged(file_of(source, "GIF"), "png").format_reasons == ()

    def test_transparency_stays(self) -> None:
        result = unchanged(file_of(photo().quantize(16), "GIF", transparency=3))
        with Image.open(io.BytesIO(result.data)) as image:
            assert image.mode == "RGBA"
            assert 0 < np.asarray(image.getchannel("A")).mean() < 255

    def test_first_frame_counts(self) -> None:
        frames = [photo().quantize(16), Image.new("P", SIZE, 3)]
        animated = file_of(frames[0], "GIF", save_all=True, append_images=frames[1:])
        np.testing.assert_array_equal(decoded(animated).pixels, decoded(file_of(frames[0], "GIF")).pixels)

    def test_screen_that_is_too_large_is_refused(self) -> None:
        data = bytearray(file_of(photo().quantize(16), "GIF"))
        struct.pack_into("<HH", data, 6, 60000, 60000)
        with pytest.raises(SideTooLong):
            decoded(bytes(data))
        with pytest.raises(TooManyPixels):
            decoded(bytes(data), 65535, max_pixels=1_000_000)

    def test_blocks_have_a_limit(self) -> None:
        data = file_of(photo().quantize(16), "GIF")
        start = 13 + (3 << (data[10] & 7) + 1)
        flood = b"\x21\xfe" + b"\1x" * (MAX_CHUNKS + 1) + b"\0"
        started = time.process_time()
        with pytest.raises(BrokenFile, match="too many blocks"):
            decoded(data[:start] + flood + data[start:])
        assert time.process_time() - started < 2


class TestAvif:
    @pytest.mark.parametrize(
        ("mode", "suffix", "reason"), [("RGB", "jpg", "to_jpeg"), ("RGBA", "webp", "to_webp"), ("L", "jpg", "to_jpeg")]
    )
    def test_becomes_what_is_written(self, mode: str, suffix: str, reason: str) -> None:
        data = file_of(photo(mode=mode), "AVIF", quality=90)
        result = unchanged(data)
        assert (result.suffix, result.format_reasons) == (suffix, (reason,))
        np.testing.assert_array_equal(pixels_of(unchanged(data, "png").data), pixels_of(data))

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_is_set_upright(self, orientation: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        upright = decoded(file_of(photo(), "AVIF", exif=exif, quality=100)).pixels
        wanted = turned(decoded(file_of(photo(), "AVIF", quality=100)).pixels, orientation)
        assert upright.shape == wanted.shape
        assert np.abs(upright.astype(int) - wanted).mean() < 3

    def test_too_many_pixels_are_refused_before_any_is_decoded(self) -> None:
        data = file_of(Image.new("RGB", (1200, 900)), "AVIF")
        with pytest.raises(SideTooLong):
            decoded(data, 1000)
        with pytest.raises(TooManyPixels):
            decoded(data, 4096, max_pixels=1_000_000)

    def test_profile_stays(self) -> None:
        data = file_of(photo(), "AVIF", icc_profile=ICC)
        with Image.open(io.BytesIO(unchanged(data).data)) as image:
            assert image.info["icc_profile"] == ICC


ICC = b"profile" * 40


class TestHeic:
    DATA = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)

    def test_is_told_by_its_brand(self) -> None:
        assert format_of(self.DATA, ALL_FORMATS) == "HEIC"
        assert format_of(file_of(photo(), "AVIF"), ALL_FORMATS) == "AVIF"
        assert format_of(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", ALL_FORMATS) is None

    def test_needs_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
        with pytest.raises(UnsupportedFormat, match="extra `heif`"):
            decoded(self.DATA)

    def test_becomes_a_jpeg(self) -> None:
        package = pytest.importorskip("pillow_heif")
        package.register_heif_opener()
        data = file_of(photo(), "HEIF", quality=90)
        result = unchanged(data)
        assert (result.suffix, result.format_reasons) == ("jpg", ("to_jpeg",))
        np.testing.assert_array_equal(pixels_of(unchanged(data, "png").data), pixels_of(data))
        with pytest.raises(TooManyPixels):
            decoded(data, max_pixels=SIZE[0] * SIZE[1] - 1)


_OUT_OF_MEMORY = """
import resource
import numpy as np
from image_erase.imaging.metadata.blocks import Blocks
from image_erase.imaging.picture import Picture
from image_erase.imaging.webp.writer import encoded_webp

picture = Picture(np.random.default_rng(1).integers(0, 256, (2000, 2000, 3), np.uint8), "RGB", "WEBP")
in_use = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmData")) << 10
resource.setrlimit(resource.RLIMIT_DATA, (in_use + (48 << 20), in_use + (48 << 20)))
try:
    encoded_webp(picture, Blocks(), None)
except MemoryError:
    print("no memory")
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_a_webp_that_finds_no_memory_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _OUT_OF_MEMORY], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "no memory\n"


def spoilable() -> list[bytes]:
    rgb = photo((24, 18))
    return [
        file_of(rgb, "TIFF"),
        file_of(rgb, "TIFF", compression="tiff_lzw"),
        file_of(photo((24, 18), "RGBA"), "TIFF", compression="tiff_adobe_deflate"),
        cv2.imencode(".tiff", DEEP[:18, :24, :3])[1].tobytes(),
        file_of(rgb.quantize(16), "GIF", transparency=3),
        file_of(rgb, "AVIF"),
    ]


def test_spoiled_files_are_refused_or_read() -> None:
    for data in mutants(spoilable(), seed=3, count=300):
        started = time.process_time()
        with contextlib.suppress(ImagingFailure):
            decoded(data, 256, max_pixels=1 << 16)
        assert time.process_time() - started < 2
