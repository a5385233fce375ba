"""A network with 8-bit activations answers as before, and keeps what training needs."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from test_training_data import folder_of, picture

from training import SIDE, packs
from training.crops import crops
from training.integers import Crop, quantise

CHANNELS = 8
RNG = np.random.default_rng(4)
WHOLE = RNG.integers(-127, 128, (CHANNELS, 4, 3, 3)).astype(np.int8)
WHOLE[:, 0, 0, 0] = 127  # the largest weight of each channel, as `export` stores them
SCALE = RNG.uniform(0.0005, 0.002, CHANNELS).astype(np.float32)
NORM = {
    "b.weight": np.linspace(-1.5, 2, CHANNELS, dtype=np.float32),  # negative factors too
    "b.bias": RNG.normal(0, 0.3, CHANNELS).astype(np.float32),
    "b.mean": RNG.normal(0, 0.3, CHANNELS).astype(np.float32),
    "b.var": RNG.uniform(0.5, 2, CHANNELS).astype(np.float32),
}
LAST = RNG.normal(0, 0.2, (3, CHANNELS, 3, 3)).astype(np.float32)


def exported(path: Path) -> Path:
    """A network like those that `export` writes: a convolution with 8-bit weights, batch norm, ReLU, and a last one."""
    stored = {"a.weight.int8": WHOLE, "a.weight.scale": SCALE, "a.weight.zero": np.zeros(CHANNELS, np.int8)}
    stored |= NORM | {"c.weight": LAST}
    nodes = [
        helper.make_node("DequantizeLinear", [*stored][:3], ["a.weight"], axis=0),
        helper.make_node("Concat", ["image", "mask"], ["seen"], axis=1),
        helper.make_node("Conv", ["seen", "a.weight"], ["a"], "/a/Conv", pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["a", *NORM], ["b"], epsilon=1e-5),
        helper.make_node("Relu", ["b"], ["r"]),
        helper.make_node("Conv", ["r", "c.weight"], ["layout"], "/colour/Conv", pads=[1, 1, 1, 1]),
    ]
    sides = {"image": 3, "mask": 1, "layout": 3}
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, c, SIDE, SIDE]) for n, c in sides.items()]
    tensors = [numpy_helper.from_array(value, name) for name, value in stored.items()]
    graph = helper.make_graph(nodes, "layout", values[:2], values[2:], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> list[Crop]:
    folder = tmp_path_factory.mktemp("photographs")
    packs.write(packs.photographs(folder_of(folder, *(picture(140, 180, n) for n in range(4)))), folder / "four.pack")
    found = crops([folder / "four.pack"], 3)
    assert [value.shape for value in found[0].values()] == [(1, 3, SIDE, SIDE), (1, 1, SIDE, SIDE)]
    return [*found]


def answers(model: Path, examples: list[Crop]) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # tensors for training are not used
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, dict(example))[0] for example in examples])


def test_a_quantised_network_answers_as_before(examples: list[Crop], tmp_path: Path) -> None:
    model = exported(tmp_path / "model.onnx")
    for name in ("one.onnx", "two.onnx"):
        quantise(model, tmp_path / name, examples)
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()
    exact, rounded = answers(model, examples), answers(tmp_path / "one.onnx", examples)
    assert 0 < np.abs(rounded - exact).max() < 0.1 * np.abs(exact).max()
    assert np.sqrt(np.mean((rounded - exact) ** 2)) < 0.02 * exact.std()


def test_a_quantised_network_keeps_what_training_needs(examples: list[Crop], tmp_path: Path) -> None:
    quantise(exported(tmp_path / "model.onnx"), tmp_path / "quantised.onnx", examples)
    graph = onnx.load(tmp_path / "quantised.onnx").graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    weights = stored["a.weight.int8"].astype(np.float32) * stored["a.weight.scale"].reshape(-1, 1, 1, 1)
    assert np.allclose(weights, WHOLE * SCALE.reshape(-1, 1, 1, 1), rtol=1e-5)
    assert all(np.array_equal(stored[name], value) for name, value in NORM.items())
    assert np.array_equal(stored["c.weight"], LAST)
    kinds = [node.op_type for node in graph.node]
    assert kinds.count("Conv") == 2
    assert "QuantizeLinear" in kinds
    assert "BatchNormalization" not in kinds
