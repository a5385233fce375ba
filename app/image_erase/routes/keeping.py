"""Store a result, or an image for later requests, and make its link."""

import asyncio
import logging
import time
from dataclasses import dataclass

from starlette.types import Scope

from image_erase.clock import Clock
from image_erase.contract.errors import ApiError, Code
from image_erase.http.edge import request_ids, stage
from image_erase.jobs.messages import Suffix
from image_erase.observer import UNOBSERVED, Observer
from image_erase.results.links import Links
from image_erase.results.names import ResultName
from image_erase.results.store import Presign, ResultStore, StoreError, StoreFull

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Keeping:
    """Stores results and makes their links.

    ttl_seconds: how long links are valid. presign: creates the store's own link to a result; None if links lead to
    this server.
    """

    store: ResultStore
    links: Links
    clock: Clock
    ttl_seconds: int
    presign: Presign | None = None
    observer: Observer = UNOBSERVED

    async def refuse_when_full(self) -> None:
        """Raise ApiError if there is no room for a result, before a job is started."""
        try:
            await self.store.refuse_when_full()
        except StoreFull:
            raise _no_room() from None
        except StoreError:
            pass  # it may be gone when there is a result

    async def keep(self, suffix: Suffix, data: bytes | bytearray, scope: Scope) -> ResultName:
        """Store a file. scope: of the request. Raises ApiError. If cancelled, nothing is left in the store."""
        name = ResultName.new(suffix, self.clock(), self.ttl_seconds)
        started = time.perf_counter()
        put = asyncio.ensure_future(self.store.put(name, data))
        try:
            await asyncio.shield(put)
        except asyncio.CancelledError:
            # No client will ever get a link to this result.
            await asyncio.gather(put, return_exceptions=True)
            await self.store.delete(name, len(data))
            raise
        except StoreFull:
            raise _no_room() from None
        except StoreError as error:
            raise _not_stored(error, request_ids(scope).request_id) from None
        now = time.perf_counter()
        stage(scope, "store", now, now - started)
        self.observer.result_stored(now - started, len(data))
        return name

    async def link(self, name: ResultName, base: str, request_id: str) -> str:
        """Return the link of a stored result. base: start of links to this server. Raises ApiError."""
        if not self.presign:
            return base + self.links.path(name)
        try:
            return await self.presign(name)
        except StoreError as error:
            raise _not_stored(error, request_id) from None


def _no_room() -> ApiError:
    return ApiError(Code.ERROR_INSUFFICIENT_RESOURCES, "There is no room in the storage.")


def _not_stored(error: StoreError, request_id: str) -> ApiError:
    log.error("result not stored", extra={"request_id": request_id, "reason": str(error)})
    return ApiError(Code.FILE_SERVICE_ERROR, "The file could not be stored.")
