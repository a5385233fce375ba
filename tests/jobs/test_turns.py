"""Fair queueing with simulated workers: whose job is next, and whose is removed if the queue is full."""

import heapq
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_erase.jobs.turns import NoTurn, Turns


@dataclass(eq=False)
class Job:
    owner: str
    seconds: float = 1.0


def taken(turns: Turns[Job], count: int) -> str:
    """The owners of the next jobs, none of which is finished."""
    return "".join(job.owner for _ in range(count) if (job := turns.take()))


def filled(owners: str, places: int = 100) -> Turns[Job]:
    turns: Turns[Job] = Turns(places)
    for owner in owners:
        turns.add(Job(owner))
    return turns


def served(demand: Mapping[str, tuple[int, float]], workers: int, seconds: float, places: int = 80) -> dict[str, float]:
    """Seconds of work that each owner got by then. demand: owner -> its clients, and how long its jobs take.

    Every client sends its next job as soon as the last is done, and at once again when it is turned away.
    """
    turns: Turns[Job] = Turns(places)
    work: dict[str, float] = defaultdict(float)
    running: list[tuple[float, int, Job]] = []
    now, number = 0.0, 0
    absent = [Job(owner, length) for owner, (clients, length) in demand.items() for _ in range(clients)]
    while now < seconds:
        pending, absent = absent, []
        for job in pending:
            try:
                displaced = turns.add(Job(job.owner, job.seconds))
            except NoTurn:
                absent.append(job)
            else:
                absent += [displaced] if displaced else []
        while len(running) < workers and (taken := turns.take()):
            number += 1
            heapq.heappush(running, (now + taken.seconds, number, taken))
        now, _, job = heapq.heappop(running)
        turns.finish(job, job.seconds)
        work[job.owner] += job.seconds
        absent.append(job)
    return work


def test_of_one_owner_in_order() -> None:
    turns: Turns[Job] = Turns(9)
    jobs = [Job("a") for _ in range(5)]
    for job in jobs:
        assert turns.add(job) is None
    assert [turns.take() for _ in range(6)] == [*jobs, None]


def test_owners_take_turns() -> None:
    assert taken(filled("aaaabb"), 6) == "ababaa"


def test_one_that_comes_later_is_next_but_makes_up_for_nothing() -> None:
    turns = filled("a" * 30)
    for _ in range(10):
        job = turns.take()
        assert job
        turns.finish(job, 1.0)
    for _ in range(10):
        turns.add(Job("b"))
    order = taken(turns, 8)
    assert order.startswith("b")
    assert 4 <= order.count("b") <= 5


def test_long_jobs_count_for_what_they_take() -> None:
    work = served({"long": (10, 8.0), "short": (10, 1.0)}, workers=2, seconds=800)
    assert 0.8 < work["long"] / work["short"] < 1.25


def test_sixty_four_connections_of_one_key_against_one_of_another() -> None:
    """Whoever has one connection waits for a job that is at work, never for the queue."""
    work = served({"many": (64, 1.0), "one": (1, 1.0)}, workers=2, seconds=400, places=34)
    assert work["one"] > 0.4 * 400


def test_a_full_queue_turns_away_the_newest_of_whoever_has_most() -> None:
    turns: Turns[Job] = Turns(4)
    first, second, newest = Job("a"), Job("a"), Job("a")
    for job in (first, second, Job("b"), newest):
        turns.add(job)
    with pytest.raises(NoTurn):
        turns.add(Job("a"))
    assert not turns.has_room("a")
    assert turns.has_room("c")
    assert turns.add(Job("c")) is newest
    with pytest.raises(NoTurn):  # no owner would have more than the newcomer
        turns.add(Job("c"))
    assert not turns.has_room("b")


def test_jobs_at_work_are_never_turned_away() -> None:
    turns: Turns[Job] = Turns(2)
    turns.add(Job("a"))
    turns.add(Job("a"))
    assert taken(turns, 2) == "aa"
    with pytest.raises(NoTurn):
        turns.add(Job("b"))


def test_a_job_that_is_put_back_is_next() -> None:
    turns = filled("aab")
    job = turns.take()
    assert job
    turns.put_back(job)
    assert (turns.waiting, turns.running) == (3, 0)
    assert turns.take() is job


def test_one_that_is_withdrawn_waits_no_longer() -> None:
    turns = filled("a")
    job = Job("b")
    turns.add(job)
    assert turns.withdraw(job)
    assert not turns.withdraw(job)
    assert taken(turns, 2) == "a"


def test_owners_without_jobs_are_forgotten() -> None:
    turns: Turns[Job] = Turns(5)
    for number in range(1000):
        turns.add(Job(str(number)))
        job = turns.take()
        assert job
        turns.finish(job, 1.0)
    assert not turns._owners


@settings(max_examples=20, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from("abcde"),
        st.tuples(st.integers(8, 40), st.sampled_from([0.5, 1.0, 3.0])),
        min_size=2,
        max_size=3,
    ),
    st.integers(1, 4),
)
def test_owners_that_always_want_more_get_the_same_within_a_factor_of_two(
    demand: dict[str, tuple[int, float]], workers: int
) -> None:
    work = served(demand, workers, seconds=120, places=workers + 32)
    assert max(work.values()) < 2 * min(work[owner] for owner in demand)
