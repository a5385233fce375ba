"""Whose job is next, and whose has to go when there is no room: fair queueing over owners.

Every owner's use of the workers is measured in seconds of their time. The next job is one of the owner that has had the
least; an owner that comes, or comes back, starts level with the one whose turn it is, so that it neither makes up for
the time that it was away nor waits for what others had meanwhile (start-time fair queueing: Goyal, Vin and Cheng,
"Start-time Fair Queuing", SIGCOMM 1996).
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

# The share of the newest job in the running mean of how long jobs take.
_NEWEST_SHARE = 0.2
_FIRST_MEAN_SECONDS = 0.5


class Owned(Protocol):
    """What waits for a turn. owner: whose it is."""

    @property
    def owner(self) -> str: ...  # noqa: D102


Item = TypeVar("Item", bound=Owned)


class NoTurn(Exception):
    """All places are taken, and nobody has more of them than the owner that asks."""


@dataclass
class _Owner(Generic[Item]):
    """served: seconds of workers' time that count against it. running: jobs at work."""

    served: float
    waiting: deque[Item] = field(default_factory=deque)
    running: int = 0

    @property
    def places(self) -> int:
        return len(self.waiting) + self.running


class Turns(Generic[Item]):
    """A bounded queue of jobs of many owners. places: how many jobs may wait and run together."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._owners: dict[str, _Owner[Item]] = {}
        self._now = 0.0
        self._charged: dict[int, float] = {}
        #: How long a job takes, in seconds, as the newest did.
        self.mean_seconds = _FIRST_MEAN_SECONDS

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return sum(len(owner.waiting) for owner in self._owners.values())

    @property
    def running(self) -> int:
        """How many jobs are at work."""
        return sum(owner.running for owner in self._owners.values())

    def has_room(self, owner: str) -> bool:
        """Whether `add` would take a job of that owner now."""
        return self.waiting + self.running < self._places or self._heaviest(owner) is not None

    def add(self, item: Item) -> Item | None:
        """Queue a job. Returns the one that has to go for it: the newest of the owner with the most places.

        Raises NoTurn where there is no room and nobody with more places, this one counted, than the owner itself.
        """
        displaced = None
        if self.waiting + self.running >= self._places:
            heaviest = self._heaviest(item.owner)
            if heaviest is None:
                raise NoTurn
            displaced = heaviest.waiting.pop()
        self._owner(item.owner).waiting.append(item)
        return displaced

    def take(self) -> Item | None:
        """Begin the next job; None where none waits."""
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
        """Let a job that `take` has begun wait again, as if it had not been taken."""
        owner = self._owners[item.owner]
        owner.running -= 1
        owner.served -= self._charged.pop(id(item))
        owner.waiting.appendleft(item)

    def finish(self, item: Item, seconds: float, *, is_typical: bool = True) -> None:
        """End a job that `take` has begun. seconds: of a worker's time that it cost.

        is_typical: whether it tells how long jobs take.
        """
        owner = self._owners[item.owner]
        owner.running -= 1
        owner.served += seconds - self._charged.pop(id(item))
        if is_typical:
            self.mean_seconds += _NEWEST_SHARE * (seconds - self.mean_seconds)
        self._forget_idle()

    def withdraw(self, item: Item) -> bool:
        """Take a job out of the queue; whether it was still in it."""
        owner = self._owners.get(item.owner)
        if owner is None or item not in owner.waiting:
            return False
        owner.waiting.remove(item)
        self._forget_idle()
        return True

    def drain(self) -> list[Item]:
        """Take out all jobs that wait."""
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
        """The owner with the most places, if it would still have no fewer than the newcomer with one less."""
        own = self._owners.get(newcomer)
        waiting = [owner for owner in self._owners.values() if owner.waiting and owner is not own]
        heaviest = max(waiting, key=lambda owner: owner.places, default=None)
        return heaviest if heaviest and heaviest.places > (own.places if own else 0) + 1 else None

    def _forget_idle(self) -> None:
        """Forget owners without jobs whose past no longer counts, so that many keys don't add up."""
        if not any(owner.places for owner in self._owners.values()):
            self._owners.clear()
        for name in [name for name, owner in self._owners.items() if not owner.places and owner.served <= self._now]:
            del self._owners[name]
