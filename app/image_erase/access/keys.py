"""Check API keys: those that the operator has set, and those that are switched off."""

import hmac
from collections.abc import Iterable

from image_erase.access.key_file import KeyFile, digest
from image_erase.contract.endpoints import HEADER
from image_erase.contract.errors import ApiError, Code


class Keys:
    """Checks the keys that requests present."""

    def __init__(self, keys: Iterable[str], file: KeyFile | None = None) -> None:
        self._fixed = {digest(key.encode()): True for key in keys}
        self._file = file

    def check(self, presented: str | None) -> str:
        """Return a name for the key that does not reveal it. Raises ApiError unless the key is valid.

        Every known key is compared in constant time, and none is skipped, so that the duration reveals nothing.
        """
        if not presented or not presented.strip():
            raise ApiError(Code.ERROR_USER_NOT_EXISTS, f"{HEADER}: Cannot be empty.")
        found = digest(presented.strip(" \t").encode("latin-1"))  # the bytes of the header
        matches = [active for known, active in self._entries().items() if hmac.compare_digest(known, found)]
        if not matches:
            raise ApiError(Code.ERROR_APPLICATIONS_NOT_EXISTS, f"{HEADER}: This server does not know the key.")
        if not matches[0]:
            raise ApiError(Code.ERROR_USER_LOCKED, f"{HEADER}: The key has been switched off.")
        return found.hex()

    def replace(self, others: "Keys") -> None:
        """Accept other keys instead, from the next call on. The same file is followed as before."""
        self._fixed = others._fixed
        if not (self._file and others._file and self._file.path == others._file.path):
            self._file = others._file

    def _entries(self) -> dict[bytes, bool]:
        return self._fixed | self._file.entries() if self._file else self._fixed
