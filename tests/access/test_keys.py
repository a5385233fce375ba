"""API keys from the environment and from a file."""

from pathlib import Path

import pytest

from support.envelope import assert_failure, assert_success
from support.processes import until
from support.server import KEY, Server, StartServer


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "keys"
    file.write_text("# keys of the shop\n\nfile-key\n  spaced-key  \nlocked-key off\n")
    return file


def test_several_keys(start_server: StartServer) -> None:
    own = start_server(api_keys=("one-key", "other-key"))
    for key in ("one-key", "other-key"):
        assert_success(own.client.erase(key=key), own.base)
    assert_failure(own.client.erase(key=KEY), "ERROR_APPLICATIONS_NOT_EXISTS")


def test_where_none_is_set_the_server_makes_one_and_keeps_it(tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    with Server(storage, api_keys=()) as own:
        file = storage / "api-key"
        key = file.read_text().strip()
        assert len(key) >= 16
        assert file.stat().st_mode & 0o777 == 0o600
        assert_success(own.client.erase(key=key), own.base)
        assert_failure(own.client.erase(key=KEY), "ERROR_APPLICATIONS_NOT_EXISTS")
        assert_failure(own.client.erase(key=None), "ERROR_USER_NOT_EXISTS")
        for path in ("/api-key", "/results/api-key", "/results/..%2fapi-key", "/results/x/..%2f..%2fapi-key/y"):
            answer = own.client.get(path)
            assert answer.status_code in (403, 404)
            assert key not in answer.text
    with Server(storage, api_keys=()) as again:
        assert_success(again.client.erase(key=key), again.base)


def test_with_an_empty_file_of_keys_nobody_may_call(start_server: StartServer, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("# none yet\n")
    own: Server = start_server(api_keys=(), api_keys_file=tmp_path / "keys")
    assert_failure(own.client.erase(key=KEY), "ERROR_APPLICATIONS_NOT_EXISTS")
    assert_failure(own.client.erase(key="#"), "ERROR_APPLICATIONS_NOT_EXISTS")


def test_file_is_followed_as_it_changes(start_server: StartServer, key_file: Path) -> None:
    own: Server = start_server(api_keys_file=key_file)
    for key in (KEY, "file-key", "spaced-key"):
        assert_success(own.client.erase(key=key), own.base)
    assert_failure(own.client.erase(key="locked-key"), "ERROR_USER_LOCKED")
    for no_key in ("#", "off", "# keys of the shop", "locked-key off"):
        assert_failure(own.client.erase(key=no_key), "ERROR_APPLICATIONS_NOT_EXISTS")

    key_file.write_text("file-key off\nnew-key\nlocked-key\n")
    assert_failure(own.client.erase(key="file-key"), "ERROR_USER_LOCKED")
    until(lambda: own.client.erase(key="spaced-key").status_code == 401, "the key that is gone is refused")
    for key in (KEY, "new-key", "locked-key"):
        assert_success(own.client.erase(key=key), own.base)

    replacement = key_file.with_name("keys.new")
    replacement.write_text("newest-key\n")
    replacement.replace(key_file)
    assert_success(own.client.erase(key="newest-key"), own.base)
    until(lambda: own.client.erase(key="new-key").status_code == 401, "the key that is gone is refused")

    key_file.unlink()
    assert_success(own.client.erase(key="newest-key"), own.base)
    assert_failure(own.client.erase(key="new-key"), "ERROR_APPLICATIONS_NOT_EXISTS")
