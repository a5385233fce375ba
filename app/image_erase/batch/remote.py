"""Erasing by a server that speaks the Image Erasure API: one of this project's, or the vendor's."""

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
# The largest result, 4096x4096 in 16 bits with alpha and full of noise, has half of that.
RESULT_BYTES = 256 * MEBIBYTE
# Without a byte, and for an answer as a whole, however slowly it drips.
_SILENT_SECONDS, _WHOLE_SECONDS = 60.0, 300.0
_SUFFIXES = {"JPEG": "jpg", "PNG": "png", "BMP": "bmp", "WEBP": "webp"}


class RemoteEraser:
    """A server that erases. The key goes to it alone, not to where its links lead."""

    def __init__(self, base_url: str, key: str, *, connections: int, retries: Retries) -> None:
        """base_url: what stands before /api/. connections: how many pictures are under way at a time."""
        self._url = base_url.rstrip("/") + IMAGE_ERASE.path
        self._headers = {HEADER: key}
        self._connections = connections
        self._retries = retries

    async def __aenter__(self) -> Self:
        """Open nothing yet."""
        self._web = httpx.AsyncClient(
            timeout=httpx.Timeout(_SILENT_SECONDS, connect=10.0, pool=None),
            limits=httpx.Limits(max_connections=self._connections),
            follow_redirects=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        await self._web.aclose()

    async def erase(self, image: bytes, mask: bytes) -> bytes:
        """As PictureEraser says. A result that is hard to fetch is not asked for twice: it might be paid for twice."""
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
    """A file as httpx takes it. No name of the user's leaves the house."""
    return f"{name}.{_SUFFIXES.get(format_of(data[:16]) or '', 'bin')}", data


async def _body(response: httpx.Response, most_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > most_bytes:
            raise broken(response.status_code, f"the server's answer has more than {most_bytes} bytes")
    return bytes(body)
