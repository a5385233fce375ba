"""What erases: the workers of this machine, or a server."""

from types import TracebackType
from typing import Protocol, Self


class PictureEraser(Protocol):
    """Erases from one picture after the other, several at a time, between entering and leaving it."""

    async def __aenter__(self) -> Self:
        """Get ready. Raises EraserFailed."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give up what is still under way."""

    async def erase(self, image: bytes, mask: bytes) -> bytes:
        """The file of the image without what the mask paints white. Raises PictureFailed."""
