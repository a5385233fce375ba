"""The answers that contain the result, made in pieces while they are sent, so that it is in memory only once."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Protocol

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from image_erase.contract.envelope import ImageBody
from image_erase.http.edge import note
from image_erase.http.identity import RequestIds
from image_erase.results.names import MEDIA_TYPES
from image_erase.routes.erasing import Result

_PIECE_BYTES = 256 * 1024


class Body(Protocol):
    """A body in pieces."""

    def __len__(self) -> int: ...  # noqa: D105
    def __iter__(self) -> Iterator[bytes]: ...  # noqa: D105


class ResultResponse(Response):
    """Sends a result. Its memory is released once it is sent, or when another key needs it more urgently."""

    def __init__(self, result: Result, body: Body, headers: Mapping[str, str]) -> None:
        self._result, self._body = result, body
        super().__init__(headers={**headers, "Content-Length": str(len(body))})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer as fast as the client reads it."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(None) as evicted:
                self._result.holding.evict = lambda: evicted.reschedule(loop.time())
                await self._send(send)
        except TimeoutError:
            note(scope, reason="another key needed the memory of this unread answer")
            raise ClientDisconnect from None
        finally:
            self._result.close()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for piece in self._body:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            # send() waits only for slow clients; this lets other tasks run.
            await asyncio.sleep(0)
        await send({"type": "http.response.body"})


class PictureBody:
    """The file itself."""

    def __init__(self, image: bytes | bytearray) -> None:
        self._image = image

    def __len__(self) -> int:
        """Return its length in bytes."""
        return len(self._image)

    def __iter__(self) -> Iterator[bytes]:
        """Yield its bytes in order."""
        with memoryview(self._image) as image:
            for start in range(0, len(image), _PIECE_BYTES):
                yield bytes(image[start : start + _PIECE_BYTES])


def json_response(ids: RequestIds, result: Result) -> ResultResponse:
    """The vendor's answer that contains the result."""
    return ResultResponse(result, ImageBody(ids, result.done.data), {"Content-Type": "application/json"})


def picture_response(result: Result, headers: Mapping[str, str]) -> ResultResponse:
    """The result itself. headers: besides its type and length."""
    kind = MEDIA_TYPES[result.done.suffix]
    return ResultResponse(result, PictureBody(result.done.data), {"Content-Type": kind, **headers})
