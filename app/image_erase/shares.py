"""A limited amount of memory shared fairly among API keys: the largest holder is evicted when another needs some."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

Evict = Callable[[], None]


class NoRoom(Exception):
    """Nothing is free, and no owner holds more than the one that requests memory."""


class Shares:
    """Counts the bytes that owners hold of a limited amount.

    One owner may hold all of it while no other needs any. When another does, the newest holding of the largest owner
    is evicted until there is room, or until no owner holds more than the one that requests it. A holding larger than
    the whole amount is allowed if it is the only one.

    capacity: the amount; it may be changed, which evicts nothing by itself.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._holdings: dict[Holding, None] = {}  # oldest first

    @property
    def held(self) -> int:
        """The number of bytes held in total."""
        return sum(holding.size for holding in self._holdings)

    def has_room(self, owner: str, size: int = 1) -> bool:
        """Whether a new holding of that owner could grow to that size now."""
        held = self.held
        return not held or held + size <= self.capacity or self._heaviest(owner, size) is not None

    def open(self, owner: str, evict: Evict | None = None) -> "Holding":
        """Return an empty holding. evict: called to end it for another owner; None if it cannot be evicted."""
        holding = Holding(self, owner, evict)
        self._holdings[holding] = None
        return holding

    def _grow(self, holding: "Holding", size: int) -> None:
        while self.held + size > self.capacity and self.held > holding.size:
            heaviest = self._heaviest(holding.owner, size)
            if heaviest is None:
                raise NoRoom
            self._close(heaviest)
            assert heaviest.evict
            heaviest.evict()
        holding.size += size

    def _heaviest(self, owner: str, size: int) -> "Holding | None":
        """Return the newest evictable holding of the largest owner, if that holds more than the other would."""
        totals: dict[str, int] = {}
        newest: dict[str, Holding] = {}
        for holding in self._holdings:
            totals[holding.owner] = totals.get(holding.owner, 0) + holding.size
            if holding.size and holding.evict:
                newest[holding.owner] = holding
        heaviest = max(newest, key=totals.__getitem__, default=owner)
        return newest[heaviest] if heaviest != owner and totals[heaviest] > totals.get(owner, 0) + size else None

    def _close(self, holding: "Holding") -> None:
        self._holdings.pop(holding, None)


class Holding:
    """The bytes held by one request. A context manager that releases them at its end."""

    def __init__(self, shares: Shares, owner: str, evict: Evict | None) -> None:
        self._shares, self.owner, self.evict, self.size = shares, owner, evict, 0

    def grow(self, size: int) -> None:
        """Hold more bytes. Raises NoRoom."""
        self._shares._grow(self, size)

    def shrink(self, size: int) -> None:
        """Hold fewer bytes."""
        self.size -= size

    def close(self) -> None:
        """Release all bytes."""
        self._shares._close(self)

    def __enter__(self) -> Self:
        """Release the bytes at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release all bytes."""
        self.close()
