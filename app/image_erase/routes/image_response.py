"""The answer that contains the result, encoded in pieces while it is sent, so that it is in memory only once."""

import asyncio

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from image_erase.contract.envelope import ImageBody
from image_erase.http.edge import note
from image_erase.http.identity import RequestIds
from image_erase.routes.erasing import Result


class ImageResponse(Response):
    """Sends a result. Its memory is released once it is sent, or when another key needs it more urgently."""

    media_type = "application/json"

    def __init__(self, ids: RequestIds, result: Result) -> None:
        self._result, self._body = result, ImageBody(ids, result.done.data)
        super().__init__(headers={"Content-Length": str(len(self._body))})

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
