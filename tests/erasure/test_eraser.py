"""The eraser fills every hole with every engine, in time, and changes only the hole."""

import cv2
import numpy as np
import pytest

from image_erase.erasure import copying as exemplar
from image_erase.erasure.arrays import Bool
from image_erase.erasure.eraser import Eraser, EraserOptions
from image_erase.erasure.failures import NothingToFillFrom

ENGINES = ("auto", "opencv", "exemplar", "onnx")


def plenty() -> float:
    return 25.0


class Painter:
    """Stands for a network: paints every hole green."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def fill(self, guide: np.ndarray, hole: Bool) -> np.ndarray:
        assert guide.dtype == np.uint8
        assert guide.shape[:2] == hole.shape
        self.seen.append(hole.shape)
        return np.full_like(guide, (0, 255, 0))


def eraser(engine: str = "auto", **options: object) -> Eraser:
    return Eraser(EraserOptions(engine=engine, **options), Painter())  # type: ignore[arg-type]


def picture(height: int, width: int, channels: int = 3, dtype: type = np.uint8, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.random((height, width, channels)), (0, 0), 3).reshape(height, width, channels)
    noise = (noise - noise.min()) / (np.ptp(noise) + 1e-9) * 0.8 + 0.1 * rng.random((height, width, channels))
    return (noise * np.iinfo(dtype).max).astype(dtype)


def guide_of(image: np.ndarray) -> np.ndarray:
    plane = image[:, :, :1] if image.dtype == np.uint8 else (image[:, :, :1] >> 8).astype(np.uint8)
    return np.repeat(plane, 3, axis=2)


def box(shape: tuple[int, int], rows: slice, columns: slice) -> Bool:
    hole = np.zeros(shape, np.bool_)
    hole[rows, columns] = True
    return hole


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_every_layout_keeps_its_shape_and_everything_outside(engine: str, dtype: type, channels: int) -> None:
    image = picture(50, 60, channels, dtype)
    hole = box((50, 60), slice(15, 35), slice(20, 45))
    before = image.copy()
    erased = eraser(engine).erase(image, guide_of(image), hole, time_left=plenty)
    assert erased.image.dtype == dtype
    assert erased.image.shape == image.shape
    assert np.array_equal(image, before)
    assert np.array_equal(erased.image[~hole], image[~hole])
    assert not np.array_equal(erased.image[hole], image[hole])
    assert erased.engines


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("shape", [(1, 2), (2, 1), (1, 40), (40, 1), (2, 2), (3, 3), (5, 7), (17, 300)])
def test_small_and_narrow_pictures(engine: str, shape: tuple[int, int]) -> None:
    image = picture(*shape)
    for index in ((0, 0), (shape[0] - 1, shape[1] - 1), (shape[0] // 2, slice(None))):
        hole = np.zeros(shape, np.bool_)
        hole[index] = True
        if not hole.all():
            result = eraser(engine).erase(image, image, hole, time_left=plenty).image
            assert np.array_equal(result[~hole], image[~hole])


@pytest.mark.parametrize("engine", ["auto", "opencv", "exemplar"])
@pytest.mark.parametrize("known", [1, 2, 30])
def test_almost_nothing_known(engine: str, known: int) -> None:
    image = np.full((70, 80, 3), 255, np.uint8)
    hole = np.ones((70, 80), np.bool_)
    hole[:known, :known] = False
    image[~hole] = (10, 90, 200)
    result = eraser(engine).erase(image, image, hole, time_left=plenty).image
    assert np.abs(result.astype(int) - (10, 90, 200)).max() <= 12


@pytest.mark.parametrize("engine", ["auto", "opencv", "exemplar"])
@pytest.mark.parametrize("place", ["top", "left", "bottom", "right", "corner", "frame"])
def test_at_borders_nothing_of_the_hole_shows(engine: str, place: str) -> None:
    hole = {
        "top": box((60, 70), slice(0, 12), slice(20, 40)),
        "left": box((60, 70), slice(20, 40), slice(0, 12)),
        "bottom": box((60, 70), slice(48, 60), slice(20, 40)),
        "right": box((60, 70), slice(20, 40), slice(58, 70)),
        "corner": box((60, 70), slice(0, 20), slice(0, 20)),
        "frame": ~box((60, 70), slice(6, 54), slice(6, 64)),
    }[place]
    dark, light = picture(60, 70), picture(60, 70)
    dark[hole], light[hole] = 0, 255
    one, other = (eraser(engine).erase(image, image, hole, time_left=plenty).image for image in (dark, light))
    assert np.array_equal(one, other)


def test_flat_ground_stays_flat() -> None:
    image = np.full((200, 200, 3), (30, 140, 220), np.uint8)
    hole = box((200, 200), slice(50, 120), slice(50, 150))
    image[hole] = 0
    result = eraser().erase(image, image, hole, time_left=plenty).image
    assert np.abs(result.astype(int) - (30, 140, 220)).max() <= 1


def test_an_empty_hole_gives_the_image_itself() -> None:
    image = picture(20, 20)
    erased = eraser().erase(image, image, np.zeros((20, 20), np.bool_), time_left=plenty)
    assert erased.image is image
    assert erased.engines == ()


def test_a_full_hole_is_refused() -> None:
    image = picture(20, 20)
    with pytest.raises(NothingToFillFrom):
        eraser().erase(image, image, np.ones((20, 20), np.bool_), time_left=plenty)


def test_the_same_input_gives_the_same_output() -> None:
    image = picture(200, 220)
    hole = box((200, 220), slice(60, 120), slice(60, 140))
    first, second = (eraser().erase(image, image, hole, time_left=plenty).image for _ in range(2))
    assert np.array_equal(first, second)


def test_auto_diffuses_a_scratch_on_smooth_ground_and_copies_on_rough_ground() -> None:
    smooth = np.repeat(np.linspace(80, 120, 300)[None, :, None], 200, axis=0).repeat(3, axis=2).astype(np.uint8)
    hole = box((200, 300), slice(100, 103), slice(20, 280))
    assert eraser().erase(smooth, smooth, hole, time_left=plenty).engines == ("opencv",)
    rough = picture(200, 300)
    assert eraser().erase(rough, rough, hole, time_left=plenty).engines == ("exemplar",)


def test_engines_are_named_in_order_of_use() -> None:
    image = picture(400, 900)
    image[:, :400] = 128
    hole = box((400, 900), slice(100, 102), slice(50, 200)) | box((400, 900), slice(100, 140), slice(700, 760))
    assert eraser().erase(image, image, hole, time_left=plenty).engines == ("opencv", "exemplar")


def test_without_time_the_answer_comes_by_diffusion() -> None:
    image = picture(300, 300)
    hole = box((300, 300), slice(50, 200), slice(50, 200))
    erased = eraser().erase(image, image, hole, time_left=lambda: 0.0)
    assert erased.engines == ("opencv",)
    assert np.array_equal(erased.image[~hole], image[~hole])
    assert (erased.image[hole] != image[hole]).mean() > 0.5


class SlowMachine:
    """A clock on which time passes whenever it is looked at."""

    def __init__(self, seconds: float, step: float) -> None:
        self.left, self.step = seconds, step

    def __call__(self) -> float:
        self.left -= self.step
        return self.left


@pytest.mark.parametrize("working_side", [768, 128], ids=["as it is", "shrunken"])
def test_on_a_slow_machine_patches_that_were_found_coarsely_are_copied_in_time(working_side: int) -> None:
    image = picture(200, 220)
    hole = box((200, 220), slice(50, 130), slice(50, 140))
    ample = SlowMachine(1e9, 1.0)
    whole = eraser(working_side=working_side).erase(image, image, hole, time_left=ample)
    looks = 1e9 - ample.left
    slow = SlowMachine(10.0, 20.0 / looks)
    erased = eraser(working_side=working_side).erase(image, image, hole, time_left=slow)
    assert erased.engines == whole.engines == ("exemplar",)
    # It would have taken 20 seconds. A round of the search looks at the clock often, and is not interrupted.
    assert slow.left > -5.0
    assert np.array_equal(erased.image[~hole], image[~hole])
    grain = [cv2.Laplacian(pixels[:, :, 1], cv2.CV_32F)[hole].std() for pixels in (erased.image, image)]
    assert grain[0] > 0.5 * grain[1]


def test_what_time_left_raises_comes_through() -> None:
    def stop() -> float:
        raise TimeoutError

    image = picture(100, 100)
    with pytest.raises(TimeoutError):
        eraser().erase(image, image, box((100, 100), slice(30, 60), slice(30, 60)), time_left=stop)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_noise_masks_are_too_much_for_copying(share: float) -> None:
    rng = np.random.default_rng(0)
    image = np.asarray(cv2.resize(picture(300, 400), (1600, 1200)), np.uint8)
    hole = rng.random((1200, 1600)) < share
    erased = eraser("exemplar").erase(image, image, hole, time_left=plenty)
    assert erased.engines == ("opencv",)
    assert np.array_equal(erased.image[~hole], image[~hole])


def test_the_network_gets_square_crops_and_gives_the_colours() -> None:
    image = np.dstack([picture(500, 700), np.full((500, 700, 1), 77, np.uint8)])
    guide = np.ascontiguousarray(image[:, :, :3])
    hole = box((500, 700), slice(10, 60), slice(600, 660))
    painter = Painter()
    erased = Eraser(EraserOptions(engine="onnx"), painter).erase(image, guide, hole, time_left=plenty)
    assert painter.seen == [(256, 256)]
    assert (erased.image[hole] == (0, 255, 0, 77)).all()
    assert erased.engines == ("onnx",)


def test_16_bits_are_not_taken_from_the_network() -> None:
    image = picture(80, 80, 3, np.uint16)
    hole = box((80, 80), slice(20, 50), slice(20, 50))
    erased = eraser("onnx").erase(image, (image >> 8).astype(np.uint8), hole, time_left=plenty)
    assert "onnx" not in erased.engines


def test_onnx_needs_a_network() -> None:
    with pytest.raises(ValueError, match="network"):
        Eraser(EraserOptions(engine="onnx"))


@pytest.mark.parametrize("shortage", [MemoryError(), cv2.error("Insufficient memory")])
def test_where_memory_runs_out_the_hole_is_diffused(monkeypatch: pytest.MonkeyPatch, shortage: Exception) -> None:
    if isinstance(shortage, cv2.error):
        shortage.code = cv2.Error.StsNoMem

    def out_of_memory(*_: object, **__: object) -> None:
        raise shortage

    monkeypatch.setattr(exemplar.Copying, "painter", out_of_memory)
    image = np.random.default_rng(1).integers(0, 256, (120, 160, 3), np.uint8)
    hole = np.zeros((120, 160), np.bool_)
    hole[40:80, 50:100] = True
    erased = Eraser(EraserOptions("exemplar")).erase(image, image, hole, time_left=lambda: 60.0)
    assert erased.engines == ("opencv",)
    assert (erased.image[hole] != image[hole]).any()
    assert np.array_equal(erased.image[~hole], image[~hole])
