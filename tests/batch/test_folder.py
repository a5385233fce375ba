"""The command on a folder, as a process."""

import json
import os
import signal
import threading
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from image_erase.batch.options import erase
from support.command import erase_here, lines, run_erase, start_erase, tree
from support.pictures import boxed, changed, file_of, mask_file, photo_file, pixels_of
from support.processes import is_alive, until, workers_of
from support.scripted import Scripted, ScriptedServer, refused
from support.server import KEY, Server, StartServer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four pictures, the second broken and one in a subfolder; a mask; and a folder of masks."""
    files = {
        "in/a.png": photo_file(),
        "in/b.png": photo_file()[:200],
        "in/c.jpg": photo_file("JPEG"),
        "in/sub/d.webp": photo_file("WEBP", lossless=True),
        "in/notes.txt": b"no picture",
        "mask.png": mask_file(),
        "masks/a.jpg": file_of(boxed(), "JPEG", quality=95),
        "masks/c_mask.png": mask_file(),
    }
    for name, data in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path


def report(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "report.json").read_text())


def test_a_mask_that_erases_nothing_is_said(folder: Path) -> None:
    (folder / "mask.png").write_bytes(file_of(boxed(inside=100, outside=50)))
    (folder / "in/b.png").unlink()
    done = erase_here(folder, "in", "--mask", "mask.png", "-o", "out")
    assert done.returncode == 0
    *said, summary = lines(done)
    assert sorted(said) == [
        f"image-erase: in/{name}: unchanged, because the mask erases nothing" for name in ("a.png", "c.jpg")
    ]
    assert "2 erased, 0 skipped, 0 failed, 2 unchanged by an empty mask in" in summary
    assert not changed((folder / "in/a.png").read_bytes(), (folder / "out/a.png").read_bytes()).any()
    one = erase_here(folder, "in/a.png", "mask.png", "-o", "a.png")
    assert lines(one) == ["image-erase: in/a.png: unchanged, because the mask erases nothing"]


def test_one_mask_for_all_with_a_bad_picture_among_them(folder: Path) -> None:
    done = run_erase(
        folder, "in", "--mask", "mask.png", "-o", "out", "--recursive", "--jobs", "2", "--report", "report.json"
    )
    assert done.returncode == 1
    assert done.stdout == b""
    failure, summary = lines(done)
    assert failure == "image-erase: in/b.png: image: The PNG file is damaged or incomplete."
    assert summary.startswith("image-erase: 3 erased, 0 skipped, 1 failed in ")
    assert summary.endswith(" images/s")
    assert tree(folder / "out") == ["a.png", "c.jpg", "sub/d.png"]
    assert changed((folder / "in/a.png").read_bytes(), (folder / "out/a.png").read_bytes()).any()
    assert (pixels_of((folder / "out/a.png").read_bytes()) == pixels_of((folder / "out/sub/d.png").read_bytes())).all()
    totals = report(folder)["totals"]
    assert totals.pop("seconds") > 0
    assert totals == {"pictures": 4, "erased": 3, "skipped": 0, "failed": 1, "not_tried": 0}
    assert report(folder) | {"totals": {}} == {
        "totals": {},
        "exit_code": 1,
        "interrupted": False,
        "stopped": None,
        "failures": [
            {
                "image": "in/b.png",
                "mask": "mask.png",
                "output": "out/b.png",
                "error_code": "FILE_DECODING_FAILURE",
                "message": "image: The PNG file is damaged or incomplete.",
                "http_status": None,
                "attempts": 1,
            }
        ],
    }


def test_a_run_begins_only_where_nothing_is_in_the_way_and_goes_on_where_one_ended(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out/c.jpg").write_bytes(b"kept")
    arguments = ("in", "--mask", "masks", "-o", "out", "--report", "report.json")

    first = erase_here(folder, *arguments)
    (line,) = lines(first)
    assert (first.returncode, tree(folder / "out")) == (2, ["c.jpg"])
    assert line.startswith("image-erase: 1 of 2 outputs already exist (out/c.jpg): --resume skips them, --force ")
    assert not (folder / "report.json").exists()

    (folder / "in/b.png").unlink()
    resumed = erase_here(folder, *arguments, "--resume")
    (summary,) = lines(resumed)
    assert resumed.returncode == 0
    assert summary.startswith("image-erase: 1 erased, 1 skipped, 0 failed")
    assert (folder / "out/c.jpg").read_bytes() == b"kept"
    assert report(folder)["totals"]["skipped"] == 1

    forced = erase_here(folder, *arguments, "--force", "--quiet")
    assert (forced.returncode, forced.stderr) == (0, b"")
    assert (folder / "out/c.jpg").read_bytes().startswith(b"\xff\xd8\xff")


def test_a_dry_run_compares_sizes(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = photo_file("JPEG", exif=exif)
    width, height = Image.open(BytesIO(turned)).size
    assert width != height
    for name, data in {"fits.png": photo_file(), "turned.jpg": turned, "small.bmp": photo_file("BMP")}.items():
        (tmp_path / "in" / name).write_bytes(data)
    masks = {"fits.png": (width, height), "turned.png": (height, width), "small.webp": (width - 1, height)}
    (tmp_path / "masks").mkdir()
    for name, size in masks.items():
        Image.new("L", size).save(tmp_path / "masks" / name)
    done = erase_here(tmp_path, "in", "masks", "-o", "out", "--dry-run")
    assert done.returncode == 1
    rows = [line.split("\t") for line in done.stdout.decode().splitlines()]
    assert [row[:2] for row in rows] == [["erase", "in/fits.png"], ["erase", "in/turned.jpg"], ["fail", "in/small.bmp"]]
    assert f"{width - 1}x{height} pixels, image: {width}x{height}" in rows[2][4]
    assert lines(done)[-1] == "image-erase: 2 would be erased, 0 skipped, 1 would fail"
    assert not (tmp_path / "out").exists()


def test_a_dry_run_says_what_would_be_done_and_does_nothing(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out/c.jpg").write_bytes(b"kept")
    before = tree(folder)
    arguments = ("in", "--mask", "masks", "-o", "out", "--resume", "--dry-run", "--report", "report.json")
    done = erase_here(folder, *arguments)
    assert done.returncode == 1
    assert [line.split("\t") for line in done.stdout.decode().splitlines()] == [
        ["erase", "in/a.png", "masks/a.jpg", "out/a.png"],
        ["skip", "in/c.jpg", "masks/c_mask.png", "out/c.jpg"],
        ["fail", "in/b.png", "", "out/b.png", "no mask in masks"],
    ]
    assert lines(done) == ["image-erase: 1 would be erased, 1 skipped, 1 would fail"]
    assert tree(folder) == before


def test_names_cannot_write_to_the_terminal(folder: Path) -> None:
    (folder / "in/b.png").rename(folder / "in/b\x1b[2J\nb.png")
    done = erase_here(folder, "in", "mask.png", "-o", "out", "--dry-run")
    assert b"\x1b" not in done.stdout
    assert b'"in/b\\u001b[2J\\nb.png"' in done.stdout
    assert len(done.stdout.splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("in", "-o", "out"), "MASK must be given once"),
        (("in", "mask.png", "--mask", "mask.png", "-o", "out"), "MASK must be given once"),
        (("in", "mask.png", "-o", "out", "--resume", "--force"), "exclude each other"),
        (("in", "mask.png", "-o", "-"), "must be a folder"),
        (("in", "mask.png", "-o", "mask.png"), "must be a folder"),
        (("in", "mask.png", "-o", "in"), "OUT must be another folder"),
        (("nowhere", "mask.png", "-o", "out"), "does not exist"),
        (("in", "mask.png", "-o", "out", "--report", "nowhere/r.json"), "must be a file in an existing folder"),
        (("in", "mask.png", "-o", "out", "--report", "in/a.png", "--force"), "is an image or a mask"),
        (("in", "mask.png", "-o", "out", "--report", "mask.png"), "is an image or a mask"),
        (("in", "mask.png", "-o", "out", "--report", "in/notes.txt"), "already exists"),
        (("in", "mask.png", "-o", "out", "--jobs", "0"), "--jobs"),
        (("in", "mask.png", "-o", "out", "--jobs", "5000"), "ERASE_WORKERS: must be at most"),
        (("in", "mask.png", "-o", "out", "--key", "k"), "needs --url"),
        (("in", "mask.png", "-o", "out", "--url", "http://127.0.0.1:9"), "needs a key"),
        (("in", "mask.png", "-o", "out", "--url", "ftp://host", "--key", "k"), "http or https"),
        (("in", "mask.png", "-o", "out", "--url", "http://u:p@host", "--key", "k"), "http or https"),
        (("in", "mask.png", "-o", "out", "--url", "http://host:x", "--key", "k"), "http or https"),
        (("in", "mask.png", "-o", "out", "--url", "http://host", "--key", "secret\nkey"), "printable ASCII"),
        (("in", "mask.png", "-o", "out", "--url", "http://host", "--key", "k", "--engine", "opencv"), "server chooses"),
        (("in", "mask.png", "-o", "out", "--engine", "onnx"), "ERASE_ONNX_MODEL"),
    ],
)
def test_what_is_asked_for_wrongly_does_not_begin(folder: Path, arguments: tuple[str, ...], says: str) -> None:
    before = tree(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = CliRunner().invoke(erase, arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in " ".join(result.stderr.split())
    assert "secret" not in result.stderr
    assert tree(folder) == before


def test_a_server_does_the_same(folder: Path, start_server: StartServer) -> None:
    server = start_server(engine="auto")
    arguments = ("in", "--mask", "mask.png", "--report", "report.json")
    there = erase_here(folder, *arguments, "-o", "there", "--url", server.base, IMAGE_ERASE_KEY=KEY)
    here = erase_here(folder, *arguments, "-o", "here", "--resume", ERASE_ENGINE="auto")
    assert (there.returncode, here.returncode) == (1, 1)
    assert tree(folder / "there") == tree(folder / "here") == ["a.png", "c.jpg"]
    for name in tree(folder / "there"):
        assert (folder / "there" / name).read_bytes() == (folder / "here" / name).read_bytes()
    assert KEY.encode() not in there.stderr


def test_a_wrong_key_ends_the_run(folder: Path, server: Server) -> None:
    arguments = ("in", "mask.png", "-o", "out", "--jobs", "1", "--report", "report.json", "--url", server.base)
    done = erase_here(folder, *arguments, "--key", "wrong-key", IMAGE_ERASE_KEY=KEY)
    assert done.returncode == 1
    failure, stopped, summary = lines(done)
    assert failure.startswith("image-erase: in/a.png: The application does not exist.")
    assert stopped.startswith("image-erase: stopped: The application does not exist.")
    assert "1 failed, 2 not tried" in summary
    assert tree(folder / "out") == []
    (said,) = report(folder)["failures"]
    assert (said["error_code"], said["http_status"]) == ("ERROR_APPLICATIONS_NOT_EXISTS", 401)
    assert report(folder)["stopped"]
    assert b"wrong-key" not in done.stderr + (folder / "report.json").read_bytes()


def test_a_result_in_another_format_gets_its_suffix_and_takes_nobodys_place(folder: Path) -> None:
    with ScriptedServer() as server:
        png = Scripted(200, photo_file())
        server.answers = [server.linked(), png, server.linked(), png]
        (folder / "in/b.png").unlink()
        (folder / "in/c.jpg").rename(folder / "in/a.jpg")
        arguments = ("in", "mask.png", "-o", "out", "--jobs", "1", "--url", server.base, "--force")
        done = erase_here(folder, *arguments, IMAGE_ERASE_KEY="k")
    assert done.returncode == 1
    assert lines(done)[0] == "image-erase: in/a.jpg: out/a.png: is the output of another image"
    assert tree(folder / "out") == ["a.png"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_is_done_and_reports(folder: Path, number: signal.Signals) -> None:
    with ScriptedServer() as server:
        never = Scripted(200, gate=threading.Event())
        server.answers = [server.linked(), Scripted(200, photo_file()), never]
        arguments = ("in", "mask.png", "-o", "out", "--jobs", "1", "--report", "report.json", "--url", server.base)
        process = start_erase(folder, *arguments, IMAGE_ERASE_KEY="k")
        until(lambda: len(server.asked) == 3, "the second picture is under way", 60)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[0] == "image-erase: interrupted"
    assert "1 erased, 0 skipped, 0 failed, 2 not tried" in errors
    assert len(errors.splitlines()) == 2
    assert tree(folder / "out") == ["a.png"]
    assert (report(folder)["interrupted"], report(folder)["exit_code"]) == (True, 130)


def test_an_interrupted_run_leaves_no_worker(folder: Path) -> None:
    process = start_erase(folder, "in", "mask.png", "-o", "out", "--jobs", "1")
    until(lambda: workers_of(process.pid), "a worker is there", 60)
    (worker,) = workers_of(process.pid)
    os.kill(worker, signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.splitlines()[0]) == (130, "image-erase: interrupted")
    assert not is_alive(worker)
    assert not [name for name in tree(folder / "out") if name.startswith(".")]


def test_busy_is_waited_for(folder: Path) -> None:
    with ScriptedServer() as server:
        server.answers = [
            refused(429, "EXCEEDING_LIMITS", Retry_After="0"),
            server.linked(),
            Scripted(200, photo_file()),
        ]
        done = erase_here(folder, "in/a.png", "mask.png", "-o", "out.png", "--url", server.base, IMAGE_ERASE_KEY="k")
    assert (done.returncode, done.stderr) == (0, b"")
    assert (folder / "out.png").read_bytes() == photo_file()
