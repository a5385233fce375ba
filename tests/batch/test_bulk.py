"""The command on stores: folders by file URL, and a real S3 server."""

import errno
import json
import os
import signal
import socket
import sys
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import obstore
import pytest
from obstore.exceptions import GenericError
from obstore.store import S3Store

from image_erase.batch.failures import PictureFailed
from image_erase.batch.plan import Existing
from image_erase.batch.shards import WHOLE, Shard
from image_erase.batch.stores.bulk import Bulk, plan_bulk
from image_erase.batch.stores.stored import Folder, Stored
from image_erase.batch.stores.urls import StoreUrl
from support.buckets import ACCESS_KEY, SECRET_KEY, Place
from support.command import erase_here, lines, run_erase, start_erase, tree
from support.pictures import boxed, changed, file_of, mask_file, photo_file
from support.processes import until
from support.proxy import Proxy

FILES = {
    "in/a.png": photo_file(),
    "in/b.png": photo_file()[:200],
    "in/c.jpg": photo_file("JPEG"),
    "in/sub/d.webp": photo_file("WEBP", lossless=True),
    "in/no mask.png": photo_file(),
    "in/notes.txt": b"no picture",
    "in/.hidden.png": photo_file(),
    "masks/a.jpg": file_of(boxed(), "JPEG", quality=95),
    "masks/b.png": mask_file(),
    "masks/c_mask.png": mask_file(),
    "masks/sub/d.png": mask_file(),
    "mask.png": mask_file(),
}
ALL = ["a.png", "c.jpg", "no mask.png", "sub/d.png"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path


def urls(folder: Path) -> tuple[str, str, str]:
    """The URLs of images, masks and results."""
    source, masks, out = (f"{(folder / name).as_uri()}/" for name in ("in", "masks", "out"))
    return source, masks, out


def test_from_folder_to_folder_with_masks_by_name(folder: Path) -> None:
    source, masks, out = urls(folder)
    done = run_erase(
        folder, source, "--mask", masks, "-o", out, "--recursive", "--jobs", "2", "--report", "report.json"
    )
    assert done.returncode == 1
    *failures, summary = lines(done)
    assert sorted(failures) == [
        f"image-erase: {source}b.png: image: The PNG file is damaged or incomplete.",
        f"image-erase: {source}no mask.png: no mask in {masks}",
    ]
    assert summary.startswith("image-erase: 3 erased, 0 skipped, 2 failed in ")
    assert tree(folder / "out") == ["a.png", "c.jpg", "sub/d.png"]
    assert changed(FILES["in/a.png"], (folder / "out/a.png").read_bytes()).any()
    report = json.loads((folder / "report.json").read_text())
    assert report["totals"] | {"seconds": 0} == {
        "pictures": 5, "erased": 3, "skipped": 0, "failed": 2, "not_tried": 0, "seconds": 0,
    }  # fmt: skip
    assert {failure["error_code"] for failure in report["failures"]} == {"FILE_DECODING_FAILURE", "NO_MASK"}


def test_paths_and_urls_go_together(folder: Path) -> None:
    (folder / "in/b.png").unlink()
    done = erase_here(folder, "in", "--mask", "mask.png", "-o", urls(folder)[2], "--recursive")
    assert (done.returncode, tree(folder / "out")) == (0, ALL)
    done = erase_here(folder, urls(folder)[0], "--mask", (folder / "mask.png").as_uri(), "-o", "other")
    assert (done.returncode, tree(folder / "other")) == (0, [name for name in ALL if "/" not in name])


def test_what_is_there_is_refused_skipped_or_replaced(folder: Path) -> None:
    source, _, out = urls(folder)
    (folder / "in/b.png").unlink()
    command = (source, "--mask", "mask.png", "-o", out)
    assert erase_here(folder, *command).returncode == 0
    (folder / "out/a.png").write_bytes(b"old")
    refused = erase_here(folder, *command)
    assert refused.returncode == 2
    assert "3 outputs already exist (a.png, c.jpg, no mask.png): --resume skips them" in lines(refused)[0]
    (folder / "out/c.jpg").unlink()
    resumed = erase_here(folder, *command, "--resume")
    assert "1 erased, 2 skipped, 0 failed" in lines(resumed)[-1]
    assert (folder / "out/a.png").read_bytes() == b"old"
    assert erase_here(folder, *command, "--force").returncode == 0
    assert (folder / "out/a.png").read_bytes() != b"old"


def test_a_list_of_what_would_be_done(folder: Path) -> None:
    source, masks, out = urls(folder)
    done = erase_here(folder, source, "--mask", masks, "-o", out, "--dry-run")
    assert done.returncode == 1
    listed = sorted(line.split("\t") for line in done.stdout.decode().splitlines())
    assert listed == [
        ["erase", f"{source}a.png", f"{masks}a.jpg", f"{out}a.png"],
        ["erase", f"{source}b.png", f"{masks}b.png", f"{out}b.png"],
        ["erase", f"{source}c.jpg", f"{masks}c_mask.png", f"{out}c.jpg"],
        ["fail", f"{source}no mask.png", "", f"{out}no mask.png", f"no mask in {masks}"],
    ]
    assert lines(done) == ["image-erase: 3 would be erased, 0 skipped, 1 would fail"]
    assert not (folder / "out").exists() or not tree(folder / "out")


def test_two_images_with_the_same_output_are_not_both_written(folder: Path) -> None:
    (folder / "in/a.bmp").write_bytes(photo_file("BMP"))
    done = erase_here(folder, urls(folder)[0], "--mask", "mask.png", "-o", urls(folder)[2])
    assert done.returncode == 1
    assert any("is the output of another image" in line for line in lines(done))
    assert "a.png" in tree(folder / "out")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("{in}", "--mask", "mask.png", "-o", "{in}"), "OUT must not contain the images"),
        (("{in}", "--mask", "mask.png", "-o", "{all}"), "OUT must not contain the images"),
        (("{in}", "--mask", "{in}", "-o", "{out}"), "the masks must be in a folder of their own"),
        (("{in}", "--mask", "{masks}", "-o", "{masks}"), "the masks must be in a folder of their own"),
        (("{in}a.png", "--mask", "mask.png", "-o", "{out}"), "must end in a slash"),
        (("{in}", "--mask", "mask.png", "-o", "{out}a.png"), "must end in a slash"),
        (("in/a.png", "--mask", "mask.png", "-o", "{out}"), "must be a folder"),
        (("-", "--mask", "mask.png", "-o", "{out}"), "does not go together"),
        (("s3://", "--mask", "mask.png", "-o", "{out}"), "is no URL of a store"),
        (("s3://bucket/a//b/", "--mask", "mask.png", "-o", "{out}"), "is no URL of a store"),
        (("s3://bucket/../b/", "--mask", "mask.png", "-o", "{out}"), "is no URL of a store"),
        (("{all}none/", "--mask", "mask.png", "-o", "{out}"), "SOURCE must be a folder"),
        (("{in}", "--mask", "{all}none/", "-o", "{out}"), "does not exist"),
        (("{in}", "--mask", "mask.png", "-o", "{all}x/../in/", "--force"), "OUT must not contain the images"),
        (("{in}", "--mask", "mask.png", "-o", "{all}link%20to%20in/", "--force"), "OUT must not contain the images"),
        (("{in}", "--mask", "mask.png", "-o", "{out}", "--shard", "5/4"), "no shard"),
        (("in/a.png", "mask.png", "-o", "a.png", "--shard", "1/4"), "to be divided"),
    ],
)
def test_what_does_not_start(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    places = dict(zip(("{in}", "{masks}", "{out}"), urls(folder), strict=True)) | {"{all}": f"{folder.as_uri()}/"}

    def filled(argument: str) -> str:
        for name, url in places.items():
            argument = argument.replace(name, url)
        return argument

    (folder / "link to in").symlink_to("in")
    before = tree(folder)
    done = erase_here(folder, *map(filled, arguments))
    assert done.returncode == 2
    assert said in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
    assert tree(folder) == before
    assert not (folder / "out").exists()
    assert not (folder / "none").exists()


@pytest.mark.parametrize("url", ["s3://user:hidden@bucket/in/", "az://container/?sig=hidden", "gs://bucket/a#hidden/"])
def test_what_may_be_a_secret_in_a_url_is_not_shown(tmp_path: Path, url: str) -> None:
    done = erase_here(tmp_path, url, "--mask", url, "-o", url)
    assert done.returncode == 2
    assert "is no URL of a store" in done.stderr.decode()
    assert "hidden" not in done.stderr.decode()


def test_names_in_file_urls_may_be_percent_encoded(folder: Path) -> None:
    (folder / "in/b.png").unlink()
    (folder / "masks").rename(folder / "in/my m\u00e4sks")
    (folder / "mask.png").rename(folder / "the #1 mask.png")
    source = urls(folder)[0].replace("file://", "file://localhost")
    masks, out = (f"{(folder / 'in' / name).as_uri()}/" for name in ("my m\u00e4sks", "100% out"))
    for _ in range(2):
        done = erase_here(folder, source, "--mask", masks, "-o", out, "--recursive", "--resume")
        assert lines(done)[0].endswith(f"no mask.png: no mask in file://{folder}/in/my m\u00e4sks/")
        assert len(lines(done)) == 2
    assert tree(folder / "in/100% out") == ["a.png", "c.jpg", "sub/d.png"]
    mask = (folder / "the #1 mask.png").as_uri()
    assert erase_here(folder, source, "--mask", mask, "-o", urls(folder)[2]).returncode == 0


def test_a_name_that_cannot_be_read_is_told(folder: Path) -> None:
    (folder / "in/tab\there.png").write_bytes(photo_file())
    done = erase_here(folder, urls(folder)[0], "--mask", "mask.png", "-o", urls(folder)[2])
    assert done.returncode == 1
    assert any("stopped:" in line and "cannot be read; rename" in line for line in lines(done))


def test_what_is_wrong_on_this_machine_is_told(folder: Path) -> None:
    name = f"{'n' * 251}.png"  # has room for no draft beside it
    (folder / "in" / name).write_bytes(photo_file())
    (folder / "in/b.png").unlink()
    done = erase_here(folder, urls(folder)[0], "--mask", "mask.png", "-o", urls(folder)[2])
    assert done.returncode == 1
    assert any("cannot be written" in line and "File name too long" in line for line in lines(done))
    assert "3 erased, 0 skipped, 1 failed" in lines(done)[-1]


@pytest.mark.parametrize(("number", "stops"), [(errno.ENOSPC, True), (errno.EROFS, True), (errno.ENAMETOOLONG, False)])
def test_a_full_disk_stops_the_run(folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, stops: bool) -> None:
    def put(*_: object, **__: object) -> None:
        raise GenericError(f"Generic LocalFileSystem error: {os.strerror(number)} (os error {number})\n\nDebug source:")

    monkeypatch.setattr(obstore, "put", put)
    with pytest.raises(PictureFailed, match=os.strerror(number)) as failed:
        Stored(Folder.of(folder / "out"), PurePosixPath("a.png")).write(b"x")
    assert failed.value.failure.fatal == stops
    assert "Debug" not in failed.value.failure.message


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_a_store_that_hangs_does_not_delay_the_end(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.getsockname()[1]}",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "eu-central-1",
        }
        command = ("s3://bucket/in/", "--mask", "mask.png", "-o", "out", "--report", "report.json")
        process = start_erase(folder, *command, **environment)
        server.settimeout(60)
        with server.accept()[0]:  # it waits for a list that never comes
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in said
    assert json.loads((folder / "report.json").read_text())["interrupted"]


def test_a_result_of_another_format_takes_no_name_of_another_image(folder: Path) -> None:
    for name in ("a.jpg", "e.jpg"):
        (folder / "in" / name).write_bytes(photo_file())
    for name in ("b.png", "c.jpg", "no mask.png"):
        (folder / "in" / name).unlink()
    command = (urls(folder)[0], "--mask", "mask.png", "-o", urls(folder)[2], "--jobs", "1")
    done = erase_here(folder, *command)
    assert done.returncode == 1
    assert tree(folder / "out") == ["a.png", "e.png"]
    assert "2 erased, 0 skipped, 1 failed" in lines(done)[-1]
    (folder / "in/a.jpg").unlink()
    (folder / "out/e.png").write_bytes(b"old")
    done = erase_here(folder, *command, "--resume")
    assert done.returncode == 0, lines(done)
    assert "0 erased, 2 skipped, 0 failed" in lines(done)[-1]
    assert (folder / "out/e.png").read_bytes() == b"old"


def test_results_and_masks_below_the_images_are_no_images(folder: Path) -> None:
    (folder / "masks").rename(folder / "in/masks")
    (folder / "in/b.png").unlink()
    source = urls(folder)[0]
    for _ in range(2):
        done = erase_here(folder, source, "--mask", f"{source}masks/", "-o", f"{source}out/", "--recursive", "--resume")
        assert lines(done)[0] == f"image-erase: {source}no mask.png: no mask in {source}masks/"
    assert tree(folder / "in/out") == ["a.png", "c.jpg", "sub/d.png"]


def test_a_folder_is_listed_once_and_tasks_are_found_while_they_are_done(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "out").mkdir()
    listed: list[object] = []
    original: Any = obstore.list

    def counted(store: object) -> Any:
        listed.append(store)
        return original(store)

    monkeypatch.setattr(obstore, "list", counted)
    source, masks, out = map(StoreUrl, urls(folder))
    plan = plan_bulk(Bulk(source, masks, out, recursive=True, existing=Existing.SKIP, shard=WHOLE))
    assert len(listed) == 2
    first = next(plan.pending())
    assert first.image
    assert (len(listed), plan.found) == (3, 1)


def test_shards_of_a_local_folder(folder: Path) -> None:
    (folder / "in/b.png").unlink()
    seen: list[str] = []
    for index in range(3):
        done = erase_here(
            folder, "in", "--mask", "mask.png", "-o", f"out{index}", "--recursive", "--shard", f"{index}/3"
        )
        assert done.returncode == 0
        seen += tree(folder / f"out{index}")
    assert sorted(seen) == ALL


class TestBucket:
    @staticmethod
    def store(place: Place, prefix: str) -> Any:
        bucket, _, above = place.url.removeprefix("s3://").partition("/")
        options: Any = {"allow_http": True}
        return S3Store(bucket, prefix=f"{above}/{prefix}", client_options=options)

    @staticmethod
    def environment(place: Place) -> dict[str, Any]:
        return {name: value for name, value in place.environment.items() if name.startswith("AWS_")}

    def command(self, place: Place, shard: Shard) -> tuple[str, ...]:
        base = place.url
        places = (f"{base}/in/", "--mask", f"{base}/masks/", "-o", f"{base}/out/")
        return (*places, "--recursive", "--resume", "--jobs", "2", "--shard", f"{shard.index}/{shard.count}")

    def has_more(self, place: Place, outputs: int) -> bool:
        return len(self.names(place, "out")) > outputs

    def names(self, place: Place, prefix: str) -> list[str]:
        return sorted(entry["path"] for page in obstore.list(self.store(place, prefix)) for entry in page)

    def test_keys_are_taken_as_they_are(self, s3: Place, tmp_path: Path) -> None:
        names = ["a b.png", "100%.png", "x#1.PNG", "q?.png", "\u00fc\u0308 \u00e9.png", "sub one/+&=.png", "empty.png"]
        for name in names:
            obstore.put(self.store(s3, "my 50% ph\u00f6tos/in"), name, b"" if name == "empty.png" else photo_file())
        (tmp_path / "mask.png").write_bytes(mask_file())
        base = f"{s3.url}/my 50% ph\u00f6tos"
        command = (f"{base}/in/", "--mask", "mask.png", "-o", f"{base}/out/", "--recursive", "--resume")
        for said in ("6 erased, 0 skipped, 1 failed", "0 erased, 6 skipped, 1 failed"):
            done = erase_here(tmp_path, *command, **self.environment(s3))
            assert said in lines(done)[-1]
        assert self.names(s3, "my 50% ph\u00f6tos/out") == sorted(names[:-1])

    @pytest.mark.hostile
    def test_shards_that_are_killed_and_started_again_leave_every_output_once(self, s3: Place, tmp_path: Path) -> None:
        count = int(os.environ.get("BULK_PICTURES", "120"))
        image, mask = photo_file(), mask_file()
        wanted = [f"{number % 7}/{number:05}.png" for number in range(count)]
        for name in wanted:
            obstore.put(self.store(s3, "in"), name, image)
            obstore.put(self.store(s3, "masks"), name.replace(".png", "_mask.png"), mask)
        for index in range(4):
            command = self.command(s3, Shard(index, 4))
            if index % 2:
                before = len(self.names(s3, "out"))
                process = start_erase(tmp_path, *command, ERASE_WORKERS="2", **self.environment(s3))
                until(partial(self.has_more, s3, before + 2), "it has begun", 60)
                process.send_signal(signal.SIGKILL)
                process.communicate(timeout=60)
            done = erase_here(tmp_path, *command, ERASE_WORKERS="2", **self.environment(s3))
            assert done.returncode == 0, done.stderr
            assert (", 0 skipped" not in lines(done)[-1]) == bool(index % 2), lines(done)
        assert self.names(s3, "out") == sorted(wanted)
        one = bytes(obstore.get(self.store(s3, "out"), wanted[0]).bytes())
        assert changed(image, one).any()

    def test_a_store_that_refuses_ends_the_run_without_telling_secrets(
        self, s3: Place, seaweed: Any, tmp_path: Path
    ) -> None:
        for number in range(3):
            obstore.put(self.store(s3, "in"), f"{number}.png", photo_file())
        (tmp_path / "mask.png").write_bytes(mask_file())
        command = (f"{s3.url}/in/", "--mask", "mask.png", "-o", f"{s3.url}/out/")
        with Proxy(seaweed.port) as proxy:
            proxy.behaviour = (
                b"HTTP/1.1 403 No\r\nContent-Length: 25\r\nConnection: close\r\n\r\n<Code>AccessDenied</Code>"
            )
            environment: dict[str, Any] = self.environment(s3) | {"AWS_ENDPOINT_URL": proxy.endpoint}
            done = erase_here(tmp_path, *command, **environment)
        assert done.returncode == 2
        assert "cannot be listed" in lines(done)[0]
        assert "403 AccessDenied" in lines(done)[0]
        for secret in (ACCESS_KEY, SECRET_KEY, "Signature"):
            assert secret not in done.stderr.decode()
