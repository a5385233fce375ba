"""Accept-Encoding: what a client accepts."""

import pytest

from image_erase.http.encodings import accepts_gzip


@pytest.mark.parametrize(
    "header",
    ["gzip", "GZip", "deflate, gzip", "gzip;q=0.5", "gzip; q=0.001", "x-gzip", "*", "br;q=1, *;q=0.1", "*;q=0, gzip"],
)
def test_accepted(header: str) -> None:
    assert accepts_gzip(header)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "identity",
        "br",
        "gzip;q=0",
        "gzip; q=0.000",
        "*;q=0",
        "*, gzip;q=0",
        "gzipped",
        "gzip;q=x",
        "gzip;x=1",
        ";,",
    ],
)
def test_not_accepted(header: str) -> None:
    assert not accepts_gzip(header)
