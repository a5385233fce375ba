"""What ERASE_STORAGE_URL may name."""

from pathlib import Path

import pytest

from image_erase.results.bucket import BucketStore
from image_erase.results.directory import DirectoryStore
from image_erase.results.location import folder_of, open_store
from image_erase.results.urls import is_storage_url


@pytest.mark.parametrize(
    "url", ["file:storage", "file:///storage", "s3://bucket", "s3://bucket/", "gs://a.b-c_d/x/y", "az://results/p=1/"]
)
def test_names_a_storage(url: str) -> None:
    assert is_storage_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "storage",
        "s4://bucket",
        "s3:bucket",
        "s3://",
        "s3:///prefix",
        "s3://key:secret@bucket",
        "s3://bucket:80",
        "s3://bucket//x",
        "s3://bucket/../x",
        "s3://bucket/x/.",
        "s3://bucket/x?y",
        "s3://bucket/x#y",
        "s3://bucket/a b",
        "https://bucket.s3.amazonaws.com",
    ],
)
def test_names_none(url: str) -> None:
    assert not is_storage_url(url)


def test_opens_a_bucket_without_asking_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "c2VjcmV0")
    for url in ("s3://bucket/prefix", "gs://bucket/prefix", "az://container/prefix"):
        assert isinstance(open_store(url), BucketStore)
        assert folder_of(url) is None


def test_opens_a_folder(tmp_path: Path) -> None:
    assert isinstance(open_store(tmp_path.as_uri()), DirectoryStore)
    assert folder_of(tmp_path.as_uri()) == tmp_path
