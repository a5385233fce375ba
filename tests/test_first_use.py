"""First use of an installed package: storage, key, example, and the command line that is printed."""

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.request import url2pathname

import pytest
from click.testing import CliRunner, Result

from image_erase.cli import main
from image_erase.folders import default_storage
from image_erase.greeting import curl_line
from image_erase.sample import write_sample
from support.server import COMMAND, KEY, CommandServer, StartCommand

ROOT = Path(__file__).resolve().parents[1]
Invoke = Callable[..., Result]


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Invoke:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **environment: str) -> Result:
        given = {"ERASE_STORAGE_URL": (tmp_path / "store").as_uri()} | environment
        return CliRunner().invoke(main, arguments, env=given, catch_exceptions=False)

    return run


class TestStorage:
    def test_that_is_beside_is_used(self, tmp_path: Path) -> None:
        (tmp_path / "storage").mkdir()
        assert default_storage(tmp_path, {"XDG_DATA_HOME": "/data"}, "linux") == "file:storage"

    @pytest.mark.parametrize(
        ("platform", "environment", "folder"),
        [
            ("linux", {"XDG_DATA_HOME": "/data of mine"}, "/data of mine/image-erase"),
            ("linux", {"XDG_DATA_HOME": "not/absolute"}, "/home/me/.local/share/image-erase"),
            ("linux", {}, "/home/me/.local/share/image-erase"),
            ("darwin", {"XDG_DATA_HOME": "/data"}, "/home/me/Library/Application Support/image-erase"),
            ("win32", {"LOCALAPPDATA": "/c/Local"}, "/c/Local/image-erase"),
            ("win32", {}, "/home/me/AppData/Local/image-erase"),
        ],
    )
    def test_is_in_the_users_folder_elsewhere(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, environment: dict[str, str], folder: str
    ) -> None:
        monkeypatch.setenv("HOME", "/home/me")
        url = default_storage(tmp_path, environment, platform)
        assert url2pathname(url.removeprefix("file://")) == folder

    def test_of_a_user_without_a_home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def homeless() -> Path:
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr(Path, "home", homeless)
        assert default_storage(tmp_path, {}, "linux") == "file:storage"


class TestKey:
    def test_is_made_once(self, invoke: Invoke, tmp_path: Path) -> None:
        first, again = invoke("key"), invoke("key")
        assert first.output == again.output == (tmp_path / "store/api-key").read_text()

    def test_that_is_set(self, invoke: Invoke, tmp_path: Path) -> None:
        assert invoke("key", ERASE_API_KEYS="one,two").output == "one\n"
        assert not (tmp_path / "store").exists()

    def test_of_a_file_is_an_active_one(self, invoke: Invoke, tmp_path: Path) -> None:
        keys = tmp_path / "keys"
        keys.write_text("first off\nsecond\n")
        assert invoke("key", ERASE_API_KEYS_FILE=str(keys)).output == "second\n"

    @pytest.mark.parametrize("content", [None, "first off\n", "# none\n"])
    def test_that_is_nowhere(self, invoke: Invoke, tmp_path: Path, content: str | None) -> None:
        if content is not None:
            (tmp_path / "keys").write_text(content)
        result = invoke("key", ERASE_API_KEYS_FILE=str(tmp_path / "keys"))
        assert result.exit_code == 2
        assert result.output.startswith("image-erase: ERASE_API_KEYS_FILE: ")
        assert result.output.count("\n") == 1

    def test_of_a_bucket_has_to_be_set(self, invoke: Invoke) -> None:
        result = invoke("key", ERASE_STORAGE_URL="s3://bucket")
        assert result.exit_code == 2
        assert "ERASE_API_KEYS: must be set" in result.output


class TestSample:
    def test_is_that_of_the_examples(self, invoke: Invoke, tmp_path: Path) -> None:
        assert invoke("sample", "here/and there").exit_code == 0
        for name in ("photo.jpg", "mask.png"):
            assert (tmp_path / "here/and there" / name).read_bytes() == (ROOT / "examples" / name).read_bytes()

    def test_may_be_written_again_but_not_over_another_file(self, invoke: Invoke, tmp_path: Path) -> None:
        assert [invoke("sample").exit_code for _ in range(2)] == [0, 0]
        (tmp_path / "mask.png").write_bytes(b"mine")
        (tmp_path / "photo.jpg").unlink()
        result = invoke("sample")
        assert result.exit_code == 1
        assert result.output == "image-erase: mask.png exists\n"
        assert (tmp_path / "mask.png").read_bytes() == b"mine"
        assert not (tmp_path / "photo.jpg").exists()

    def test_needs_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "mask.png").mkdir()
        with pytest.raises(FileExistsError):
            write_sample(tmp_path)


def test_line_in_a_clone_names_its_examples() -> None:
    line = curl_line("http://127.0.0.1:1", KEY, ROOT)
    assert "-F image=@examples/photo.jpg -F user_mask=@examples/mask.png http://127.0.0.1:1/api/" in line
    assert line.startswith("curl ")


def test_line_elsewhere_makes_its_example(start_command: StartCommand, tmp_path: Path) -> None:
    own: CommandServer = start_command()
    line = own.log.with_suffix(".out").read_text().splitlines()[0].replace("YOUR-KEY", KEY)
    there = tmp_path / "there"
    there.mkdir()
    environment = os.environ | {"PATH": f"{COMMAND.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euc", line], cwd=there, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert '"error_code":0' in done.stdout
    assert shlex.split(line)[1:3] == ["sample", "&&"]


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_the_module_is_the_command(arguments: list[str]) -> None:
    python = COMMAND.with_name("python")
    said = [
        subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, check=True).stdout
        for command in ([COMMAND], [python, "-m", "image_erase"])
    ]
    assert said[0] == said[1]
    assert "image-erase" in said[0]
