"""Erase through a server with the Image Erasure API: one of this project, or the vendor's."""

import asyncio
from types import TracebackType
from typing import Any, Self

import httpx

from image_erase.batch.answers import Answer, broken, link_in, result_in
from image_erase.batch.failures import UNREACHABLE, Failure
from image_erase.batch.retries import Passing, Retries
from image_erase.contract.endpoints import HEADER, IMAGE_ERASE
from image_erase.imaging.header import format_of

MEBIBYTE = 1024 * 1024
ANSWER_BYTES = MEBIBYTE
# Twice the size of the largest result: 4096x4096 with four 16-bit channels of noise.
RESULT_BYTES = 256 * MEBIBYTE
# Longest pause between two bytes, and longest time for a whole answer.
_SILENT_SECONDS, _WHOLE_SECONDS = 60.0, 300.0
_SUFFIXES = {"JPEG": "jpg", "PNG": "png", "BMP": "bmp", "WEBP": "webp"}


class RemoteEraser:
    """Erases through a server. The key is sent only to that server, not to the hosts of its links."""

    def __init__(self, base_url: str, key: str, *, connections: int, retries: Retries) -> None:
        """base_url: the part before /api/. connections: number of images in progress at the same time."""
        self._url = base_url.rstrip("/") + IMAGE_ERASE.path
        self._headers = {HEADER: key}
        self._connections = connections
        self._retries = retries

    async def __aenter__(self) -> Self:
        """Create the client; no connection is opened yet."""
        self._web = httpx.AsyncClient(
            timeout=httpx.Timeout(_SILENT_SECONDS, connect=10.0, pool=None),
            limits=httpx.Limits(max_connections=self._connections),
            follow_redirects=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self._web.aclose()

    async def erase(self, image: bytes, mask: bytes) -> bytes:
        """See PictureEraser. If the download fails, only the download is retried: erasing again may cost again."""
        link = await self._retries.of(lambda: self._ask(image, mask))
        return await self._retries.of(lambda: self._fetch(link))

    async def _ask(self, image: bytes, mask: bytes) -> str:
        files = {"image": _part("image", image), IMAGE_ERASE.mask.name: _part("mask", mask)}
        return link_in(await self._answer("POST", self._url, ANSWER_BYTES, headers=self._headers, files=files))

    async def _fetch(self, link: str) -> bytes:
        return result_in(await self._answer("GET", link, RESULT_BYTES))

    async def _answer(self, method: str, url: str, most_bytes: int, **options: Any) -> Answer:
        try:
            async with asyncio.timeout(_WHOLE_SECONDS), self._web.stream(method, url, **options) as response:
                body = await _body(response, most_bytes)
        except (httpx.TransportError, TimeoutError) as error:
            host = httpx.URL(url).host
            raise Passing(Failure(UNREACHABLE, f"{host}: {error or type(error).__name__}")) from None
        except (httpx.InvalidURL, httpx.DecodingError) as error:
            raise broken(None, f"the server's answer can't be used ({type(error).__name__})") from None
        headers = response.headers
        return Answer(response.status_code, body, headers.get("retry-after", ""), headers.get("location", ""))


def _part(name: str, data: bytes) -> tuple[str, bytes]:
    """Return a file for httpx under a neutral name, so that the user's file names are not sent."""
    return f"{name}.{_SUFFIXES.get(format_of(data[:16]) or '', 'bin')}", data


async def _body(response: httpx.Response, most_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > most_bytes:
            raise broken(response.status_code, f"the server's answer has more than {most_bytes} bytes")
    return bytes(body)
