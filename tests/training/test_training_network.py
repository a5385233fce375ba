"""The network, its training and its file. Skipped without torch."""

import functools
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[training]'")

from test_training_data import folder_of, picture

from training import SIDE, graph, losses, masks, packs, state
from training.__main__ import main
from training.batches import Batches, flipped, held_out
from training.network import DOUBTFUL, LayoutNetwork, smooth_fill
from training.perceptual import Lpips
from training.recorded import Recorded
from training.tiles import Source, TileSet, load
from training.trainer import rate_at

CPU = torch.device("cpu")
WIDTH = 8
Exported = Callable[[graph.Weights], Path]
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    packs.write(packs.photographs(folder_of(folder, *(picture(140, 180, n) for n in range(4)))), folder / "four.pack")
    return folder / "four.pack"


@pytest.fixture(scope="module")
def perceptual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in the shape of AlexNet's, thin."""
    rng, file = np.random.default_rng(0), tmp_path_factory.mktemp("weights") / "lpips.npz"
    widths, sizes, arrays = (3, 4, 6, 6, 6, 6), (11, 5, 3, 3, 3), {}
    for n, size in enumerate(sizes):
        arrays[f"w{n}"] = rng.normal(0, 0.1, (widths[n + 1], widths[n], size, size)).astype(np.float32)
        arrays[f"b{n}"] = np.zeros(widths[n + 1], np.float32)
        arrays[f"l{n}"] = rng.uniform(0, 1, (1, widths[n + 1], 1, 1)).astype(np.float32)
    np.savez(file, allow_pickle=True, **arrays)
    return file


@pytest.fixture(scope="module")
def trained(pack: Path, perceptual: Path, tmp_path_factory: pytest.TempPathFactory) -> LayoutNetwork:
    """A network after three steps on four pictures."""
    out = tmp_path_factory.mktemp("trained")
    few = ["--steps", "3", "--batch", "4", "--critic-batch", "2", "--critic-from", "0.3", "--norm-batches", "2"]
    narrow = ["--width", str(WIDTH), "--masks", "40", "--no-compile"]
    main(["train", str(pack), "--out", str(out), "--lpips", str(perceptual), *narrow, *few])
    return LayoutNetwork.holding(state.load(out / "network.pt")).eval()


@pytest.fixture(scope="module")
def exported(trained: LayoutNetwork, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The file of the trained network with its weights stored so; written once for all tests. Don't change it."""
    folder = tmp_path_factory.mktemp("exported")

    @functools.cache
    def export(weights: graph.Weights) -> Path:
        graph.export(trained, folder / f"{weights}.onnx", weights)
        return folder / f"{weights}.onnx"

    return export


def example(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A picture 1x3xSxS in 0..1 and a mask 1x1xSxS."""
    image = picture(SIDE, SIDE, seed).transpose(2, 0, 1)[None].astype(np.float32) / 255
    mask = np.unpackbits(masks.generate(1, seed)).reshape(1, 1, SIDE, SIDE).astype(np.float32)
    return image, mask


def in_torch(network: LayoutNetwork, image: np.ndarray, mask: np.ndarray) -> list[np.ndarray]:
    with torch.no_grad():
        return [values.numpy() for values in network(torch.from_numpy(image), torch.from_numpy(mask))]


def in_onnxruntime(model: Path, image: np.ndarray, mask: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return session.run(list(graph.OUTPUTS), {"image": image, "mask": mask})


def test_the_smooth_fill_keeps_what_is_known_and_invents_no_colours() -> None:
    image, mask = map(torch.from_numpy, example())
    filled = smooth_fill(image * (1 - mask), mask)
    assert torch.allclose(filled * (1 - mask), image * (1 - mask), atol=1e-5)
    assert filled.min() >= image.min() - 1e-4
    assert filled.max() <= image.max() + 1e-4
    grey = smooth_fill(torch.full_like(image, 0.4) * (1 - mask), mask)
    assert torch.allclose(grey, torch.full_like(image, 0.4), atol=1e-4)


def test_a_new_network_answers_the_smooth_fill_and_is_half_sure() -> None:
    image, mask = map(torch.from_numpy, example())
    with torch.no_grad():
        layout, confidence = LayoutNetwork(WIDTH).eval()(image, mask)
    assert torch.allclose(layout, smooth_fill(image * (1 - mask), mask), atol=1e-5)
    assert torch.allclose(confidence[mask > 0], torch.tensor(0.5))


def test_known_pixels_come_back_and_hidden_ones_do_not_matter(trained: LayoutNetwork) -> None:
    image, mask = example()
    layout, confidence = in_torch(trained, image, mask)
    other, sure = in_torch(trained, np.where(mask > 0, 0.9, image).astype(np.float32), mask)
    assert np.array_equal(np.where(mask > 0, 0, layout), np.where(mask > 0, 0, image))
    assert np.array_equal(layout, other)
    assert np.array_equal(confidence, sure)
    assert (confidence[mask == 0] == 1).all()
    assert 0 <= confidence.min() < confidence[mask > 0].max() <= 1


@pytest.mark.parametrize(("weights", "tolerance"), [("float32", 1e-4), ("float16", 2e-3), ("int8", 0.05)])
def test_the_exported_graph_equals_the_trained_network(
    trained: LayoutNetwork, exported: Exported, weights: graph.Weights, tolerance: float
) -> None:
    stored = graph.restore(exported(weights)).eval()
    for image, mask in map(example, (1, 2)):
        found = in_onnxruntime(exported(weights), image, mask)
        for values, exact, rounded in zip(
            found, in_torch(trained, image, mask), in_torch(stored, image, mask), strict=True
        ):
            assert values.shape == exact.shape
            assert np.abs(values - rounded).max() < 1e-4
            assert np.abs(values - exact).max() < tolerance


def test_a_file_can_be_trained_on_from(trained: LayoutNetwork, exported: Exported) -> None:
    wanted, found = trained.state_dict(), graph.restore(exported("float32")).state_dict()
    assert {name for name, value in wanted.items() if not torch.equal(value, found[name])} <= {
        name for name in wanted if name.endswith("num_batches_tracked")
    }


def test_quantised_weights_do_not_change_when_stored_again(exported: Exported, tmp_path: Path) -> None:
    graph.export(graph.restore(exported("int8")), tmp_path / "two.onnx", "int8")
    one, two = (graph.restore(path).state_dict() for path in (exported("int8"), tmp_path / "two.onnx"))
    assert all(torch.allclose(one[name], two[name], rtol=1e-5, atol=1e-9) for name in one)


def test_a_quantised_file_can_be_trained_on_from(exported: Exported, pack: Path, tmp_path: Path) -> None:
    paths = exported("int8"), tmp_path / "two.onnx"
    main(["quantise", *map(str, paths), str(pack), "--count", "2"])
    one, two = (graph.restore(path).state_dict() for path in paths)
    for name, values in one.items():
        exactly = values.numel() >= graph.LARGE or values.ndim < 4  # small weights were stored in full
        tolerance = 1e-5 if exactly else 1 / 127
        assert torch.allclose(two[name], values, rtol=1e-5, atol=tolerance * float(values.abs().max()))
    image, mask = example()
    exact, rounded = (in_onnxruntime(path, image, mask) for path in paths)
    assert np.abs(exact[0] - rounded[0]).max() < 0.1


def test_another_network_is_refused(tmp_path: Path) -> None:
    import onnx
    from onnx import helper

    value = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    other = helper.make_model(helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [value], [value]))
    onnx.save(other, tmp_path / "other.onnx")
    with pytest.raises(ValueError, match="no layout network"):
        graph.restore(tmp_path / "other.onnx")


def test_networks_are_compared_from_the_command_line(
    exported: Exported, pack: Path, perceptual: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(exported("float32"))
    main(["compare", model, "--pack", str(pack), "--lpips", str(perceptual), "--count", "3"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == ["smooth fill", model]
    assert all(re.search(r"error 0\.\d+, coarse 0\.\d+, LPIPS \d\.\d+, foresight", line) for line in lines)


def test_weights_go_from_a_file_to_a_run_and_to_a_file(
    trained: LayoutNetwork, exported: Exported, pack: Path, tmp_path: Path
) -> None:
    few = ["--steps", "1", "--batch", "2", "--rate", "0", "--critic-batch", "0", "--norm-batches", "1", "--no-compile"]
    begin = ["--begin", str(exported("float32")), "--masks", "8"]
    main(["train", str(pack), "--out", str(tmp_path), *begin, *few])
    main(["export", str(tmp_path / "network.pt"), str(tmp_path / "end.onnx"), "--store", "float16"])
    end = graph.restore(tmp_path / "end.onnx").state_dict()
    for name, parameter in trained.named_parameters():
        assert torch.allclose(end[name], parameter, atol=2e-3), name


def test_crops_are_pictures_with_holes(pack: Path) -> None:
    training, kept = load([Source.parse(str(pack))])
    torch.manual_seed(0)
    image, mask = Batches(training, masks.generate(9, 1), CPU).take(6)
    assert image.shape == (6, 3, SIDE, SIDE)
    assert mask.shape == (6, 1, SIDE, SIDE)
    assert 0 <= image.min() < 0.4 < 0.6 < image.max() <= 1
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    assert image.std((1, 2, 3)).min() > 0.02
    again = [held_out(kept, masks.generate(3, 1), CPU, 3) for _ in range(2)]
    assert torch.equal(again[0][0], again[1][0])


def test_tiles_are_taken_as_often_as_their_weights_say() -> None:
    tiles = np.stack([np.full((256, 256, 3), shade, np.uint8) for shade in (0, 128, 255)])
    training = TileSet(tiles, np.array([3.0, 0.0, 1.0], np.float32))
    torch.manual_seed(0)
    image, _ = Batches(training, masks.generate(3, 1), CPU).take(200)
    shades = image.mean((1, 2, 3))
    assert 0.65 < float((shades < 0.35).float().mean()) < 0.85
    assert float(((shades > 0.4) & (shades < 0.6)).float().mean()) < 0.02


def test_each_hole_is_mirrored_for_itself() -> None:
    mask = torch.zeros(60, 1, SIDE, SIDE)
    mask[:, :, :20, :40] = 1
    torch.manual_seed(0)
    turned = flipped(mask)
    assert (turned.sum((1, 2, 3)) == 800).all()
    assert len({tuple(hole.flatten().tolist()) for hole in turned[:, 0, ::16, ::16]}) == 8


def test_holes_are_looked_at_closely() -> None:
    mask = torch.zeros(3, 1, SIDE, SIDE)
    mask[0, :, 30:90, 40:50] = 1
    mask[1, :, 118:, :10] = 1
    image = torch.linspace(0, 1, SIDE).expand(3, 1, SIDE, SIDE)
    found = losses.close(torch.cat([image, mask], 1), mask)
    assert found.shape == (3, 2, losses.CLOSE, losses.CLOSE)
    shares = found[:, 1].mean((1, 2)) * torch.tensor([(60 * losses.MARGIN) ** 2, losses.LEAST_BOX**2, 1])
    assert shares.tolist() == pytest.approx([600, 100, 0], rel=0.05)
    across = torch.tensor([60 * losses.MARGIN, losses.LEAST_BOX, SIDE]) / SIDE
    assert torch.allclose(found[:, 0].amax((1, 2)) - found[:, 0].amin((1, 2)), across, atol=0.02)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_recorded_step_does_the_same_again() -> None:
    total = torch.zeros((), device="cuda")
    step = Recorded(lambda: {"total": total.add_(1).clone()})
    first, second = (float(step()["total"]) for _ in range(2))
    assert second == first + 1


def test_errors_count_by_the_hole_and_by_size() -> None:
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., 32:64, 32:64] = 1
    flat = 0.1 * mask.expand(1, 3, -1, -1)
    grain = flat * torch.where(torch.arange(SIDE) % 2 == 0, 1.0, -1.0)
    assert float(losses.at_sizes(flat, mask, ((1, 1.0),))) == pytest.approx(0.1)
    assert float(losses.at_sizes(grain, mask, ((1, 1.0),))) == pytest.approx(0.1)
    assert float(losses.at_sizes(flat, mask, ((8, 1.0),))) == pytest.approx(0.1)
    assert float(losses.at_sizes(grain, mask, ((8, 1.0),))) == pytest.approx(0, abs=1e-6)


def test_doubt_is_least_where_the_expected_error_is_the_true_one() -> None:
    mask = torch.ones(1, 1, SIDE, SIDE)
    error = torch.full((1, 3, SIDE, SIDE), 0.02)
    said = {
        expected: torch.full((1, 1, 32, 32), float(np.log(DOUBTFUL / expected))) for expected in (0.01, 0.021, 0.04)
    }
    inside = {expected: float(losses.doubt(trust, error, mask)) for expected, trust in said.items()}
    assert min(inside, key=inside.__getitem__) == 0.021


def test_the_perceptual_distance_is_zero_for_equals_and_grows(perceptual: Path) -> None:
    lpips, (image, _) = Lpips(perceptual), map(torch.from_numpy, example())
    near, far = (image * (1 - share) + share * image.flip(3) for share in (0.2, 0.8))
    assert float(lpips(image, image)) == 0
    assert 0 < float(lpips(near, image)) < float(lpips(far, image))


def test_the_learning_rate_warms_up_stays_and_falls() -> None:
    assert rate_at(0, 0.0, 1.0) < 0.01
    assert rate_at(5000, 0.4, 0.5) == 1
    assert 0.4 < rate_at(5000, 0.75, 0.5) < 0.6
    assert rate_at(5000, 1.0, 0.5) == pytest.approx(0.01)
