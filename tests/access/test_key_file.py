"""The operator's file of keys, while it changes."""

import logging
import os
import threading
from pathlib import Path

import pytest

from image_erase.access.key_file import STILL_SECONDS, KeyFile, digest, read_lines
from support.server import KEY, Server, StartServer

OLD = "old-key-00000001\nkept-key-0000001\n"


class Time:
    """Wall clock and monotonic clock in one; files that are written now are from its `now`."""

    def __init__(self) -> None:
        self.now = 2_000_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def path(tmp_path: Path, time: Time) -> Path:
    write(path := tmp_path / "keys", OLD, time)
    time.now += 100
    return path


def write(path: Path, text: str | bytes, time: Time) -> None:
    """Write in place, at the test's time, to the nanosecond."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    os.utime(path, (time.now, time.now))
    time.now += 1e-6


@pytest.fixture
def file(path: Path, time: Time) -> KeyFile:
    return KeyFile(path, time, time)


def known(file: KeyFile, *keys: str) -> dict[str, bool | None]:
    entries = file.entries()
    return {key: entries.get(digest(key.encode())) for key in keys}


def all_known(file: KeyFile, *keys: str) -> bool:
    return set(file.entries()) == {digest(key.encode()) for key in keys}


class TestLines:
    @pytest.mark.parametrize(
        ("content", "keys"),
        [
            (b"\xef\xbb\xbffirst\nsecond\n", {"first": True, "second": True}),
            (b"\xef\xbb\xbf# comment\nkey\n", {"key": True}),
            (b"\xef\xbb\xbf", {}),
            (b"one\r\ntwo off\r\nthree\rfour", {"one": True, "two": False, "three": True, "four": True}),
            ("key  kommentar mit ü\u2028und mehr\x85noch mehr\n".encode(), {"key": True}),
            ("key\u00a0off\n".encode(), {"key": False}),
            (b"  key   office\n\n#x\n", {"key": True}),
            (b"key off\nkey\n", {"key": True}),
        ],
    )
    def test_read(self, path: Path, content: bytes, keys: dict[str, bool]) -> None:
        path.write_bytes(content)
        assert {line.key: line.is_active for line in read_lines(path)} == keys

    @pytest.mark.parametrize("key", ["schlüssel-mit-à", "a\ufeffb", "tab\x07bell", "\x7f", "日本", "caf\u0065\u0301"])
    def test_what_no_client_can_send_is_refused_by_its_line(
        self, path: Path, key: str, time: Time, caplog: pytest.LogCaptureFixture
    ) -> None:
        path.write_text(f"# keys\ngood-key\n{key} note\n", "utf-8")
        file = KeyFile(path, time, time)
        assert all_known(file, "good-key")
        (line,) = caplog.records
        assert (line.levelno, line.file, line.lines) == (logging.WARNING, "keys", "3")  # type: ignore[attr-defined]
        assert key not in str(vars(line))

    @pytest.mark.parametrize("content", [b"\xff\xfek\0e\0y\0", b"key-\xe0\n"])
    def test_not_utf8(self, path: Path, content: bytes, time: Time) -> None:
        path.write_bytes(content)
        with pytest.raises(UnicodeDecodeError):
            KeyFile(path, time, time)


class TestChanges:
    def test_what_is_added_or_switched_off_counts_at_once(self, file: KeyFile, path: Path, time: Time) -> None:
        write(path, OLD + "new-key-00000001\nold-key-00000001 off\n", time)
        assert known(file, "new-key-00000001", "old-key-00000001") == {
            "new-key-00000001": True,
            "old-key-00000001": False,
        }

    @pytest.mark.parametrize("content", ["", "kept-key-0000001\n", "kept-key-0000001\n" + "another-key-0001\n" * 9])
    def test_what_is_gone_counts_until_the_file_is_still(
        self, file: KeyFile, path: Path, time: Time, content: str
    ) -> None:
        write(path, content, time)
        assert known(file, "old-key-00000001") == {"old-key-00000001": True}
        time.now += STILL_SECONDS / 2
        assert known(file, "old-key-00000001") == {"old-key-00000001": True}
        time.now += STILL_SECONDS / 2
        assert all_known(file, *content.split())

    def test_each_change_lets_it_wait_again(self, file: KeyFile, path: Path, time: Time) -> None:
        for number in range(10):
            write(path, f"kept-key-0000001\nx{number}\n", time)
            assert known(file, "old-key-00000001", f"x{number}") == {"old-key-00000001": True, f"x{number}": True}
            time.now += STILL_SECONDS * 0.9
        time.now += STILL_SECONDS
        assert all_known(file, "kept-key-0000001", "x9")

    def test_a_line_without_its_end_is_not_believed(self, file: KeyFile, path: Path, time: Time) -> None:
        write(path, OLD + "locked-key off\n", time)
        time.now += STILL_SECONDS
        assert known(file, "locked-key") == {"locked-key": False}
        write(path, OLD + "locked-key of", time)
        assert known(file, "locked-key") == {"locked-key": False}
        write(path, OLD + "locked-key off\nnew-", time)
        assert known(file, "locked-key", "new-") == {"locked-key": False, "new-": None}
        write(path, OLD + "locked-key off\nnew-key", time)
        assert known(file, "new-key") == {"new-key": None}
        time.now += STILL_SECONDS
        assert known(file, "new-key") == {"new-key": True}

    def test_one_that_changed_while_nobody_called_counts_at_once(self, file: KeyFile, path: Path, time: Time) -> None:
        write(path, "other-key-000001\n", time)
        time.now += 3600
        assert all_known(file, "other-key-000001")

    def test_a_change_between_two_looks_is_not_missed(
        self, path: Path, time: Time, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also one that leaves time and length as they were while the file is still."""
        file = KeyFile(path, time, time)
        write(path, OLD.replace("old", "abc"), time)
        stamp = path.stat()
        assert known(file, "abc-key-00000001") == {"abc-key-00000001": True}
        path.write_text(OLD.replace("old", "xyz"))
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        time.now += STILL_SECONDS
        file.entries()
        time.now += STILL_SECONDS
        assert all_known(file, "xyz-key-00000001", "kept-key-0000001")

    def test_a_change_while_it_is_read_is_seen(self, path: Path, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
        file = KeyFile(path, time, time)
        write(path, "first-key-000001\n", time)
        file.entries()
        time.now += STILL_SECONDS
        read = Path.read_bytes
        calls: list[bytes] = []

        def read_and_change(self: Path) -> bytes:
            content = read(self)
            if not calls:
                write(path, "last-key-0000001\n", time)
            calls.append(content)
            return content

        monkeypatch.setattr(Path, "read_bytes", read_and_change)
        file.entries()
        time.now += STILL_SECONDS
        file.entries()
        time.now += STILL_SECONDS
        assert all_known(file, "last-key-0000001")

    @pytest.mark.parametrize("how", ["gone", "folder", "not utf-8"])
    def test_what_cannot_be_read_changes_nothing_and_is_told_once(
        self, file: KeyFile, path: Path, time: Time, how: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        path.unlink()
        if how == "folder":
            path.mkdir()
        elif how == "not utf-8":
            write(path, b"key-\xff\xfe\n", time)
        for _ in range(5):
            assert known(file, "old-key-00000001") == {"old-key-00000001": True}
            time.now += STILL_SECONDS
        assert len([line for line in caplog.records if "unreadable" in line.message]) == 1


def test_rewriting_in_place_refuses_no_key_that_stays(start_server: StartServer, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("\ufeffplain-key-0001\nlast-key-000001\n", "utf-8")
    own: Server = start_server(api_keys=(), api_keys_file=path)
    over = threading.Event()

    def rewrite() -> None:
        number = 0
        while not over.wait(0.001):
            number += 1
            with path.open("w") as file:
                for line in ("# " + "x" * (number % 300), "plain-key-0001", f"x{number}", "last-key-000001"):
                    file.write(line + "\n")
                    file.flush()

    editor = threading.Thread(target=rewrite)
    editor.start()
    try:
        for number in range(150):
            key = ("plain-key-0001", "last-key-000001")[number % 2]
            assert own.client.request("GET", "/api/common/query-credits", key=key).status_code == 200
    finally:
        over.set()
        editor.join(60)
    assert own.client.request("GET", "/api/common/query-credits", key=KEY).status_code == 401
