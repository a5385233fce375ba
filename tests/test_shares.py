"""Memory shared by keys: the largest holder yields."""

from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_erase.shares import Holding, NoRoom, Shares


def held(shares: Shares, owner: str, size: int, evicted: list[str] | None = None) -> Holding:
    holding = shares.open(owner, None if evicted is None else lambda: evicted.append(owner))
    holding.grow(size)
    return holding


def test_one_owner_may_hold_all() -> None:
    shares = Shares(10)
    held(shares, "a", 6)
    held(shares, "a", 4)
    with pytest.raises(NoRoom):
        held(shares, "a", 1)
    assert not shares.has_room("a")


def test_what_is_given_back_is_free() -> None:
    shares = Shares(10)
    with shares.open("a") as holding:
        holding.grow(10)
    assert shares.held == 0
    held(shares, "b", 10)


def test_the_newest_of_whoever_holds_most_gives_way_until_nobody_holds_more() -> None:
    shares, evicted = Shares(10), list[str]()
    for size in (4, 3, 3):
        held(shares, "a", size, evicted)
    assert shares.has_room("b", 5)
    newcomer = held(shares, "b", 3, evicted)
    assert (evicted, shares.held) == (["a"], 10)
    newcomer.grow(2)
    assert (evicted, shares.held) == (["a", "a"], 9)
    with pytest.raises(NoRoom):  # a holds 4, b would hold 7
        newcomer.grow(2)


def test_what_cannot_be_evicted_stays() -> None:
    shares = Shares(10)
    held(shares, "a", 10)
    assert not shares.has_room("b")
    with pytest.raises(NoRoom):
        held(shares, "b", 1)


def test_what_is_larger_than_all_goes_alone() -> None:
    shares = Shares(10)
    assert shares.has_room("a", 100)
    held(shares, "a", 100, [])
    with pytest.raises(NoRoom):
        held(shares, "a", 1)


def test_holding_nothing_takes_nothing_from_anybody() -> None:
    shares, evicted = Shares(10), list[str]()
    for _ in range(1000):
        held(shares, "a", 0, evicted)
    held(shares, "b", 10, evicted)
    assert not evicted


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=60))
def test_never_more_than_there_is_and_nobody_below_a_share_is_evicted(requests: list[tuple[str, int]]) -> None:
    shares, share = Shares(30), 30 // 3
    totals: dict[str, int] = dict.fromkeys("abc", 0)

    def evict(holding: list[Holding]) -> None:
        assert totals[holding[0].owner] > share
        totals[holding[0].owner] -= holding[0].size

    for owner, size in requests:
        itself: list[Holding] = []
        holding = shares.open(owner, partial(evict, itself))
        itself.append(holding)
        try:
            holding.grow(size)
            totals[owner] += size
        except NoRoom:
            holding.close()
            assert totals[owner] + size > share
        assert shares.held == sum(totals.values()) <= 30
