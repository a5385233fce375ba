"""The `onnx` eraser on tiny graphs with the conventions of LaMa's and MI-GAN's published files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from image_erase.erasure.failures import ModelError
from image_erase.erasure.neural import Frame, NeuralEngine, runtime
from support import networks as nets

RED = (1.0, 0.0, 0.0)
Image = NDArray[np.uint8]
Hole = NDArray[np.bool_]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Any:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


def scene(height: int, width: int) -> tuple[Image, Hole]:
    """Return a smooth coloured picture with faint noise, and a round hole in it."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    ramp = np.stack([60 + 80 * x / width, 90 + 60 * y / height, 200 - 70 * x / width], axis=2)
    noise = np.random.default_rng(3).normal(0, 2, ramp.shape)
    hole = np.hypot((y - height / 2) / height, (x - width / 2) / width) < 0.2
    return np.clip(ramp + noise, 0, 255).astype(np.uint8), hole


def engine(model: onnx.ModelProto, folder: Path, **told: Any) -> NeuralEngine:
    return NeuralEngine(nets.saved(model, folder), **told)


@pytest.mark.parametrize(
    ("model", "size", "polarity", "output_range"),
    [
        (nets.lama(512), (512, 512), "erase=1", "0-255"),
        (nets.lama(64, dynamic_batch=True), (64, 64), "erase=1", "0-255"),
        (nets.lama(None), None, "erase=1", "0-255"),
        (nets.lama(64, scale=1.0), (64, 64), "erase=1", "0-1"),
        (nets.lama(64, erase=0.0), (64, 64), "erase=0", "0-255"),
        (nets.migan(), None, "erase=0", "0-255"),
    ],
    ids=["lama", "free batch", "free size", "unit answer", "inverse mask", "migan"],
)
def test_convention_is_found_out(
    tmp_path: Path, model: onnx.ModelProto, size: Any, polarity: str, output_range: str
) -> None:
    found = engine(model, tmp_path).convention
    assert (found.size, found.mask_polarity) == (size, polarity)
    assert (found.output_range, found.channel_order) == (output_range, "rgb")


@pytest.mark.parametrize(
    "model",
    [nets.lama(64, fill=RED), nets.lama(64, fill=RED, scale=1.0), nets.lama(64, fill=RED, erase=0.0)],
    ids=["lama", "unit answer", "inverse"],
)
def test_hole_gets_what_the_network_says(tmp_path: Path, model: onnx.ModelProto) -> None:
    image, hole = scene(60, 64)
    filled = engine(model, tmp_path).fill(image, hole)
    assert filled[30, 32].tolist() == [0, 0, 255]
    assert filled.dtype == np.uint8
    np.testing.assert_array_equal(filled[~hole], image[~hole])


def test_channel_order_can_be_set(tmp_path: Path) -> None:
    image, hole = scene(64, 64)
    assert engine(nets.lama(64, fill=RED), tmp_path, channel_order="bgr").fill(image, hole)[32, 32, 0] == 255


def test_uint8_pipeline_fills_where_the_mask_is_zero(tmp_path: Path) -> None:
    image, hole = scene(90, 130)
    filled = engine(nets.migan(fill=(250.0, 5.0, 5.0)), tmp_path).fill(image, hole)
    assert filled[45, 65].tolist() == [5, 5, 250]
    np.testing.assert_array_equal(filled[~hole], image[~hole])


def test_shapes_may_depend_on_the_data(tmp_path: Path) -> None:
    image, hole = scene(100, 70)
    eraser = engine(nets.cropping(), tmp_path)
    for region in (np.s_[:, :], np.s_[10:90, 5:65], np.s_[:, :]):
        filled = eraser.fill(image[region], hole[region])
        middle = np.argwhere(hole[region]).mean(axis=0).astype(int)
        assert filled[tuple(middle)].max() == 0
        np.testing.assert_array_equal(filled[~hole[region]], image[region][~hole[region]])


@pytest.mark.parametrize("model", [nets.lama(64), nets.lama(None), nets.migan()], ids=["fixed", "free", "migan"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (7, 300), (64, 64), (65, 63), (700, 530)])
def test_any_size_changes_the_hole_alone(tmp_path: Path, model: onnx.ModelProto, shape: tuple[int, int]) -> None:
    image, hole = scene(*shape)
    hole[shape[0] // 2, shape[1] // 2] = True
    before = image.copy()
    filled = engine(model, tmp_path).fill(image, hole)
    assert filled.shape == image.shape
    np.testing.assert_array_equal(filled[~hole], before[~hole])
    np.testing.assert_array_equal(image, before)


def test_nothing_of_the_hole_reaches_the_fill(tmp_path: Path) -> None:
    image, hole = scene(500, 400)
    loud = image.copy()
    loud[hole] = (0, 255, 0)
    eraser = engine(nets.lama(64, fill=(0.5, 0.5, 0.5)), tmp_path)
    np.testing.assert_array_equal(eraser.fill(image, hole), eraser.fill(loud, hole))


def test_empty_and_full_holes(tmp_path: Path) -> None:
    image, hole = scene(80, 80)
    eraser = engine(nets.lama(64, fill=RED), tmp_path)
    np.testing.assert_array_equal(eraser.fill(image, np.zeros_like(hole)), image)
    assert (eraser.fill(image, np.ones_like(hole)) == (0, 0, 255)).all()


@pytest.mark.parametrize("side", [96, 400])
def test_no_step_at_the_rim(tmp_path: Path, side: int) -> None:
    image = np.full((side, side, 3), 120, np.uint8)
    image += np.random.default_rng(1).integers(0, 5, image.shape, dtype=np.uint8)
    hole = scene(side, side)[1]
    filled = engine(nets.lama(96, bias=0.06), tmp_path).fill(image, hole).astype(int)
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5)
    outside, inside, middle = filled[~hole].mean(), filled[(depth > 0) & (depth < 3)].mean(), filled[depth > 30]
    assert abs(inside - outside) < 3
    assert side < 200 or middle.mean() - outside > 12


def test_grain_goes_on_over_a_shrunk_region(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    image = np.clip(rng.normal(120, 4, (300, 300, 1)).repeat(3, 2), 0, 255).astype(np.uint8)
    hole = scene(300, 300)[1]
    filled = engine(nets.lama(64), tmp_path).fill(image, hole)
    assert 2.0 < filled[130:170, 130:170, 0].std() < 5.0


def test_fill_is_the_same_each_time(tmp_path: Path) -> None:
    image, hole = scene(300, 200)
    eraser = engine(nets.migan(), tmp_path)
    np.testing.assert_array_equal(eraser.fill(image, hole), eraser.fill(image, hole))


def test_weights_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx.save_model(nets.lama(64, fill=RED), path, save_as_external_data=True, location="w.bin", size_threshold=0)
    image, hole = scene(64, 64)
    assert NeuralEngine(path).fill(image, hole)[32, 32].tolist() == [0, 0, 255]
    (tmp_path / "w.bin").unlink()
    with pytest.raises(ModelError, match=r"w\.bin"):
        NeuralEngine(path)


def test_weights_listed_as_inputs_are_no_inputs(tmp_path: Path) -> None:
    model = nets.lama(64)
    model.graph.input.append(nets.tensor("scale", []))
    assert engine(model, tmp_path).convention.size == (64, 64)


def test_inputs_are_told_apart_in_any_order(tmp_path: Path) -> None:
    model = nets.lama(64, fill=RED)
    image, mask = model.graph.input
    swapped = [
        onnx.ValueInfoProto.FromString(mask.SerializeToString()),
        onnx.ValueInfoProto.FromString(image.SerializeToString()),
    ]
    del model.graph.input[:]
    model.graph.input.extend(swapped)
    image_, hole = scene(64, 64)
    assert engine(model, tmp_path).fill(image_, hole)[32, 32].tolist() == [0, 0, 255]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 not a network at all", "not an ONNX file"),
        (b"<!DOCTYPE html><html>404</html>", "not an ONNX file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "Git LFS pointer"),
        (nets.lama(64).SerializeToString()[:-40], "is not an ONNX file, is cut short"),
        (nets.lama(64).SerializeToString()[:60], "is not an ONNX file, is cut short"),
    ],
    ids=["empty", "zip", "web page", "lfs pointer", "cut short", "cut very short"],
)
def test_file_that_is_no_network(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message) as raised:
        NeuralEngine(path)
    assert "\n" not in str(raised.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.onnx does not exist"):
        NeuralEngine(tmp_path / "gone.onnx")


IMAGE = nets.tensor("image", (1, 3, 64, 64))
OUTPUT = nets.tensor("output", (1, 3, 64, 64))
MASK = nets.tensor("mask", (1, 1, 64, 64))


@pytest.mark.parametrize(
    ("inputs", "outputs", "source", "message"),
    [
        ([IMAGE], [OUTPUT], "image", "takes image: float32 1x3x64x64; a picture 1x3xHxW and a mask"),
        ([nets.tensor("input", (1, 4, 64, 64))], [nets.tensor("output", (1, 4, 64, 64))], "input", "1x4x64x64"),
        ([nets.tensor("image", (3, 64, 64)), MASK], [nets.tensor("output", (3, 64, 64))], "image", "are expected"),
        ([IMAGE, nets.tensor("mask", (1, 3, 64, 64))], [OUTPUT], "image", "are expected"),
        ([IMAGE, MASK, nets.tensor("noise", (1, 1, 64, 64))], [OUTPUT], "image", "noise"),
        ([IMAGE, nets.tensor("mask", (1, 1, 32, 32))], [OUTPUT], "image", "same height and width"),
        ([IMAGE, MASK], [nets.tensor("output", (1, 1, 64, 64))], "mask", "a picture 1x3xHxW is expected"),
    ],
    ids=["one input", "four channels", "rank 3", "wide mask", "three inputs", "two sizes", "mask as answer"],
)
def test_graph_of_another_shape(tmp_path: Path, inputs: Any, outputs: Any, source: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        engine(nets.pointwise(inputs, outputs, source, "output"), tmp_path)


def test_graph_of_another_type(tmp_path: Path) -> None:
    model = nets.pointwise(
        [nets.tensor("image", (1, 3, 8, 8), onnx.TensorProto.INT64), MASK],
        [nets.tensor("output", (1, 3, 8, 8), onnx.TensorProto.INT64)],
        "image",
        "output",
    )
    with pytest.raises(ModelError, match="image: int64 1x3x8x8"):
        engine(model, tmp_path)


def test_network_that_pays_no_heed_to_its_mask(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="set the mask polarity"):
        engine(nets.pointwise([IMAGE, MASK], [OUTPUT], "image", "output"), tmp_path)


def test_polarity_that_is_told_is_taken_where_none_is_shown(tmp_path: Path) -> None:
    model = nets.pointwise([IMAGE, MASK], [OUTPUT], "image", "output")
    assert engine(model, tmp_path, mask_polarity="erase=0").convention.mask_polarity == "erase=0"


def test_polarity_that_is_told_wrongly_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="set to erase=0 but a trial run shows erase=1"):
        engine(nets.lama(64), tmp_path, mask_polarity="erase=0")


@pytest.mark.parametrize("model", [nets.quantised(), nets.noisy()], ids=["quantised", "random"])
def test_any_operator_of_the_standard_runs(tmp_path: Path, model: onnx.ModelProto) -> None:
    image, hole = scene(64, 64)
    filled = engine(model, tmp_path).fill(image, hole)
    np.testing.assert_array_equal(filled[~hole], image[~hole])


def test_unknown_operator_is_named(tmp_path: Path) -> None:
    model = nets.lama(64)
    model.graph.node[0].op_type = "Sorcery"
    with pytest.raises(ModelError, match="Sorcery") as raised:
        engine(model, tmp_path)
    assert "\n" not in str(raised.value)


def test_missing_runtime_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match="needs onnxruntime, which is not installed"):
        engine(nets.lama(64), tmp_path)


IN_A_PROCESS_OF_ITS_OWN = """
import pathlib, os, resource, sys
import numpy as np
from image_erase.erasure.neural.runtime import Graph

graph = Graph(pathlib.Path(sys.argv[1]))
inputs = {"image": np.ones((1, 3, 2000, 2000), np.float32), "mask": np.ones((1, 1, 2000, 2000), np.float32)}
if sys.argv[2] == "limited":
    status = dict(line.split(":\t") for line in open("/proc/self/status").read().splitlines())
    used = int(status["VmData"].split()[0]) << 10
    resource.setrlimit(resource.RLIMIT_DATA, (used + (20 << 20), resource.RLIM_INFINITY))
try:
    graph.run(["output"], inputs)
except MemoryError:
    print("MemoryError")
print(len(os.listdir("/proc/self/task")), "threads;", os.environ["ORT_DISABLE_TELEMETRY"], "set")
"""


def alone(model: onnx.ModelProto, folder: Path, word: str) -> list[str]:
    """Run the graph on a large picture in a process of its own whose home is `folder`, and return what it prints."""
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "OPENBLAS_NUM_THREADS": "1"}
    path = nets.saved(model, folder)
    done = subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS_OF_ITS_OWN, str(path), word],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_lack_of_memory_is_told_apart_from_a_bad_network(tmp_path: Path) -> None:
    assert alone(nets.lama(None), tmp_path, "limited")[0] == "MemoryError"


def test_the_runtime_reports_to_nobody(tmp_path: Path) -> None:
    assert alone(nets.lama(None), tmp_path, "free") == ["1 threads; 1 set"]
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]


def test_network_never_sees_what_it_is_to_erase(tmp_path: Path) -> None:
    nodes = [
        onnx.helper.make_node("ReduceMax", ["image"], ["peak"], axes=[2, 3], keepdims=1),
        onnx.helper.make_node("Add", ["peak", "mask"], ["seen"]),
        onnx.helper.make_node("Sub", ["seen", "mask"], ["output"]),
    ]
    outputs = [nets.tensor("output", ("a", 3, "h", "w"))]
    eraser = engine(
        nets.network(nodes, [IMAGE, MASK], outputs, {}), tmp_path, mask_polarity="erase=1", output_range="0-1"
    )
    hole = scene(64, 64)[1]
    image = np.where(hole[:, :, None], 255, 90).astype(np.uint8).repeat(3, 2)
    assert eraser.fill(image, hole)[32, 32].max() <= 91


def test_region_is_mirrored_out_to_the_networks_size() -> None:
    image = scene(20, 30)[0]
    outer = Frame((20, 30), (20, 30), (64, 64)).mirrored(image)
    np.testing.assert_array_equal(outer[:20, :30], image)
    np.testing.assert_array_equal(outer[20:39, :30], image[18::-1])
    assert outer.shape == (64, 64, 3)
    assert outer.min() >= image.min()


@pytest.mark.parametrize(
    ("flags", "known"), [("fma avx2 avx512f", False), ("avx2 avx512f avx512_vnni", True), ("avx2 avx_vnni", True)]
)
def test_sums_of_bytes_are_exact_on_every_processor(flags: str, known: bool, tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: fpu {flags} rdseed\n")
    assert runtime.sums_bytes(tmp_path / "cpuinfo") is known
    assert not runtime.sums_bytes(tmp_path / "missing")
