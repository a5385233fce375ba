"""The ZIP files that the page writes, read by Python's zipfile."""

import io
import zipfile

import pytest
from playwright.sync_api import Page

from support.modules import Blob, run

WRITE = (
    "m.zipOf(given.slice(1).map((blob, index) => ({ name: given[0][index], blob })), new Date(2026, 10, 26, 13, 5, 8))"
)
NAMES = {
    "photo.jpg": "photo.jpg",
    "Photo.JPG": "Photo (2).JPG",
    "grün 写真.png": "grün 写真.png",
    "photo (2).jpg": "photo (2) (2).jpg",
    "a/b\\c": "a_b_c",
    ".hidden": ".hidden",
}


def test_what_is_in_it(page: Page) -> None:
    contents = [bytes([index]) * index * 70_000 for index in range(len(NAMES))]
    data = run(page, "zip", WRITE, list(NAMES), *map(Blob, contents))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == list(NAMES.values())
        assert [archive.read(info) for info in archive.infolist()] == contents
        assert {info.date_time for info in archive.infolist()} == {(2026, 11, 26, 13, 5, 8)}
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


def test_nothing_in_it(page: Page) -> None:
    with zipfile.ZipFile(io.BytesIO(run(page, "zip", "m.zipOf([])"))) as archive:
        assert archive.namelist() == []


def test_equal_names_are_numbered(page: Page) -> None:
    assert run(page, "zip", "m.distinct(['a.b.c', 'a.b.c', 'A.B.C', 'x', 'x'])") == [
        "a.b.c",
        "a.b (2).c",
        "A.B (3).C",
        "x",
        "x (2)",
    ]


@pytest.mark.parametrize(("size", "count"), [(2**31, 2), (0, 2**16)])
def test_more_than_fits_is_refused(page: Page, size: int, count: int) -> None:
    """Files that have that size, but nothing in them to wait for."""
    script = """m.zipOf(Array.from({ length: given[1] }, () => ({ name: "x", blob: Object.defineProperties(new Blob(), {
      size: { value: given[0] }, stream: { value: () => new Blob().stream() } }) })))
      .then(() => "", ({ message }) => message)"""
    assert "4 GB" in run(page, "zip", script, size, count)
