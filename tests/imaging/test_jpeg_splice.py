"""The splice changes the touched blocks and nothing else, over every kind of JPEG."""

import io
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from image_erase.imaging.jpeg import library
from image_erase.imaging.jpeg import splice as jpeg_splice
from image_erase.imaging.jpeg.frame import ColourSpace
from image_erase.imaging.jpeg.splice import CannotSplice
from support.jpegs import (
    Hole,
    Pixels,
    cjpeg,
    decoded,
    decoded_by_opencv,
    filled_by_shift,
    frame_of,
    may_change,
    pillow_jpeg,
    psnr,
    scene,
    source_of,
    with_colour_mark,
)


def splice(data: bytes, filled: Pixels, hole: Hole, *, orientation: int) -> bytes:
    return jpeg_splice.splice(source_of(data), filled, hole, orientation=orientation)


def reencode(data: bytes, filled: Pixels, *, orientation: int) -> bytes:
    return jpeg_splice.reencode(source_of(data), filled, orientation=orientation)


pytestmark = pytest.mark.skipif(not library.available(), reason="no libturbojpeg")

SCENE = scene(203, 149)
VERSION_3 = library.available() and library.complete()
PILLOW = {
    f"{mode} {sampling} {'progressive' if progressive else 'baseline'} restart {restart}": pillow_jpeg(
        SCENE.convert(mode),
        quality=88,
        subsampling=sampling,
        progressive=progressive,
        restart_marker_blocks=restart,
    )
    for mode, sampling, progressive, restart in itertools.product(
        ("L", "RGB", "CMYK"), ("4:4:4", "4:2:2", "4:2:0"), (False, True), (0, 3)
    )
    if mode != "L" or sampling == "4:4:4"
}
PILLOW["RGB components"] = pillow_jpeg(SCENE, quality=88, keep_rgb=True)
PILLOW["YCCK"] = with_colour_mark(pillow_jpeg(SCENE.convert("CMYK"), quality=88, subsampling="4:4:4"), 2)
CJPEG = {
    "4:4:0": ("-sample", "1x2"),
    "4:1:1": ("-sample", "4x1"),
    "4:1:0": ("-sample", "4x2"),
    "4:4:1": ("-sample", "1x4"),
    "3x1": ("-sample", "3x1"),
    "each its own": ("-sample", "2x2,2x1,1x2"),
    "luma sampled less": ("-sample", "1x1,1x2,1x2"),
    "restarts by row": ("-sample", "2x2", "-restart", "1"),
    "restarts, progressive": ("-progressive", "-restart", "5B"),
    "wide tables": ("-quality", "1"),
    "arithmetic": ("-arithmetic",),
    "arithmetic progressive": ("-arithmetic", "-progressive"),
}
NEEDS_3 = {"4:1:0", "4:4:1", "3x1", "each its own", "luma sampled less"}
EXIF_FOLDER = Path(__file__).parents[3] / "shared" / "corpus" / "exif"


def blob(shape: tuple[int, ...], top: int, left: int, height: int, width: int) -> Hole:
    hole = np.zeros(shape[:2], dtype=np.bool_)
    hole[top : top + height, left : left + width] = True
    return hole


def assert_only_hole_changes(source: bytes, hole: Hole) -> bytes:
    shown = decoded(source)
    filled = filled_by_shift(shown, hole)
    result = splice(source, filled, hole, orientation=1)
    kept = ~may_change(source, hole)
    assert np.array_equal(decoded(result)[kept], shown[kept])
    assert np.array_equal(decoded_by_opencv(result)[kept], decoded_by_opencv(source)[kept])
    return result


def assert_same_kind(source: bytes, result: bytes) -> None:
    before, after = frame_of(source), frame_of(result)
    assert (after.progressive, after.colours, after.complete) == (before.progressive, before.colours, True)
    assert [(each.across, each.down) for each in after.components] == [
        (each.across, each.down) for each in before.components
    ]
    for one, other in zip(before.components, after.components, strict=True):
        assert one.identifier == other.identifier
        assert np.array_equal(before.tables[one.table], after.tables[other.table])
    if VERSION_3:
        assert after.restart_interval == before.restart_interval


@pytest.mark.parametrize("name", PILLOW)
def test_pillow_files(name: str) -> None:
    source = PILLOW[name]
    if name.startswith(("CMYK 4:2:2", "CMYK 4:2:0")) and not VERSION_3:
        pytest.skip("this libturbojpeg is older than 3.1")
    shown = decoded(source)
    hole = blob(shown.shape, 40, 61, 50, 70) | blob(shown.shape, 130, 180, 40, 40)
    result = assert_only_hole_changes(source, hole)
    assert_same_kind(source, result)
    filled = filled_by_shift(shown, hole)
    assert psnr(decoded(result)[hole], filled[hole]) > 27
    assert len(result) < 1.05 * len(source)


@pytest.mark.parametrize("name", CJPEG)
def test_cjpeg_files(name: str) -> None:
    source = cjpeg(SCENE, *CJPEG[name])
    if name in NEEDS_3 and not VERSION_3:
        pytest.skip("this libturbojpeg is older than 3.1")
    result = assert_only_hole_changes(source, blob((149, 203), 30, 33, 60, 71))
    assert_same_kind(source, result)


def test_scans_of_one_component_each(tmp_path: Path) -> None:
    script = tmp_path / "scans"
    script.write_text("0;\n1;\n2;\n")
    assert_only_hole_changes(cjpeg(SCENE, "-scans", str(script)), blob((149, 203), 30, 33, 60, 71))


def test_grey_with_odd_sampling_factors() -> None:
    assert_only_hole_changes(cjpeg(SCENE.convert("L"), "-sample", "2x2"), blob((149, 203), 30, 33, 60, 71))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    sampling=st.sampled_from(["4:4:4", "4:2:2", "4:2:0"]),
    progressive=st.booleans(),
    quality=st.integers(5, 100),
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
)
def test_any_hole(seed: int, sampling: str, progressive: bool, quality: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    picture = scene(*size, seed=seed)
    source = pillow_jpeg(picture, quality=quality, subsampling=sampling, progressive=progressive)
    hole = rng.random((size[1], size[0])) < rng.choice([0.001, 0.05, 0.9])
    assert_only_hole_changes(source, hole)


def test_filling_with_what_was_there_changes_next_to_nothing() -> None:
    source = pillow_jpeg(SCENE, quality=75, subsampling="4:2:0")
    shown = decoded(source)
    hole = np.random.default_rng(7).random(shown.shape[:2]) < 0.02
    result = decoded(splice(source, shown, hole, orientation=1))
    assert np.abs(result.astype(int) - shown).mean() < 0.2


def test_known_pixels_in_touched_blocks_move_less_than_by_coding_anew() -> None:
    source = pillow_jpeg(SCENE, quality=88, subsampling="4:2:0")
    shown = decoded(source)
    hole = blob(shown.shape, 43, 61, 50, 70)
    filled = filled_by_shift(shown, hole)
    ring = may_change(source, hole) & ~hole
    ours = decoded(splice(source, filled, hole, orientation=1))
    anew = decoded(pillow_jpeg(Image.fromarray(filled), quality=88, subsampling="4:2:0"))
    assert psnr(ours[ring], shown[ring]) > psnr(anew[ring], shown[ring])


def test_nothing_of_the_erased_stays_in_the_padding() -> None:
    black = Image.new("RGB", (61, 45), "black")
    source = pillow_jpeg(black, quality=90, subsampling="4:2:0")
    hole = np.ones((45, 61), dtype=np.bool_)
    hole[:, :8] = False
    filled = np.where(hole[..., None], 255, decoded(source)).astype(np.uint8)
    wider = bytearray(splice(source, filled, hole, orientation=1))
    at = wider.index(b"\xff\xc0")
    wider[at + 7 : at + 9] = (64).to_bytes(2)
    assert decoded(bytes(wider))[:, 40:].min() > 240


@pytest.mark.parametrize("quality", [20, 75, 98])
def test_a_file_with_huffman_tables_of_its_own_hardly_grows(quality: int) -> None:
    source = pillow_jpeg(SCENE, quality=quality, optimize=True)
    shown = decoded(source)
    hole = blob(shown.shape, 43, 61, 20, 30)
    assert len(splice(source, filled_by_shift(shown, hole), hole, orientation=1)) < 1.04 * len(source)


def test_an_empty_hole_changes_nothing() -> None:
    source = PILLOW["RGB 4:2:0 baseline restart 0"]
    hole = np.zeros((149, 203), dtype=np.bool_)
    assert np.array_equal(decoded(splice(source, decoded(source), hole, orientation=1)), decoded(source))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_turning_keeps_coefficients(orientation: int, sampling: str) -> None:
    source = pillow_jpeg(scene(128, 96), quality=90, subsampling=sampling, exif=_exif(orientation))
    upright = _upright(source)
    hole = blob(upright.shape, 33, 41, 20, 20)
    result = decoded(splice(source, filled_by_shift(upright, hole), hole, orientation=orientation))
    far = ~may_change(pillow_jpeg(Image.fromarray(upright), subsampling="4:2:0"), hole)
    assert result.shape == upright.shape
    assert np.abs(result[far].astype(int) - upright[far]).max() <= (8 if orientation > 1 else 0)
    assert psnr(result[far], upright[far]) > 45


def test_turning_there_and_back_is_exact() -> None:
    source = pillow_jpeg(scene(128, 96), quality=90, subsampling="4:2:2")
    empty = np.zeros((128, 96), dtype=np.bool_)
    turned = splice(source, np.rot90(decoded(source), -1), empty, orientation=6)
    back = splice(turned, np.rot90(decoded(turned)), empty.T, orientation=8)
    assert np.array_equal(decoded(back), decoded(source))


def test_a_grid_that_does_not_fit_is_refused_and_coded_anew() -> None:
    source = pillow_jpeg(scene(100, 96), quality=90, subsampling="4:2:2", exif=_exif(8))
    upright = _upright(source)
    with pytest.raises(CannotSplice, match="perfect"):
        splice(source, upright, blob(upright.shape, 3, 3, 9, 9), orientation=8)
    result = reencode(source, upright, orientation=8)
    before, after = frame_of(source), frame_of(result)
    assert psnr(decoded(result), upright) > 32
    assert [(each.across, each.down) for each in after.components] == [(1, 2), (1, 1), (1, 1)]
    assert np.array_equal(after.tables[after.components[0].table], before.tables[before.components[0].table].T)


@pytest.mark.parametrize("name", PILLOW)
def test_coding_anew_takes_over_tables_and_sampling(name: str) -> None:
    source = PILLOW[name]
    result = reencode(source, decoded(source), orientation=1)
    assert_same_kind(source, result)
    assert psnr(decoded(result), decoded(source)) > (29 if "CMYK 4:2" in name else 38)
    assert len(result) < 1.05 * len(source)


def test_a_progressive_file_without_its_last_scans_is_coded_anew(tmp_path: Path) -> None:
    script = tmp_path / "scans"
    script.write_text("0,1,2: 0-0, 0, 0;\n0: 1-63, 0, 1;\n1: 1-63, 0, 0;\n2: 1-63, 0, 0;\n")
    source = cjpeg(SCENE, "-scans", str(script))
    shown = decoded(source)
    with pytest.raises(CannotSplice, match="leave bits out"):
        splice(source, shown, blob(shown.shape, 3, 3, 9, 9), orientation=1)
    assert psnr(decoded(reencode(source, shown, orientation=1)), shown) > 38


def test_what_is_refused() -> None:
    source = PILLOW["RGB 4:2:0 baseline restart 0"]
    shown, hole = decoded(source), blob((149, 203), 3, 3, 9, 9)
    at = source.index(b"\xff\xc0")
    refused = {
        "table is cut": source.replace(b"\xff\xdb\x00\x43\x00", b"\xff\xdb\x00\x43\x10", 1),
        "holds a zero": source.replace(
            b"\xff\xdb\x00\x43\x00" + source[source.index(b"\xff\xdb") + 5 :][:1], b"\xff\xdb\x00\x43\x00\x00", 1
        ),
        "8 bits": source[: at + 4] + b"\x0c" + source[at + 5 :],
        "another size": source[: at + 5] + b"\0\0" + source[at + 7 :],
        "not a baseline": source[: at + 1] + b"\xc3" + source[at + 2 :],
        "sampling factors": source[: at + 11] + b"\x31" + source[at + 12 : at + 14] + b"\x21" + source[at + 15 :],
    }
    for reason, data in refused.items():
        with pytest.raises(CannotSplice, match=reason):
            splice(data, shown, hole, orientation=1)
    for pixels, mask, orientation in ((shown[:-1], hole[:-1], 1), (shown[..., 0], hole, 1), (shown, hole, 9)):
        with pytest.raises(CannotSplice):
            splice(source, pixels, mask, orientation=orientation)


def test_damaged_data_are_refused_and_padding_is_not() -> None:
    source = PILLOW["RGB 4:2:0 baseline restart 0"]
    hole = blob((149, 203), 3, 3, 9, 9)
    with pytest.raises(CannotSplice):
        splice(source[: len(source) // 2] + b"\xff\xd9", decoded(source), hole, orientation=1)
    assert_only_hole_changes(source[:-2] + bytes(64) + b"\xff\xd9" + b"behind the end", hole)


def test_colour_spaces_are_told_as_libjpeg_does() -> None:
    assert frame_of(PILLOW["RGB components"]).colours is ColourSpace.RGB
    assert frame_of(PILLOW["YCCK"]).colours is ColourSpace.YCCK
    assert frame_of(pillow_jpeg(SCENE.convert("CMYK"))).colours is ColourSpace.CMYK
    assert frame_of(pillow_jpeg(SCENE)).colours is ColourSpace.YCC


@pytest.mark.skipif(not EXIF_FOLDER.is_dir(), reason="the corpus is not here")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_real_orientations(orientation: int) -> None:
    source = (EXIF_FOLDER / f"{'Portrait' if orientation % 2 else 'Landscape'}_{orientation}.jpg").read_bytes()
    upright = _upright(source)
    hole = blob(upright.shape, 400, 300, 150, 200)
    try:
        result = splice(source, filled_by_shift(upright, hole), hole, orientation=orientation)
    except CannotSplice:
        result = reencode(source, filled_by_shift(upright, hole), orientation=orientation)
    assert psnr(decoded(result)[~hole], upright[~hole]) > 42


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def _upright(source: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(source))))
