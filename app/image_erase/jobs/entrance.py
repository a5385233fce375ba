"""Where callers wait a moment for a place in a full queue, in order.

Without it, a place that becomes free goes to whoever happens to ask next: mostly a client that has just got its answer
and sends its next job at once. One that comes back after `Retry-After` would find the queue full again and again.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(eq=False)
class Caller:
    """Who waits. owner: whose job it has. call: called once, when it may enter."""

    owner: str
    call: Callable[[], None]


class Entrance:
    """Callers in the order in which they may enter.

    has_room: whether a job of that owner would be taken now. most: how many callers of one owner may wait.
    """

    def __init__(self, has_room: Callable[[str], bool], most: int) -> None:
        self._has_room, self._most = has_room, most
        self._waiting: list[Caller] = []

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def is_open(self, owner: str) -> bool:
        """Whether a caller may enter at once: there is room, and no other with the same owner waits for it."""
        return self._has_room(owner) and not self._count(owner)

    def join(self, caller: Caller, *, first: bool = False) -> bool:
        """Let a caller wait, behind all others or before them. Returns whether that many may wait."""
        if self._count(caller.owner) >= self._most:
            return False
        self._waiting.insert(0 if first else len(self._waiting), caller)
        return True

    def leave(self, caller: Caller) -> bool:
        """Let a caller wait no longer. Returns whether it still did."""
        if caller not in self._waiting:
            return False
        self._waiting.remove(caller)
        return True

    def let_in(self) -> None:
        """Call the first that has room, if any. To be called whenever a place has become free."""
        for caller in self._waiting:
            if self._has_room(caller.owner):
                self._waiting.remove(caller)
                caller.call()
                return

    def _count(self, owner: str) -> int:
        return sum(caller.owner == owner for caller in self._waiting)
