"""Waiting for a place in a full queue: the order, and that clients that return after Retry-After get a place soon."""

import heapq
import itertools
import math
import random
from collections import Counter
from dataclasses import dataclass

import pytest

from image_erase.jobs.entrance import Caller, Entrance
from image_erase.jobs.turns import NoTurn, Turns


class Door:
    """An entrance whose room is set by the test. entered: who was called, in order."""

    def __init__(self, most: int = 10) -> None:
        self.room: Counter[str] = Counter()
        self.entrance = Entrance(lambda owner: self.room[owner] > 0, most)
        self.entered: list[str] = []

    def caller(self, name: str) -> Caller:
        """name: its owner is the first letter."""
        return Caller(name[0], lambda: self.entered.append(name))


def test_one_is_called_at_a_time_and_whoever_came_first_is_first() -> None:
    door = Door()
    for name in ("a1", "a2", "b1"):
        assert door.entrance.join(door.caller(name))
    door.entrance.call_next()
    assert not door.entered
    door.room.update("ab")
    for expected in (["a1"], ["a1", "a2"], ["a1", "a2", "b1"], ["a1", "a2", "b1"]):
        door.entrance.call_next()
        assert door.entered == expected


def test_an_owner_without_room_keeps_no_other_waiting() -> None:
    door = Door()
    door.entrance.join(door.caller("a1"))
    door.room["b"] = 1
    assert door.entrance.is_open("b")
    door.entrance.join(door.caller("b1"))
    door.entrance.call_next()
    assert door.entered == ["b1"]


def test_a_newcomer_does_not_pass_those_who_wait() -> None:
    door = Door()
    door.entrance.join(door.caller("a1"))
    door.room["a"] = 1
    assert not door.entrance.is_open("a")


def test_one_that_was_in_already_waits_before_the_others() -> None:
    door = Door()
    door.entrance.join(door.caller("a1"))
    door.entrance.join(door.caller("a2"), first=True)
    door.room["a"] = 1
    door.entrance.call_next()
    assert door.entered == ["a2"]


def test_so_many_of_one_owner_may_wait() -> None:
    door = Door(most=2)
    callers = [door.caller(f"a{number}") for number in range(3)]
    assert [door.entrance.join(caller) for caller in callers] == [True, True, False]
    assert door.entrance.join(door.caller("b1"))
    assert door.entrance.leave(callers[0])
    assert not door.entrance.leave(callers[0])
    assert door.entrance.join(callers[2])
    assert len(door.entrance) == 3


@dataclass(eq=False)
class Job:
    owner: str
    seconds: float
    tries: int = 0


class Crowd:
    """Clients in simulated time: each sends its next job as soon as the last is done, and waits when told to.

    patience: seconds at the entrance.
    """

    def __init__(self, clients: int, seconds: float, patience: float, workers: int = 2, queue: int = 32) -> None:
        self.turns: Turns[Job] = Turns(workers + queue)
        self.entrance = Entrance(self.turns.has_room, workers + queue)
        self.idle, self.patience, self.workers = workers, patience, workers
        self.random, self.count, self.now = random.Random(clients), itertools.count(), 0.0
        self.mean, self.tries = seconds, list[int]()
        self.events: list[tuple[float, int, str, Job, Caller | None]] = []
        for number in range(clients):
            self.at(0, "arrives", self.job("ab"[number % 2]))

    def job(self, owner: str) -> Job:
        return Job(owner, self.random.choice([0.5, 1.0, 1.5]) * self.mean)

    def at(self, seconds: float, what: str, job: Job, caller: Caller | None = None) -> None:
        late = self.random.uniform(0, 0.01)
        heapq.heappush(self.events, (self.now + seconds + late, next(self.count), what, job, caller))

    def run(self, jobs: int) -> int:
        """Returns the most tries that any job took, those under way counted."""
        while len(self.tries) < jobs:
            self.now, _, what, job, caller = heapq.heappop(self.events)
            getattr(self, what)(job, caller)
            while self.idle and (begun := self.turns.take()):
                self.idle -= 1
                self.at(begun.seconds, "ends", begun)
        return max(self.tries + [job.tries for _, _, _, job, _ in self.events])

    def arrives(self, job: Job, _: Caller | None) -> None:
        job.tries += 1
        if self.entrance.is_open(job.owner):
            self.enters(job)
            return
        caller = Caller(job.owner, lambda: self.enters(job))
        if self.patience and self.entrance.join(caller):
            self.at(self.patience, "is_refused", job, caller)
        else:
            self.is_refused(job, None)

    def enters(self, job: Job) -> None:
        try:
            displaced = self.turns.add(job)
        except NoTurn:
            displaced = job
        if displaced:
            self.is_refused(displaced, None)

    def is_refused(self, job: Job, caller: Caller | None) -> None:
        if caller and not self.entrance.leave(caller):
            return
        jobs = self.turns.waiting + self.turns.running + len(self.entrance)
        self.at(max(1, math.ceil(self.turns.mean_seconds * jobs / self.workers)), "arrives", job)

    def ends(self, job: Job, _: Caller | None) -> None:
        self.idle += 1
        self.turns.finish(job, job.seconds)
        self.tries.append(job.tries)
        self.entrance.call_next()
        self.at(0, "arrives", self.job(job.owner))


@pytest.mark.parametrize(("seconds", "patience"), [(0.03, 0.25), (0.1, 0.25), (0.5, 0.5), (1.5, 1.5)])
def test_nobody_who_comes_back_when_told_to_is_left_out_for_long(seconds: float, patience: float) -> None:
    assert Crowd(64, seconds, patience).run(4000) <= 25


def test_without_waiting_somebody_is() -> None:
    """The crowd of these tests is one in which that matters."""
    assert Crowd(64, 0.5, 0.0).run(4000) > 60
