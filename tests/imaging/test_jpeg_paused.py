"""A JPEG whose coefficients are read once gives the pixels and the result that it gives when read twice."""

import contextlib
import gc
import itertools
import threading
import weakref
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_erase.imaging import decode
from image_erase.imaging.decode import PictureFile, open_picture
from image_erase.imaging.jpeg import library
from image_erase.imaging.jpeg.paused import PausedTransform
from image_erase.imaging.jpeg.splice import splice
from image_erase.imaging.jpeg.turbojpeg import Coefficients, Rewriting, TransformFailed, Unchanged, transform
from support.jpegs import cjpeg, filled_by_shift, pillow_jpeg, scene, source_of

pytestmark = pytest.mark.skipif(
    not (library.available() and library.complete()), reason="no libturbojpeg, or one older than 3.1"
)
WIDTH, HEIGHT = 403, 349
KINDS = {
    f"{mode} {sampling} {'progressive' if progressive else 'baseline'} restart {restart}": (
        mode,
        {"subsampling": sampling, "progressive": progressive, "restart_marker_blocks": restart},
    )
    for mode, sampling, progressive, restart in itertools.product(
        ("L", "RGB"), ("4:4:4", "4:2:2", "4:2:0"), (False, True), (0, 5)
    )
}
USUAL, PADDED = "RGB 4:2:0 baseline restart 0", "padded"
NAMES = [*KINDS, PADDED]
PART = slice(64, 128), slice(96, 192)


@cache
def jpeg(name: str) -> bytes:
    if name == PADDED:
        return jpeg(USUAL)[:-2] + bytes(64) + b"\xff\xd9"
    mode, options = KINDS[name]
    return pillow_jpeg(scene(WIDTH, HEIGHT).convert(mode), quality=80, **options)


def file_of(data: bytes) -> PictureFile:
    return open_picture(data, 4096)


def transforms() -> int:
    return sum(thread.name == "transform" for thread in threading.enumerate())


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(NAMES)),
    corner=st.tuples(st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1)),
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
)
def test_any_part_shows_the_same_pixels(name: str, corner: tuple[int, int], size: tuple[int, int]) -> None:
    ends = [min(at + by, most) for at, by, most in zip(corner, size, (HEIGHT, WIDTH), strict=True)]
    part = slice(corner[0], ends[0]), slice(corner[1], ends[1])
    file = file_of(jpeg(name))
    with file.editing(part, splices=True) as picture:
        assert picture.begun is not None
        np.testing.assert_array_equal(picture.pixels, file.decoded().pixels[picture.part])


@pytest.mark.parametrize("name", NAMES)
def test_the_result_is_the_same(name: str) -> None:
    assert_same_result(jpeg(name))


@pytest.mark.parametrize("options", [("-arithmetic",), ("-sample", "4x1")])
def test_the_result_of_other_encoders_is_the_same(options: tuple[str, ...]) -> None:
    assert_same_result(cjpeg(scene(WIDTH, HEIGHT), *options))


def assert_same_result(data: bytes) -> None:
    source, file = source_of(data), file_of(data)
    hole = np.zeros((HEIGHT, WIDTH), np.bool_)
    hole[70:100, 110:170] = True
    filled = filled_by_shift(file.decoded().pixels.squeeze().astype(np.uint8), hole)
    with file.editing(PART, splices=True) as picture:
        begun = picture.begun
        assert begun is not None
        np.testing.assert_array_equal(picture.pixels, file.decoded().pixels[picture.part])
        assert splice(source, filled, hole, orientation=1, begun=begun) == splice(source, filled, hole, orientation=1)


def test_a_transform_that_is_not_wanted_ends() -> None:
    with (
        contextlib.suppress(KeyError),
        file_of(jpeg(USUAL)).editing(PART, splices=True),
    ):
        assert transforms() == 1
        raise KeyError
    assert transforms() == 0


def test_the_file_is_read_twice_where_once_is_no_help() -> None:
    data = jpeg(USUAL)
    damaged = data[: len(data) // 2] + bytes(60) + data[len(data) // 2 + 60 :]
    everything = slice(0, HEIGHT), slice(0, WIDTH)
    for file, part, splices in ((data, everything, True), (data, PART, False), (damaged, PART, True)):
        with file_of(file).editing(part, splices=splices) as picture:
            assert picture.begun is None
            np.testing.assert_array_equal(picture.pixels, file_of(file).decoded(part).pixels)
    assert transforms() == 0


def test_without_memory_for_a_thread_the_file_is_read_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_room)
    with file_of(jpeg(USUAL)).editing(PART, splices=True) as picture:
        assert picture.begun is None


@pytest.mark.parametrize("passed", [0, 1], ids=["the pixels", "filling"])
def test_without_memory_beside_a_transform_the_file_is_read_twice(monkeypatch: pytest.MonkeyPatch, passed: int) -> None:
    asked: list[int] = []

    def no_room(size: int) -> None:
        asked.append(size)
        if transforms() and len(asked) > passed:
            raise MemoryError

    monkeypatch.setattr(decode, "require_memory", no_room)
    file = file_of(jpeg(USUAL))
    with file.editing(PART, splices=True) as picture:
        assert (picture.begun, transforms()) == (None, 0)
        np.testing.assert_array_equal(picture.pixels, file.decoded(PART).pixels)


def test_units_of_24_pixels_are_read_twice() -> None:
    file = file_of(cjpeg(scene(WIDTH, HEIGHT), "-sample", "3x1"))
    with file.editing(PART, splices=True) as picture:
        assert picture.begun is None


def test_what_the_editor_raises_is_raised() -> None:
    class Broken(Unchanged):
        def has_edits(self, component: int, row: int) -> bool:
            return component == 1

        def edit(self, _component: int, row: int, blocks: Coefficients) -> None:
            raise ZeroDivisionError(f"row {row} of {len(blocks)}")

    begun = PausedTransform(source_of(jpeg("RGB 4:4:4 baseline restart 0")).coded, Rewriting(), PART)
    with pytest.raises(ZeroDivisionError, match=r"row 0 of 51"):
        begun.finish(Broken())
    begun.close()


@pytest.fixture
def without_collections() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_collections")
def test_what_fails_is_freed_at_once() -> None:
    made: list[weakref.ref[PausedTransform]] = []

    class Watched(PausedTransform):
        def __init__(self, source: bytes) -> None:
            made.append(weakref.ref(self))
            super().__init__(source, Rewriting(), PART)

    class Broken(Unchanged):
        def has_edits(self, _component: int, _row: int) -> bool:
            raise ZeroDivisionError

    def ended(source: bytes, editor: Unchanged | None) -> None:
        with contextlib.suppress(TransformFailed, ZeroDivisionError), contextlib.closing(Watched(source)) as begun:
            if editor:
                begun.finish(editor)

    sound = jpeg(USUAL)
    damaged = sound[: len(sound) // 2] + bytes(60) + sound[len(sound) // 2 + 60 :]
    for source, editor in ((sound, Unchanged()), (sound, Broken()), (sound, None), (damaged, None), (b"text", None)):
        ended(source, editor)
        assert made.pop()() is None


def test_coefficients_that_cannot_be_cut_out_are_read_twice() -> None:
    class Sinking(Unchanged):
        level = 0

        def has_edits(self, _component: int, _row: int) -> bool:
            return True

        def edit(self, _component: int, _row: int, blocks: Coefficients) -> None:
            for block in blocks:
                self.level = max(self.level - 200, -3000)
                block[0] = self.level

    grey = pillow_jpeg(scene(WIDTH, HEIGHT).convert("L"), quality=100)
    file = file_of(transform(grey, Rewriting(), Sinking()))
    with file.editing(PART, splices=True) as picture:
        assert (picture.begun, transforms()) == (None, 0)
        np.testing.assert_array_equal(picture.pixels, file.decoded(PART).pixels)


def test_cmyk_is_read_twice_and_nothing_is_kept() -> None:
    file = file_of(pillow_jpeg(scene(WIDTH, HEIGHT).convert("CMYK")))
    with file.editing(PART, splices=True) as picture:
        assert (picture.mode, picture.begun, transforms()) == ("CMYK", None, 0)


def test_what_the_pixels_cannot_be_read_from_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "decoded_pixels", lambda *_: None)
    with file_of(jpeg(USUAL)).editing(PART, splices=True) as picture:
        assert (picture.part, picture.begun, transforms()) == (None, None, 0)


def test_what_is_no_jpeg_is_refused_at_once() -> None:
    with pytest.raises(TransformFailed):
        PausedTransform(b"\xff\xd8\xff\xd9", Rewriting(), PART)
    assert transforms() == 0
