"""A fair queue: which owner's job is next, and whose job is removed if the queue is full.

Every owner's use of the workers is measured in seconds. The next job is one of the owner with the least use. An owner
without jobs starts again at the use of the owner whose turn it is, so that idle time is neither credited nor charged
(start-time fair queueing: Goyal, Vin and Cheng, "Start-time Fair Queuing", SIGCOMM 1996).
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

# Weight of the newest job in the running mean of durations.
_NEWEST_SHARE = 0.2
_FIRST_MEAN_SECONDS = 0.5


class Owned(Protocol):
    """An item of the queue. owner: to whom it belongs."""

    @property
    def owner(self) -> str: ...  # noqa: D102


Item = TypeVar("Item", bound=Owned)


class NoTurn(Exception):
    """The queue is full, and no owner has more jobs in it than this one."""


@dataclass
class _Owner(Generic[Item]):
    """served: seconds of workers' time charged to it. running: number of its running jobs."""

    served: float
    waiting: deque[Item] = field(default_factory=deque)
    running: int = 0

    @property
    def places(self) -> int:
        return len(self.waiting) + self.running


class Turns(Generic[Item]):
    """A bounded queue of jobs of many owners. places: maximum number of waiting and running jobs; may be changed."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._owners: dict[str, _Owner[Item]] = {}
        self._now = 0.0
        self._charged: dict[int, float] = {}
        #: Running mean of the duration of jobs, in seconds.
        self.mean_seconds = _FIRST_MEAN_SECONDS

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return sum(len(owner.waiting) for owner in self._owners.values())

    @property
    def running(self) -> int:
        """How many jobs are running."""
        return sum(owner.running for owner in self._owners.values())

    def has_room(self, owner: str) -> bool:
        """Whether `add` would take a job of that owner now."""
        return self.waiting + self.running < self.places or self._heaviest(owner) is not None

    def add(self, item: Item) -> Item | None:
        """Queue a job. Returns the job that was removed for it: the newest of the owner with the most jobs.

        Raises NoTurn if the queue is full and no owner has more jobs than this one, including the new job.
        """
        displaced = None
        if self.waiting + self.running >= self.places:
            heaviest = self._heaviest(item.owner)
            if heaviest is None:
                raise NoTurn
            displaced = heaviest.waiting.pop()
        self._owner(item.owner).waiting.append(item)
        return displaced

    def take(self) -> Item | None:
        """Start the next job; None if no job waits."""
        waiting = [owner for owner in self._owners.values() if owner.waiting]
        if not waiting:
            return None
        chosen = min(waiting, key=lambda owner: (owner.served, owner.running))
        self._now = max(self._now, chosen.served)
        item = chosen.waiting.popleft()
        self._charged[id(item)] = self.mean_seconds
        chosen.served += self.mean_seconds
        chosen.running += 1
        return item

    def put_back(self, item: Item) -> None:
        """Return a job that `take` has started to its place in the queue."""
        owner = self._owners[item.owner]
        owner.running -= 1
        owner.served -= self._charged.pop(id(item))
        owner.waiting.appendleft(item)

    def finish(self, item: Item, seconds: float, *, is_typical: bool = True) -> None:
        """End a job that `take` has started. seconds: its use of a worker.

        is_typical: whether it counts for the mean duration of jobs.
        """
        owner = self._owners[item.owner]
        owner.running -= 1
        owner.served += seconds - self._charged.pop(id(item))
        if is_typical:
            self.mean_seconds += _NEWEST_SHARE * (seconds - self.mean_seconds)
        self._forget_idle()

    def withdraw(self, item: Item) -> bool:
        """Remove a job from the queue. Returns whether it was still in it."""
        owner = self._owners.get(item.owner)
        if owner is None or item not in owner.waiting:
            return False
        owner.waiting.remove(item)
        self._forget_idle()
        return True

    def drain(self) -> list[Item]:
        """Remove and return all waiting jobs."""
        items = [item for owner in self._owners.values() for item in owner.waiting]
        for item in items:
            self.withdraw(item)
        return items

    def _owner(self, name: str) -> _Owner[Item]:
        owner = self._owners.setdefault(name, _Owner(self._now))
        if not owner.places:
            owner.served = max(owner.served, self._now)
        return owner

    def _heaviest(self, newcomer: str) -> _Owner[Item] | None:
        """Return the owner with the most jobs, if it would have no fewer than the new job's owner after losing one."""
        own = self._owners.get(newcomer)
        waiting = [owner for owner in self._owners.values() if owner.waiting and owner is not own]
        heaviest = max(waiting, key=lambda owner: owner.places, default=None)
        return heaviest if heaviest and heaviest.places > (own.places if own else 0) + 1 else None

    def _forget_idle(self) -> None:
        """Delete owners without jobs whose use no longer matters, so that many keys do not fill the memory."""
        if not any(owner.places for owner in self._owners.values()):
            self._owners.clear()
        for name in [name for name, owner in self._owners.items() if not owner.places and owner.served <= self._now]:
            del self._owners[name]
