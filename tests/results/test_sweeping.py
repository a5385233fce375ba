"""Sweeping when single entries cannot be listed or deleted: the others are, and one message reports the failures."""

import asyncio
import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import obstore
import pytest
from obstore.exceptions import GenericError, PermissionDeniedError

from image_erase.results import files
from image_erase.results.bucket import BucketStore
from image_erase.results.bucket_client import BucketTimeouts
from image_erase.results.directory import DirectoryStore
from image_erase.results.failures import EntriesFailed, Failures, StoreError
from image_erase.results.files import LEFTOVER_SECONDS
from image_erase.results.names import ResultName
from image_erase.results.store import Kept
from image_erase.results.sweeper import Sweeper
from support.mounts import read_only

NOW = 1_795_347_564.0
LATER = NOW + 3 * 86400


def results(count: int, ttl: int = 100) -> list[ResultName]:
    """That many results that expire `ttl` seconds after NOW."""
    return [ResultName.new("png", NOW, ttl) for _ in range(count)]


def sweep(store: DirectoryStore | BucketStore, now: float = LATER) -> int:
    return asyncio.run(Sweeper(store, lambda: now).sweep())


class TestDirectory:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path / "storage" / "results"

    @pytest.fixture
    def store(self, folder: Path) -> DirectoryStore:
        return DirectoryStore(folder)

    @pytest.fixture
    def kept(self, store: DirectoryStore, folder: Path) -> list[Path]:
        """Three results of three days."""
        names = [name for ttl in (100, 86400, 2 * 86400) for name in results(1, ttl)]
        for name in names:
            asyncio.run(store.put(name, b"x"))
        return [folder / name.key for name in names]

    @pytest.mark.parametrize("where", ["first", "own"])
    @pytest.mark.parametrize("what", ["not utf-8", "loop", "link to itself", "dangling", "fifo", "socket", "folder"])
    def test_strange_entries_stop_nothing(
        self,
        store: DirectoryStore,
        folder: Path,
        kept: list[Path],
        what: str,
        where: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        day = folder / "2020-01-02" if where == "first" else kept[0].parent
        day.mkdir(exist_ok=True)
        path = os.fsencode(day) + b"/strange"
        match what:
            case "not utf-8":
                path = os.fsencode(day) + b"/\xff\xfe.png"
                Path(os.fsdecode(path)).write_bytes(b"x")
            case "loop":
                os.symlink("..", path)
            case "link to itself":
                os.symlink("strange", path)
            case "dangling":
                os.symlink("/no/such/file", path)
            case "fifo":
                os.mkfifo(path)
            case "socket":
                # A socket's path may have 107 bytes only.
                monkeypatch.chdir(os.fsdecode(os.path.dirname(path)))
                with socket.socket(socket.AF_UNIX) as listener:
                    listener.bind(os.path.basename(path))
            case "folder":
                os.mkdir(path)
        assert sweep(store) == 3
        assert not any(path.exists() for path in kept)
        assert os.path.lexists(path)

    @pytest.mark.parametrize("name", [b"\xff\xfe", b"2020-01-01", b"2020-01-0\xff", b"9999-99-99"])
    def test_strange_folders_stop_nothing(
        self, store: DirectoryStore, folder: Path, kept: list[Path], name: bytes
    ) -> None:
        for number, path in enumerate((name, name + b"-2", b"2020-01-03")):
            with suppress(FileExistsError):
                os.symlink(b"." if number else b"/", os.fsencode(folder) + b"/" + path)
        assert sweep(store) == 3

    def test_follows_no_link(self, store: DirectoryStore, folder: Path, tmp_path: Path) -> None:
        outside = tmp_path / "2020-01-01"
        outside.mkdir()
        expired = ResultName.new("png", 1_577_836_800, 60)
        for name in (expired.key.split("/")[1], "notes#1", "probe-1"):
            (outside / name).write_bytes(b"x")
            os.utime(outside / name, (0, 0))
        (folder / "2020-01-01").symlink_to(outside)
        outside.chmod(0o755)
        assert sweep(store) == 0
        asyncio.run(store.close_to_others())
        assert len(list(outside.iterdir())) == 3
        assert stat.S_IMODE(outside.stat().st_mode) == 0o755

    def test_what_cannot_be_deleted_keeps_nothing_else(
        self, store: DirectoryStore, folder: Path, kept: list[Path], caplog: pytest.LogCaptureFixture
    ) -> None:
        with read_only(kept[0].parent):
            with pytest.raises(EntriesFailed, match=r"1 left, .*Read-only file system"):
                sweep(store)
            assert [path.exists() for path in kept] == [True, False, False]
        assert sweep(store) == 1
        assert list(folder.iterdir()) == []

    @pytest.mark.parametrize("folder_fails", [True, False])
    def test_what_cannot_be_listed_keeps_nothing_else(
        self, store: DirectoryStore, kept: list[Path], monkeypatch: pytest.MonkeyPatch, folder_fails: bool
    ) -> None:
        """Root may list everything, so the failure is simulated."""
        refused, scandir = kept[1].parent if folder_fails else kept[1], os.scandir

        def refusing(path: Path | str) -> object:
            if Path(path) == refused:
                raise PermissionError(13, "Permission denied", str(path))
            return scandir(path)

        class Entry:
            def __init__(self, entry: os.DirEntry[str]) -> None:
                self.name, self.path = entry.name, entry.path

            def is_dir(self, follow_symlinks: bool) -> bool:
                raise OSError(40, "Too many levels of symbolic links")

        if folder_fails:
            monkeypatch.setattr("image_erase.results.files.os.scandir", refusing)
        else:
            monkeypatch.setattr("image_erase.results.files.listed", with_entry(kept[1], Entry))
        with pytest.raises(EntriesFailed):
            sweep(store)
        assert [path.exists() for path in kept] == [False, True, False]

    def test_a_store_that_is_no_folder_fails_as_a_whole(self, store: DirectoryStore, folder: Path) -> None:
        folder.rmdir()
        folder.write_bytes(b"in the way")
        with pytest.raises(StoreError, match="Not a directory"):
            sweep(store)

    def test_leftovers_of_a_crash(self, store: DirectoryStore, folder: Path) -> None:
        day = folder / "2026-11-22"
        day.mkdir()
        names = [day / "1795347564-x.png#0a1b2c3d", folder / "probe-0123456789abcdef", day / "notes.txt"]
        for path in names:
            path.write_bytes(b"half")
            os.utime(path, (NOW, NOW))
        assert sweep(store, NOW + LEFTOVER_SECONDS) == 0
        assert sweep(store, NOW + LEFTOVER_SECONDS + 1) == 2
        assert list(folder.rglob("*")) == [day, day / "notes.txt"]

    def test_what_is_being_written_is_no_leftover(self, store: DirectoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
        """Even if the clock of the file system is a day behind."""
        (name,), replace = results(1), Path.replace

        def sweep_and_replace(draft: Path, path: Path) -> None:
            assert asyncio.run(store.delete_leftovers(draft.stat().st_mtime + 86400, Failures())) == 0
            replace(draft, path)

        monkeypatch.setattr(Path, "replace", sweep_and_replace)
        asyncio.run(store.put(name, b"x"))
        assert asyncio.run(store.size(name)) == 1

    def test_counts_what_is_there(self, store: DirectoryStore, folder: Path) -> None:
        async def main() -> None:
            for size, name in enumerate(results(600), 1):
                await store.put(name, bytes(size))
            assert store.room.used == 600 * 601 / 2
            other = DirectoryStore(folder)
            await other.count(NOW)
            assert other.room.used == store.room.used
            await Sweeper(store, lambda: NOW + 100).sweep()
            assert store.room.used == 0
            await other.count(NOW)
            assert other.room.used == 0

        asyncio.run(main())

    def test_what_was_open_to_others_is_closed(self, store: DirectoryStore, folder: Path, kept: list[Path]) -> None:
        for path in (folder, *{path.parent for path in kept}):
            path.chmod(0o755)
        for path in kept:
            path.chmod(0o644)
        asyncio.run(store.close_to_others())
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*-*.png")} == {0o600}
        assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())} == {0o700}


def with_entry(path: Path, replaced: type) -> object:
    """Return a version of files.listed that replaces the entry of a path."""
    listed = files.listed

    def entries(folder: Path) -> Iterator[object]:
        for entry in listed(folder):
            yield replaced(entry) if Path(entry.path) == path else entry

    return entries


class FakeBucket(ThreadingHTTPServer):
    """Lists keys as S3 does, whatever they look like. keys: with their sizes."""

    daemon_threads = True

    def __init__(self, keys: dict[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Listing)
        self.keys = keys


class _Listing(BaseHTTPRequestHandler):
    server: FakeBucket

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        prefix, after, delimiter = query["prefix"], query.get("start-after", ""), query.get("delimiter")
        keys = [key for key in sorted(self.server.keys) if key.startswith(prefix) and key > after]
        folders = {prefix + key[len(prefix) :].split("/")[0] + "/" for key in keys} if delimiter else set()
        answer = "".join(
            f"<Contents><Key>{key}</Key><Size>{self.server.keys[key]}</Size><ETag>x</ETag>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            for key in ([] if delimiter else keys)
        ) + "".join(f"<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>" for folder in sorted(folders))
        body = f"<ListBucketResult><IsTruncated>false</IsTruncated>{answer}</ListBucketResult>".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "x")


@pytest.mark.usefixtures("credentials")
class TestBucket:
    @pytest.fixture
    def fake(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBucket]:
        with FakeBucket({}) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
            yield server
            server.shutdown()
            thread.join(60)

    @pytest.fixture
    def store(self, fake: FakeBucket) -> BucketStore:
        return BucketStore("s3://bucket/deep/prefix")

    @pytest.mark.parametrize(
        "bad", ["/x", "./x", "2026-11-22//x", "2026-11-23/0//x", "2026-11-23/../x", "2020-01-01/a/./b"]
    )
    def test_a_key_that_cannot_be_read_hides_no_other_day(self, store: BucketStore, fake: FakeBucket, bad: str) -> None:
        names = [name for ttl in (100, 86400, 2 * 86400) for name in results(1, ttl)]
        fake.keys |= {f"deep/prefix/{name.key}": 7 for name in names} | {f"deep/prefix/{bad}": 1}
        failures = Failures()

        async def main() -> list[Kept]:
            return [found async for found in store.expired(LATER, failures)]

        assert {found.name for found in asyncio.run(main())} == set(names)
        asyncio.run(store.count(NOW)) if bad == "2026-11-22//x" else None

    def test_what_comes_after_it_in_its_day_is_found(self, store: BucketStore, fake: FakeBucket) -> None:
        first, last = ResultName.new("png", NOW, 10), ResultName.new("png", NOW, 20)
        day, file = first.key.split("/")
        fake.keys |= {f"deep/prefix/{name.key}": 7 for name in (first, last)} | {f"deep/prefix/{day}/{file}//x": 1}
        failures = Failures()

        async def main() -> list[Kept]:
            return [found async for found in store.expired(LATER, failures)]

        assert last in [found.name for found in asyncio.run(main())]
        with pytest.raises(EntriesFailed, match="cannot be listed"):
            failures.raise_any()

    def test_counts_sizes(self, fake: FakeBucket) -> None:
        store = BucketStore("s3://bucket/prefix", limit_bytes=1000)
        fake.keys |= {f"prefix/{name.key}": 40 for name in results(3, 90 * 86400)} | {"prefix/other/x": 5}
        asyncio.run(store.count(NOW))
        assert store.room.used == 120

    @pytest.mark.parametrize("bulk", [FileNotFoundError("gone"), GenericError("one of them may not")])
    def test_one_that_cannot_be_deleted(self, monkeypatch: pytest.MonkeyPatch, bulk: Exception) -> None:
        """It must not raise an ExceptionGroup either."""
        store, names = BucketStore("s3://bucket/prefix"), results(30)
        locked, deleted = {names[3].key, names[20].key}, []

        async def delete(_: object, what: str | list[str]) -> None:
            if isinstance(what, list):
                raise bulk
            if what in locked:
                raise PermissionDeniedError("locked")
            deleted.append(what)

        monkeypatch.setattr(obstore, "delete_async", delete)
        failures = Failures()
        assert asyncio.run(store.delete_all([Kept(name, 1) for name in names], failures)) == 28
        assert set(deleted) == {name.key for name in names} - locked
        with pytest.raises(EntriesFailed, match=r"2 left, .*PermissionDeniedError"):
            failures.raise_any()

    def test_deleting_one_by_one_has_an_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        store, names = BucketStore("s3://bucket/prefix", timeouts=BucketTimeouts(delete=0.05)), results(30)

        async def delete(_: object, what: str | list[str]) -> None:
            if isinstance(what, list):
                raise GenericError("no")
            await asyncio.sleep(60)

        monkeypatch.setattr(obstore, "delete_async", delete)
        failures = Failures()
        assert asyncio.run(store.delete_all([Kept(name, 1) for name in names], failures)) == 0
        with pytest.raises(EntriesFailed, match="30 left"):
            failures.raise_any()
