"""Settings from an env file, and secrets from files."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from image_erase.cli import main
from image_erase.environment import SECRETS, EnvironmentFileError, complete

SECRET = "0123456789abcdef" * 2


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    return path


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_may_be_in_a_file(name: str, secret: Path) -> None:
    environment = {f"{name}_FILE": str(secret), "OTHER": "1"}
    complete(environment, None)
    assert environment == {name: SECRET, "OTHER": "1"}


def test_lines_are_several_secrets(secret: Path) -> None:
    secret.write_bytes(b"\xef\xbb\xbfone\r\n\n two \n")
    environment = {"ERASE_SIGNING_KEYS_FILE": str(secret)}
    complete(environment, None)
    assert environment == {"ERASE_SIGNING_KEYS": "one,two"}


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "No such file"), (b"", "empty"), (b" \n", "empty"), (b"\xff", "Unicode"), (b"x" * 70000, "large")],
)
def test_a_file_without_a_secret_stops_the_start(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "wrong"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EnvironmentFileError, match=rf"^ERASE_SIGNING_KEYS_FILE: .*{says}"):
        complete({"ERASE_SIGNING_KEYS_FILE": str(path)}, None)


def test_a_secret_has_one_place(secret: Path) -> None:
    with pytest.raises(
        EnvironmentFileError, match="ERASE_SIGNING_KEYS_FILE: must not be set beside ERASE_SIGNING_KEYS"
    ) as caught:
        complete({"ERASE_SIGNING_KEYS_FILE": str(secret), "ERASE_SIGNING_KEYS": "mine"}, None)
    assert SECRET not in str(caught.value)


class TestEnvFile:
    def test_is_read_as_docker_and_systemd_do(self, tmp_path: Path, secret: Path) -> None:
        path = tmp_path / ".env"
        path.write_text(
            f"# settings\nERASE_PORT=81\nexport ERASE_QUEUE=3\nERASE_LOG_FORMAT='json'\nERASE_PUBLIC_URL=http://x/$HOME\n"
            f"ERASE_SIGNING_KEYS_FILE={secret}\n"
        )
        environment = {"ERASE_PORT": "82"}
        complete(environment, path)
        assert environment == {
            "ERASE_PORT": "82",
            "ERASE_QUEUE": "3",
            "ERASE_LOG_FORMAT": "json",
            "ERASE_PUBLIC_URL": "http://x/$HOME",
            "ERASE_SIGNING_KEYS": SECRET,
        }

    @pytest.mark.parametrize(("content", "says"), [(b"ERASE_PORT\n", "has no value"), (b"\xff\n", "cannot be read")])
    def test_that_is_none_stops_the_start(self, tmp_path: Path, content: bytes, says: str) -> None:
        path = tmp_path / ".env"
        path.write_bytes(content)
        with pytest.raises(EnvironmentFileError, match=f"^--env-file: .*{says}"):
            complete({}, path)

    def test_holds_for_every_command(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "settings"
        path.write_text("ERASE_API_KEYS=from-the-file\n")
        monkeypatch.setenv("ERASE_API_KEYS", "")
        monkeypatch.delenv("ERASE_API_KEYS")
        result = CliRunner().invoke(main, ["--env-file", str(path), "key"], catch_exceptions=False)
        monkeypatch.delenv("ERASE_API_KEYS")
        assert (result.exit_code, result.output) == (0, "from-the-file\n")

    def test_that_is_missing_is_wrong_usage(self) -> None:
        assert CliRunner().invoke(main, ["--env-file", "nowhere", "key"]).exit_code == 2
