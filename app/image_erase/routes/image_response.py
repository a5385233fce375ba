"""The answer that is the result itself, encoded piece by piece on its way, so that it is never in memory twice."""

import asyncio

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from image_erase.contract.envelope import ImageBody
from image_erase.http.edge import note
from image_erase.http.identity import RequestIds
from image_erase.routes.erasing import Result


class ImageResponse(Response):
    """Sends a result, and holds its memory until it is sent, or until another key needs the memory more."""

    media_type = "application/json"

    def __init__(self, ids: RequestIds, result: Result) -> None:
        self._result, self._body = result, ImageBody(ids, result.done.data)
        super().__init__(headers={"Content-Length": str(len(self._body))})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, at the pace of its client."""
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
            # Sending waits only where the client is slow; others have a turn here.
            await asyncio.sleep(0)
        await send({"type": "http.response.body"})
