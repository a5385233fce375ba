"""Where a request carries its key, as FastAPI's security schemes."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from image_erase.contract.endpoints import HEADER

#: Checks the key that a request presents, None where there is none. Returns a name for it, or raises ApiError.
Check = Callable[[str | None], Awaitable[str]]

#: The vendor's header. A missing key is refused by the check, with the vendor's code, not by FastAPI.
VENDOR_KEY = APIKeyHeader(name=HEADER, scheme_name="apiKey", auto_error=False)
#: Alternatives for new clients.
BEARER = HTTPBearer(scheme_name="bearer", auto_error=False)
X_API_KEY = APIKeyHeader(name="X-Api-Key", scheme_name="xApiKey", auto_error=False)
#: All request headers that may carry a key.
HEADERS = ("Authorization", X_API_KEY.model.name, HEADER)


def vendor_key(check: Check) -> Callable[..., Awaitable[str]]:
    """Return a dependency: the name of the key in the vendor's header, checked before the body is read."""

    async def checked(presented: Annotated[str | None, Security(VENDOR_KEY)]) -> str:
        return await check(presented)

    return checked


def any_key(check: Check) -> Callable[..., Awaitable[str]]:
    """Return a dependency as vendor_key does: the key is a bearer token, X-Api-Key or in the vendor's header."""

    async def checked(
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)],
        plain: Annotated[str | None, Security(X_API_KEY)],
        vendors: Annotated[str | None, Security(VENDOR_KEY)],
    ) -> str:
        return await check((bearer.credentials if bearer else None) or plain or vendors)

    return checked
