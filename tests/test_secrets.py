"""Generated secrets: created once, private, durable, and never weak."""

import os
import stat
from pathlib import Path

import pytest

from image_erase import secrets
from image_erase.secrets import SecretUnusable, kept_secret, key_to_show, signing_keys
from image_erase.settings import SettingsError, load_settings

WEAK = [
    b"",
    b"\n",
    b" \t\n",
    b"x" * 31,
    b"two words that are together long enough",
    b"\0" * 64,
    b"\xff" * 64,
    b"a\n" * 32,
]


def test_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key"
    mask = os.umask(0)
    try:
        key = kept_secret(path, 32)
    finally:
        os.umask(mask)
    assert len(key) >= 40
    assert kept_secret(path, 32) == key
    assert list(path.parent.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert kept_secret(tmp_path / "other", 32) != key


def test_is_on_the_disk_before_anybody_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First the content, then its name, then the folder with the name in it."""
    done, fsync, link = [], os.fsync, os.link

    def flush(descriptor: int) -> None:
        done.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        fsync(descriptor)

    def name(draft: Path, path: Path) -> None:
        assert draft.read_text().strip()
        done.append("link")
        link(draft, path)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(os, "link", name)
    kept_secret(tmp_path / "key", 32)
    assert done[0].startswith("key.")
    assert done[1:] == ["link", tmp_path.name]


def test_another_server_may_be_quicker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, link = tmp_path / "key", os.link

    def late(draft: Path, where: Path) -> None:
        where.write_text("the-secret-that-the-other-server-has-made\n")
        link(draft, where)

    monkeypatch.setattr(os, "link", late)
    assert kept_secret(path, 32) == "the-secret-that-the-other-server-has-made"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", WEAK)
def test_what_is_no_secret_is_not_used(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(SecretUnusable):
        kept_secret(tmp_path / "key", 32)
    assert (tmp_path / "key").read_bytes() == content


@pytest.mark.parametrize("content", WEAK)
def test_stops_the_start_with_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "signing-key"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        signing_keys(load_settings(storage_url=tmp_path.as_uri()))
    message = str(caught.value)
    assert message.startswith("ERASE_SIGNING_KEYS: ")
    assert str(path) in message
    assert "\n" not in message
    assert "xxx" not in message


def test_an_empty_api_key_stops_the_start_too(tmp_path: Path) -> None:
    (tmp_path / "api-key").write_bytes(b"\n")
    settings = load_settings(storage_url=tmp_path.as_uri())
    with pytest.raises(SettingsError, match=r"ERASE_API_KEYS: .*is empty"):
        secrets.api_keys(settings)


def test_a_key_is_shown_when_it_is_made_and_never_again(tmp_path: Path) -> None:
    settings = load_settings(storage_url=tmp_path.as_uri())
    key = key_to_show(settings)
    assert key == (tmp_path / "api-key").read_text().strip()
    assert key not in key_to_show(settings)
    assert key_to_show(load_settings(storage_url=tmp_path.as_uri(), api_keys=("x",))) == "YOUR-KEY"
