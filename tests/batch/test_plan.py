"""Plans: the images in folders, their masks and outputs, and conflicts."""

import os
import re
import unicodedata
from pathlib import Path
from typing import Literal, TypeAlias

import pytest

from image_erase.batch.failures import MANY_MASKS, NO_MASK, UNWRITABLE, PlanError
from image_erase.batch.files import DASH
from image_erase.batch.plan import Existing, Plan, Task, plan_folder, plan_one

HEADS = {
    "jpg": b"\xff\xd8\xff\xe0" + bytes(20),
    "png": b"\x89PNG\r\n\x1a\n" + bytes(20),
    "bmp": b"BM" + bytes(20),
    "webp": b"RIFF\x10\0\0\0WEBPVP8 ",
}


def make(folder: Path, *names: str) -> None:
    """Create files: `name`, or `name:format` for one with the first bytes of that format."""
    for name in names:
        path, _, kind = name.partition(":")
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(HEADS[kind or file.suffix[1:]])


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path, "mask.png")


def planned(
    masks: str = "mask.png", out: str = "out", existing: Existing = Existing.REFUSE, recursive: bool = False
) -> Plan:
    return plan_folder(Path("in"), Path(masks), Path(out), recursive=recursive, existing=existing)


def pairs(tasks: list[Task]) -> dict[str, str]:
    return {str(task.image): str(task.output) for task in tasks}


def test_pictures_are_known_by_their_first_bytes(tmp_path: Path) -> None:
    make(tmp_path / "in", "b.JPG:jpg", "a.jpeg:jpg", "c:jpg", "d.png:jpg", "e.bmp", "f.webp", "g.PNG:png", ".h.png")
    (tmp_path / "in/notes.txt").write_text("no picture")
    assert pairs(planned().to_do) == {
        "in/a.jpeg": "out/a.jpeg",
        "in/b.JPG": "out/b.JPG",
        "in/c": "out/c.jpg",
        "in/d.png": "out/d.jpg",
        "in/e.bmp": "out/e.png",
        "in/f.webp": "out/f.png",
        "in/g.PNG": "out/g.PNG",
    }
    assert [str(task.image) for task in planned().to_do] == sorted(pairs(planned().to_do))


def test_what_is_only_called_a_picture_is_a_failure(tmp_path: Path) -> None:
    make(tmp_path / "in", "a.png")
    (tmp_path / "in/b.png").write_bytes(b"")
    plan = planned()
    assert pairs(plan.to_do) == {"in/a.png": "out/a.png"}
    ((task, failure),) = plan.failed
    assert (task.image, failure.code) == (Path("in/b.png"), "UNSUPPORTED_FILE_TYPES")
    assert plan.size == 2


def test_a_pipe_in_the_folder_is_not_waited_for(tmp_path: Path) -> None:
    make(tmp_path / "in", "a.png")
    os.mkfifo(tmp_path / "in/b.png")
    assert planned().size == 1


def test_subfolders_are_read_when_asked_for(tmp_path: Path) -> None:
    make(tmp_path / "in", "a.png", "sub/a.png", "sub/deep/b.jpg", ".hidden/c.png")
    assert pairs(planned().to_do) == {"in/a.png": "out/a.png"}
    assert pairs(planned(recursive=True).to_do) == {
        "in/a.png": "out/a.png",
        "in/sub/a.png": "out/sub/a.png",
        "in/sub/deep/b.jpg": "out/sub/deep/b.jpg",
    }


def test_results_and_masks_inside_the_source_are_no_pictures(tmp_path: Path) -> None:
    make(tmp_path / "in", "a.png", "mask.png", "out/a.png", "masks/a.png")
    (tmp_path / "link").symlink_to(tmp_path / "in/out")
    one = planned("in/mask.png", "link", Existing.OVERWRITE, recursive=True)
    assert pairs(one.to_do) == {"in/a.png": "link/a.png", "in/masks/a.png": "link/masks/a.png"}
    each = planned("in/masks", "in/out", Existing.OVERWRITE, recursive=True)
    assert pairs(each.to_do) == {"in/a.png": "in/out/a.png"}
    assert [task.image for task, _ in each.failed] == [Path("in/mask.png")]


@pytest.mark.parametrize(
    ("masks", "found"),
    [
        (["cat.jpg", "cat.png", "cat_mask.png"], "cat.jpg"),
        (["cat.webp", "cat_mask.png"], "cat.webp"),
        (["cat_mask.BMP:bmp"], "cat_mask.BMP"),
        (["cat-mask.jpeg:jpg"], "cat-mask.jpeg"),
        (["cat.png", "cat.txt:png", ".cat.webp"], "cat.png"),
        (["cat.png", "cat.webp"], MANY_MASKS),
        (["cat_mask.png", "cat-mask.png"], MANY_MASKS),
        (["dog.png", "cats.png", "cat_mask_2.png"], NO_MASK),
    ],
)
def test_a_mask_is_found_by_name(tmp_path: Path, masks: list[str], found: str) -> None:
    make(tmp_path / "in", "cat.jpg")
    make(tmp_path / "masks", *masks)
    plan = planned("masks")
    got = [task.mask.name for task in plan.to_do if task.mask] + [failure.code for _, failure in plan.failed]
    assert got == [found]


def test_more_than_one_mask_names_them(tmp_path: Path) -> None:
    make(tmp_path / "in", "cat.jpg")
    make(tmp_path / "masks", "cat.png", "cat.webp")
    ((_, failure),) = planned("masks").failed
    assert failure.message == "more than one mask: cat.png, cat.webp"


def test_masks_stand_in_subfolders_of_the_same_name(tmp_path: Path) -> None:
    make(tmp_path / "in", "sub/a.png", "other/a.png")
    make(tmp_path / "masks", "sub/a.png", "a.png")
    plan = planned("masks", recursive=True)
    assert [task.mask for task in plan.to_do] == [Path("masks/sub/a.png")]
    assert [(task.image, failure.code) for task, failure in plan.failed] == [(Path("in/other/a.png"), NO_MASK)]


@pytest.mark.parametrize("existing", Existing)
def test_two_pictures_for_one_output_are_refused(tmp_path: Path, existing: Existing) -> None:
    make(tmp_path / "in", "a.bmp", "a.webp", "b.png")
    with pytest.raises(
        PlanError, match=re.escape("1 outputs would be written twice: in/a.bmp and in/a.webp to out/a.png")
    ):
        planned(existing=existing)


def test_outputs_that_exist(tmp_path: Path) -> None:
    make(tmp_path / "in", "a.png", "b.png", "c.png")
    make(tmp_path / "out", "b.png", "other.png")
    (tmp_path / "out/c.png").symlink_to("nowhere")
    with pytest.raises(PlanError, match=r"^2 of 3 outputs already exist \(out/b.png, out/c.png\): --resume .* --force"):
        planned()
    resumed = planned(existing=Existing.SKIP)
    assert (pairs(resumed.to_do), len(resumed.skipped)) == ({"in/a.png": "out/a.png"}, 2)
    assert len(planned(existing=Existing.OVERWRITE).to_do) == 3


@pytest.mark.parametrize(
    ("masks", "out", "says"),
    [("in", "out", "folder of their own"), ("mask.png", "in", "another folder"), ("mask.png", "in/../in", "another")],
)
def test_folders_must_differ(tmp_path: Path, masks: str, out: str, says: str) -> None:
    make(tmp_path / "in", "a.png")
    with pytest.raises(PlanError, match=says):
        planned(masks, out, Existing.OVERWRITE)


def test_what_is_read_is_never_written(tmp_path: Path) -> None:
    make(tmp_path / "in", "a.png")
    make(tmp_path / "masks", "a.png")
    (tmp_path / "link").symlink_to("masks")
    with pytest.raises(PlanError, match="are also images or masks"):
        planned("masks", "link", Existing.OVERWRITE)
    with pytest.raises(PlanError, match="are also images or masks"):
        plan_one(Path("mask.png"), Path("in/a.png"), Path("in/../mask.png"), Existing.OVERWRITE)


def test_one_picture_goes_where_it_is_told(tmp_path: Path) -> None:
    make(tmp_path, "a.png")
    assert plan_one(Path("a.png"), Path("mask.png"), Path("b.xyz"), Existing.REFUSE).to_do == [
        Task(Path("a.png"), Path("mask.png"), Path("b.xyz"))
    ]
    make(tmp_path, "b.png")
    with pytest.raises(PlanError, match="already exist"):
        plan_one(Path("a.png"), Path("mask.png"), Path("b.png"), Existing.REFUSE)
    ((_, failure),) = plan_one(Path("a.png"), Path("mask.png"), Path("nowhere/b.png"), Existing.REFUSE).failed
    assert failure.code == UNWRITABLE


def test_one_picture_into_a_folder_keeps_its_name(tmp_path: Path) -> None:
    make(tmp_path, "cat:jpg", "dog.png")
    make(tmp_path / "masks", "cat_mask.png")
    plan = plan_folder(Path("cat"), Path("masks"), Path("out"), recursive=False, existing=Existing.REFUSE)
    assert plan.to_do == [Task(Path("cat"), Path("masks/cat_mask.png"), Path("out/cat.jpg"))]


def test_standard_input_is_one_of_both(tmp_path: Path) -> None:
    make(tmp_path / "masks", "a.png")
    for image, mask in ((DASH, DASH), (DASH, Path("masks"))):
        with pytest.raises(PlanError, match="standard input"):
            plan_one(image, mask, DASH, Existing.REFUSE)


@pytest.mark.skipif(os.getuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "in", "sub/a.png")
    (tmp_path / "in/sub").chmod(0)
    with pytest.raises(PlanError, match="cannot be read"):
        planned(recursive=True)


Form: TypeAlias = Literal["NFC", "NFD"]


@pytest.mark.parametrize(("picture", "mask"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFC", "NFC")])
@pytest.mark.parametrize("ending", ["", "_mask"])
def test_composed_and_decomposed_names_are_one(tmp_path: Path, picture: Form, mask: Form, ending: str) -> None:
    name, mask_name = unicodedata.normalize(picture, "Müller"), unicodedata.normalize(mask, "Müller") + ending
    make(tmp_path / "in", f"{name}.jpg:jpg")
    make(tmp_path / "masks", f"{mask_name}.png")
    (task,) = planned("masks").to_do
    assert task == Task(Path(f"in/{name}.jpg"), Path(f"masks/{mask_name}.png"), Path(f"out/{name}.jpg"))


def test_of_two_forms_of_a_name_the_same_one_wins(tmp_path: Path) -> None:
    forms = [unicodedata.normalize(form, "ü.png") for form in ("NFC", "NFD")]
    make(tmp_path / "in", *forms)
    make(tmp_path / "masks", *forms)
    assert {task.image.name: task.mask and task.mask.name for task in planned("masks").to_do} == {
        form: form for form in forms
    }


@pytest.mark.parametrize("output", ["x.png", "x.PNG", "x.webp", "x.tiff"])
def test_a_jpeg_result_is_never_called_otherwise(tmp_path: Path, output: str) -> None:
    make(tmp_path, "a.jpg:jpg")
    with pytest.raises(PlanError, match=r"JPEG file, so its name must end in \.jpg"):
        plan_one(Path("a.jpg"), Path("mask.png"), Path(output), Existing.REFUSE)


@pytest.mark.parametrize("output", ["x.jpg", "x.JPEG", "x", "x.part", "-"])
def test_other_names_of_a_jpeg_result(tmp_path: Path, output: str) -> None:
    make(tmp_path, "a.jpg:jpg")
    assert plan_one(Path("a.jpg"), Path("mask.png"), Path(output), Existing.REFUSE).to_do


def test_a_png_result_is_never_called_jpeg(tmp_path: Path) -> None:
    make(tmp_path, "a.png")
    with pytest.raises(PlanError, match=r"PNG file, so its name must end in \.png, not \.jpg"):
        plan_one(Path("a.png"), Path("mask.png"), Path("x.jpg"), Existing.REFUSE)
