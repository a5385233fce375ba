"""A whole job, without a server and a process."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

from image_erase.erasure.failures import ModelError
from image_erase.imaging.failures import BrokenFile, NothingToFillFrom, SideTooShort, SizeMismatch, UnsupportedFormat
from image_erase.jobs import networks
from image_erase.jobs.job import ErasedFile, erase_file, make_eraser
from image_erase.jobs.options import JobOptions, Network
from image_erase.jobs.request import JobRequest
from support import networks as nets

OPTIONS = JobOptions(max_side=4096, jpeg_quality=95, engine="opencv")
HOLE = np.zeros((48, 64), np.uint8)
HOLE[20:28, 30:40] = 255
rng = np.random.default_rng(3)


def png(pixels: np.ndarray) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()


def run(image: bytes, mask: bytes, **wanted: Any) -> ErasedFile:
    request = JobRequest(**wanted)
    return erase_file(image, mask, OPTIONS, make_eraser(OPTIONS), request, time_left=lambda: 60.0)


def erase_with(options: JobOptions) -> ErasedFile:
    image = rng.integers(0, 256, (48, 64, 3), np.uint8)
    return erase_file(png(image), png(HOLE), options, make_eraser(options), time_left=lambda: 60.0)


def pixels_of(done: ErasedFile) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(done.data)))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_only_the_hole_changes(channels: int) -> None:
    image = rng.integers(0, 256, (48, 64, channels), np.uint8)
    result = pixels_of(run(png(image.squeeze()), png(HOLE))).reshape(image.shape)
    np.testing.assert_array_equal(result[HOLE == 0], image[HOLE == 0])
    assert (result[HOLE > 0] != image[HOLE > 0]).mean() > 0.9


def test_alpha_under_the_hole_is_filled() -> None:
    image = np.full((48, 64, 4), 200, np.uint8)
    image[HOLE > 0, 3] = 0
    np.testing.assert_allclose(pixels_of(run(png(image), png(HOLE)))[..., 3], 200, atol=2)


def test_a_flat_picture_is_restored() -> None:
    image = np.full((48, 64, 3), (10, 100, 200), np.uint8)
    spoilt = image.copy()
    spoilt[HOLE > 0] = 255
    # OpenCV's march rounds a little up and down even where all it sees is one colour.
    np.testing.assert_allclose(pixels_of(run(png(spoilt), png(HOLE))), image, atol=2)


def test_all_black_changes_nothing() -> None:
    image = rng.integers(0, 256, (48, 64, 4), np.uint8)
    done = run(png(image), png(np.zeros_like(HOLE)))
    np.testing.assert_array_equal(pixels_of(done), image)
    assert done.facts.engine is None


def test_all_white_leaves_nothing_to_fill_from() -> None:
    with pytest.raises(NothingToFillFrom):
        run(png(np.zeros((48, 64), np.uint8)), png(np.full((48, 64), 255, np.uint8)))


def test_sizes_must_agree() -> None:
    with pytest.raises(SizeMismatch):
        run(png(np.zeros((48, 65), np.uint8)), png(HOLE))


def test_the_subject_of_a_failure_is_named() -> None:
    good = png(np.zeros((48, 64), np.uint8))
    for image, mask, subject in ((good[:50], png(HOLE), "image"), (good, png(HOLE)[:50], "mask")):
        with pytest.raises(BrokenFile) as caught:
            run(image, mask)
        assert caught.value.subject == subject


@pytest.mark.parametrize("channels", [3, 4])
def test_asks_the_operators_network(tmp_path: Path, channels: int) -> None:
    model = nets.saved(nets.migan(fill=(250, 20, 10)), tmp_path)
    options = JobOptions(engine="onnx", network=Network(str(model), "fill"))
    # The rim's colour is carried into the hole, so red shows as more red, not as itself.
    image = np.full((48, 64, channels), 128, np.uint8)
    done = erase_file(png(image), png(HOLE), options, make_eraser(options), time_left=lambda: 60.0)
    assert done.facts.engine == "onnx"
    result = pixels_of(done)
    np.testing.assert_array_equal(result[HOLE == 0], image[HOLE == 0])
    red, _, blue = result[24, 35, :3].astype(int)
    assert red > blue


@pytest.mark.parametrize("engine", ["auto", "onnx"])
def test_the_operators_network_lays_out_by_default(tmp_path: Path, engine: Literal["auto", "onnx"]) -> None:
    model = nets.saved(nets.migan(fill=(250, 20, 10)), tmp_path)
    done = erase_with(JobOptions(engine=engine, network=Network(str(model))))
    # Copied patches, and not the network's own colour, fill the hole.
    assert done.facts.engine == "exemplar"


def test_a_missing_layout_network_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^ERASE_LAYOUT: .*gone\.onnx does not exist or is no file$"):
        make_eraser(JobOptions(layout=str(tmp_path / "gone.onnx")))


def test_without_a_layout_no_network_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "LayoutNetwork", None)
    assert erase_with(JobOptions(layout="off")).facts.engine == "exemplar"


def test_a_worker_of_the_engine_opencv_loads_no_other_engine() -> None:
    program = (
        "import sys, image_erase.jobs.worker as worker\n"
        "from image_erase.jobs.messages import Done, Job\n"
        "from image_erase.jobs.request import JobRequest\n"
        "options = worker.JobOptions(engine='opencv')\n"
        "job = Job(60.0, JobRequest(), *worker.warm_up_files())\n"
        "assert isinstance(worker.answer(job, options, worker.make_eraser(options)), Done)\n"
        "print([name for name in ('copying', 'layout', 'neural') if f'image_erase.erasure.{name}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_options_survive_the_way_to_the_worker() -> None:
    options = JobOptions(
        working_side=300, mask_dilate=2, network=Network("model.onnx", "fill", "bgr", "erase=0", "0-1")
    )
    assert JobOptions.from_json(options.to_json()) == options


def test_facts_for_the_log() -> None:
    facts = run(png(np.zeros((48, 64), np.uint8)), png(HOLE)).facts
    assert (facts.width, facts.height, facts.engine) == (64, 48, "opencv")
    assert facts.hole == pytest.approx(80 / (48 * 64), abs=1e-4)


def test_the_hole_is_grown_as_far_as_asked() -> None:
    image = rng.integers(0, 256, (48, 64, 3), np.uint8)
    done = run(png(image), png(HOLE), dilate=5)
    rows, columns = np.nonzero((pixels_of(done) != image).any(axis=2))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (15, 32, 25, 44)
    assert done.facts.hole > run(png(image), png(HOLE)).facts.hole


def test_an_empty_hole_does_not_grow() -> None:
    image = rng.integers(0, 256, (48, 64, 3), np.uint8)
    np.testing.assert_array_equal(pixels_of(run(png(image), png(np.zeros_like(HOLE)), dilate=60)), image)


def test_a_hole_grown_over_everything_is_said_to_be_grown() -> None:
    image = png(np.zeros((48, 64), np.uint8))
    with pytest.raises(NothingToFillFrom, match="grown by 60 pixels"):
        run(image, png(HOLE), dilate=60)
    with pytest.raises(NothingToFillFrom, match="all white"):
        run(image, png(np.full((48, 64), 255, np.uint8)), dilate=60)


def test_formats_and_least_side_are_those_asked_for() -> None:
    image = png(np.zeros((48, 64), np.uint8))
    with pytest.raises(UnsupportedFormat, match="none of JPEG and BMP"):
        run(image, png(HOLE), formats=("JPEG", "BMP"))
    with pytest.raises(SideTooShort, match="64x48"):
        run(image, png(HOLE), min_side=49)
    assert run(image, png(HOLE), min_side=48).suffix == "png"


def test_effort_and_seed_stand_in_the_log() -> None:
    facts = run(png(np.zeros((48, 64), np.uint8)), png(HOLE), effort="best", seed=9).facts
    assert (facts.effort, facts.seed) == ("best", 9)
