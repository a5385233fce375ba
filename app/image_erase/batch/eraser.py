"""Interface of what erases: the workers of this machine, or a server."""

from types import TracebackType
from typing import Protocol, Self


class PictureEraser(Protocol):
    """Erases from images, several in parallel, while its context is entered."""

    async def __aenter__(self) -> Self:
        """Start. Raises EraserFailed."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Abort what is still in progress."""

    async def erase(self, image: bytes, mask: bytes) -> bytes:
        """Return the image file without what the mask paints white. Raises PictureFailed."""
