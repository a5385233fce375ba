"""Callers that wait briefly, in order, for a place in a full queue.

Without it, a place that becomes free would go to the next caller to arrive: mostly a client that has just received its
response and sends its next job at once. One that retries after `Retry-After` would find the queue full every time.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(eq=False)
class Caller:
    """A waiting caller. owner: of its job. call: called once, when it may enter."""

    owner: str
    call: Callable[[], None]


class Entrance:
    """Callers in the order in which they may enter.

    has_room: returns whether a job of an owner would be accepted now. most: callers of one owner that may wait;
    may be changed.
    """

    def __init__(self, has_room: Callable[[str], bool], most: int) -> None:
        self._has_room, self.most = has_room, most
        self._waiting: list[Caller] = []

    def __len__(self) -> int:
        """Return the number of waiting callers."""
        return len(self._waiting)

    def is_open(self, owner: str) -> bool:
        """Whether a caller may enter at once: there is room, and no caller of the same owner is waiting."""
        return self._has_room(owner) and not self._count(owner)

    def join(self, caller: Caller, *, first: bool = False) -> bool:
        """Add a caller at the end or the front. Returns False if too many are waiting."""
        if self._count(caller.owner) >= self.most:
            return False
        self._waiting.insert(0 if first else len(self._waiting), caller)
        return True

    def leave(self, caller: Caller) -> bool:
        """Remove a caller. Returns whether it was still waiting."""
        if caller not in self._waiting:
            return False
        self._waiting.remove(caller)
        return True

    def call_next(self) -> None:
        """Call the first caller for which there is room. To be called whenever a place becomes free."""
        for caller in self._waiting:
            if self._has_room(caller.owner):
                self._waiting.remove(caller)
                caller.call()
                return

    def _count(self, owner: str) -> int:
        return sum(caller.owner == owner for caller in self._waiting)
