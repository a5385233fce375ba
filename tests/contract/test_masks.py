"""The meaning of masks, through the server: which pixels of the result differ from the picture."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from support.envelope import assert_failure, assert_success
from support.pictures import BOX, SIZE, black, bounds, boxed, changed, file_of, mask_file, photo, photo_file, pixels_of
from support.server import Client, Server

IMAGE = photo_file()
WHITE = (255, 255, 255)


Box = tuple[int, int, int, int]


def erased_box(client: Client, server: Server, mask: Image.Image | bytes, image: bytes = IMAGE) -> Box | None:
    """The bounds of what the answer changed in a PNG; None where it is the same picture."""
    data = mask if isinstance(mask, bytes) else file_of(mask)
    url = assert_success(client.erase(image, data), server.base, "png")
    return bounds(changed(image, client.get(url).content))


def on_canvas(colour: tuple[int, int, int], canvas: tuple[int, int, int, int] = (0, 0, 0, 0)) -> Image.Image:
    return boxed(mode="RGBA", inside=(*colour, 255), outside=canvas)


def sixteen_bit(inside: int, outside: int = 0) -> Image.Image:
    pixels = np.full((SIZE[1], SIZE[0]), outside, np.uint16)
    pixels[BOX[1] : BOX[3], BOX[0] : BOX[2]] = inside
    return Image.fromarray(pixels)


def striped(*colours: tuple[int, int, int]) -> Image.Image:
    """Vertical stripes of these colours."""
    row = np.repeat(np.array(colours, np.uint8), SIZE[0] // len(colours) + 1, axis=0)[: SIZE[0]]
    return Image.fromarray(np.tile(row, (SIZE[1], 1, 1)))


def palette(inside: int) -> Image.Image:
    mask = Image.new("P", SIZE, 0)
    mask.putpalette([0, 0, 0, 255, 255, 255, 0, 255, 0, 0, 0, 255])
    mask.paste(inside, BOX)
    return mask


PAINTED = {
    "grey": boxed(),
    "just at the threshold": boxed(inside=128, outside=127),
    "1 bit": boxed().convert("1"),
    "RGB": boxed(mode="RGB", inside=WHITE, outside=(0, 0, 0)),
    "luma of yellow": boxed(mode="RGB", inside=(255, 255, 0), outside=(0, 0, 0)),
    "luma of green": boxed(mode="RGB", inside=(0, 255, 0), outside=(0, 0, 0)),
    "luma of red and of blue is low": boxed(mode="RGB", inside=WHITE, outside=(255, 0, 0)),
    "alpha ignored where all is opaque": on_canvas(WHITE, (0, 0, 0, 255)),
    "half transparent white on black": boxed(mode="RGBA", inside=(*WHITE, 200), outside=(0, 0, 0, 255)),
    "the one grey beside black": boxed(inside=127),
    "the one colour beside black": boxed(mode="RGB", inside=(0, 0, 255), outside=(0, 0, 0)),
    "the one colour beside black in a palette": palette(3),
    "white brush on a transparent canvas": on_canvas(WHITE),
    "black brush on a transparent canvas": on_canvas((0, 0, 0)),
    "red brush on a transparent canvas": on_canvas((255, 0, 0)),
    "white brush on a transparent white canvas": on_canvas(WHITE, (*WHITE, 0)),
    "grey brush on a transparent canvas": boxed(mode="LA", inside=(0, 255), outside=(0, 0)),
    "palette white": palette(1),
    "palette green": palette(2),
    "16 bit": sixteen_bit(0xFFFF),
    "16 bit, just at the threshold": sixteen_bit(0x8000),
    "16 bit, the one grey beside black": sixteen_bit(0x7FFF),
}

EMPTY = {
    "all black": black(),
    "all black RGB": Image.new("RGB", SIZE),
    "all black 1 bit": Image.new("1", SIZE),
    "all of one grey under the threshold": Image.new("L", SIZE, 127),
    "two greys under the threshold": boxed(inside=127, outside=60),
    "luma of blue, red and black": striped((0, 0, 255), (255, 0, 0), (0, 0, 0)),
    "faint white on black": boxed(mode="RGBA", inside=(*WHITE, 100), outside=(0, 0, 0, 255)),
    "all opaque black": Image.new("RGBA", SIZE, (0, 0, 0, 255)),
    "an empty canvas": Image.new("RGBA", SIZE, (0, 0, 0, 0)),
    "16 bit, two greys under the threshold": sixteen_bit(0x7FFF, 0x1000),
}

FULL = {
    "all white": Image.new("L", SIZE, 255),
    "all white RGB": Image.new("RGB", SIZE, WHITE),
    "all white 1 bit": Image.new("1", SIZE, 1),
    "all at the threshold": Image.new("L", SIZE, 128),
    "all opaque white": Image.new("RGBA", SIZE, (*WHITE, 255)),
}


@pytest.mark.parametrize("mask", PAINTED.values(), ids=PAINTED.keys())
def test_painted(client: Client, server: Server, mask: Image.Image) -> None:
    left, top, right, bottom = erased_box(client, server, mask) or (0, 0, 0, 0)
    # By chance a filled pixel may look as before, so an edge may be short; never may it be long.
    assert BOX[0] <= left <= BOX[0] + 2
    assert BOX[1] <= top <= BOX[1] + 2
    assert BOX[2] - 2 <= right <= BOX[2]
    assert BOX[3] - 2 <= bottom <= BOX[3]


@pytest.mark.parametrize("format", ["JPEG", "BMP", "WEBP"])
def test_format_of_the_mask(client: Client, server: Server, format: str) -> None:
    left, top, right, bottom = erased_box(client, server, file_of(boxed(), format)) or (0, 0, 0, 0)
    assert (right - left) * (bottom - top) > 100
    assert left >= BOX[0] - 2
    assert top >= BOX[1] - 2
    assert right <= BOX[2] + 2
    assert bottom <= BOX[3] + 2


def test_mask_as_a_poor_jpeg(client: Client, server: Server) -> None:
    data = file_of(boxed(mode="RGB", inside=WHITE, outside=(0, 0, 0)), "JPEG", quality=20)
    values = pixels_of(data)
    assert len(np.unique(values)) > 2, "the mask has nothing but black and white"
    left, top, right, bottom = erased_box(client, server, data) or (0, 0, 0, 0)
    assert left >= BOX[0] - 4
    assert top >= BOX[1] - 4
    assert right <= BOX[2] + 4
    assert bottom <= BOX[3] + 4


@pytest.mark.parametrize("mask", EMPTY.values(), ids=EMPTY.keys())
def test_nothing_painted_leaves_the_picture_as_it_is(client: Client, server: Server, mask: Image.Image) -> None:
    assert erased_box(client, server, mask) is None


def test_nothing_painted_leaves_a_jpeg_nearly_as_it_is(client: Client, server: Server) -> None:
    smooth = file_of(photo().resize((16, 12)).resize(SIZE, Image.Resampling.BICUBIC), "JPEG", quality=95)
    url = assert_success(client.erase(smooth, file_of(black())), server.base, "jpg")
    difference = np.abs(pixels_of(client.get(url).content).astype(int) - pixels_of(smooth))
    assert difference.mean() < 1


@pytest.mark.parametrize("mask", FULL.values(), ids=FULL.keys())
def test_all_painted(client: Client, mask: Image.Image) -> None:
    assert_failure(client.erase(IMAGE, file_of(mask)), "UNSUPPORTED_PARAMETER_VALUES", "mask")


@pytest.mark.parametrize("size", [(63, 48), (64, 49), (48, 64), (1, 1), (128, 96)])
def test_sizes_differ(client: Client, size: tuple[int, int]) -> None:
    answer = client.erase(IMAGE, mask_file(size))
    assert_failure(answer, "ERROR_MASK_IMAGE_RESOLUTION_MISMATCH", "64x48", "{}x{}".format(*size))


def upright(data: bytes) -> np.ndarray:
    """The picture as a viewer shows it."""
    with Image.open(io.BytesIO(data)) as image:
        return np.array(ImageOps.exif_transpose(image)).astype(int)


class TestOrientation:
    """A dark spot is painted into the stored picture's upper left; it must be gone from where a viewer sees it."""

    SPOT = (8, 8, 16, 16)

    def spotted(self, orientation: int, size: tuple[int, int]) -> bytes:
        exif = Image.Exif()
        exif[0x0112] = orientation
        image = Image.new("RGB", size, (200, 180, 160))
        image.paste((0, 0, 0), self.SPOT)
        return file_of(image, "JPEG", exif=exif.tobytes(), quality=95, subsampling=0)

    def stored_mask(self, size: tuple[int, int]) -> Image.Image:
        return boxed(size, (4, 4, 20, 20))

    def is_clean(self, client: Client, url: str, size: tuple[int, int]) -> bool:
        shown = upright(client.get(url).content)
        assert shown.shape[1::-1] == size
        return bool((np.abs(shown - (200, 180, 160)) < 20).all())

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("size", [(64, 48), (48, 48)])
    def test_upright_mask(self, client: Client, server: Server, orientation: int, size: tuple[int, int]) -> None:
        mask = self.stored_mask(size)
        mask.getexif()[0x0112] = orientation
        as_shown = ImageOps.exif_transpose(mask)
        image = self.spotted(orientation, size)
        url = assert_success(client.erase(image, file_of(as_shown)), server.base, "jpg")
        assert self.is_clean(client, url, as_shown.size)

    @pytest.mark.parametrize("orientation", range(5, 9))
    def test_mask_as_stored(self, client: Client, server: Server, orientation: int) -> None:
        image = self.spotted(orientation, (64, 48))
        url = assert_success(client.erase(image, file_of(self.stored_mask((64, 48)))), server.base, "jpg")
        assert self.is_clean(client, url, (48, 64))

    def test_mask_that_fits_neither(self, client: Client) -> None:
        answer = client.erase(self.spotted(6, (64, 48)), mask_file((64, 47)))
        assert_failure(answer, "ERROR_MASK_IMAGE_RESOLUTION_MISMATCH", "64x47", "48x64")

    def test_orientation_leaves_with_the_exif(self, client: Client, server: Server) -> None:
        url = assert_success(client.erase(self.spotted(6, (64, 48)), mask_file((48, 64))), server.base, "jpg")
        with Image.open(io.BytesIO(client.get(url).content)) as image:
            assert image.size == (48, 64)
            assert image.getexif().get(0x0112, 1) == 1
