"""Make and verify the signed URL paths of results. This module does not access any files.

The vendor's shape is https://host/<group>/<operation>/<YYYY-MM-DD>/<HHMMSS>-<uuid>-<unix seconds>.<suffix>. Clients
use the last segment as a file name and a query is not allowed, so expiry and signature replace the operation.
"""

import base64
import hmac
import re
from collections.abc import Sequence

from image_erase.clock import Clock
from image_erase.results.names import ResultName

PREFIX = "results"
_TOKEN = re.compile(r"([0-9]{10,11})-([A-Za-z0-9_-]{43})")


class LinkAltered(Exception):
    """The link was not signed by this server, or was altered."""


class LinkExpired(Exception):
    """The link has expired."""


class Links:
    """Makes and verifies links.

    keys: secrets; the first signs, all verify, so that they can be rotated without breaking links in use.
    """

    def __init__(self, keys: Sequence[str], clock: Clock) -> None:
        self.replace(keys)
        self._clock = clock

    def replace(self, keys: Sequence[str]) -> None:
        """Use other keys from now on."""
        if not keys:
            raise ValueError("at least one signing key is needed")
        self._keys = [key.encode() for key in keys]

    def path(self, name: ResultName) -> str:
        """Return the URL path of a result, with a leading slash."""
        token = f"{name.expires}-{self._signature(self._keys[0], name.expires, name.date, name.file)}"
        return f"/{PREFIX}/{token}/{name.date}/{name.file}"

    def verify(self, token: str, date: str, file: str) -> ResultName:
        """Return the result name that a link's segments contain. Raises LinkAltered or LinkExpired."""
        match = _TOKEN.fullmatch(token)
        if not match:
            raise LinkAltered
        expires = int(match[1])
        name = ResultName.from_file(file, expires)
        if not self._signed(match[2], match[1], date, file) or name is None or name.date != date:
            raise LinkAltered
        if self._clock() >= expires:
            raise LinkExpired
        return name

    def seconds_left(self, name: ResultName) -> int:
        """Remaining validity of the link, in seconds."""
        return max(0, int(name.expires - self._clock()))

    def _signed(self, signature: str, expires: str, date: str, file: str) -> bool:
        matches = [hmac.compare_digest(self._signature(key, expires, date, file), signature) for key in self._keys]
        return any(matches)

    @staticmethod
    def _signature(key: bytes, expires: int | str, date: str, file: str) -> str:
        message = f"{expires}/{date}/{file}".encode("utf-8", "surrogatepass")
        return base64.urlsafe_b64encode(hmac.digest(key, message, "sha256")).rstrip(b"=").decode()
