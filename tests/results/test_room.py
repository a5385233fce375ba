"""The space that results take: it is counted, limited, and logged before it runs out."""

import logging
from contextlib import suppress

import pytest

from image_erase.results.failures import StoreFull
from image_erase.results.room import RESERVE_BYTES, Disk, Room

MIB = 1024 * 1024


def put(room: Room, size: int) -> None:
    room.take(size)
    room.written(size)


def test_refuses_what_does_not_fit_into_the_limit() -> None:
    room = Room(100)
    put(room, 60)
    with pytest.raises(StoreFull):
        room.take(41)
    put(room, 40)
    assert room.used == 100
    with pytest.raises(StoreFull):
        room.refuse_when_full()
    room.give_back(60)
    room.refuse_when_full()
    put(room, 60)


def test_counts_without_a_limit() -> None:
    room = Room()
    put(room, 10**15)
    room.refuse_when_full()
    assert room.fullness == 0


def test_a_count_knows_what_changed_meanwhile() -> None:
    room = Room(1000)
    put(room, 1)
    with room.counting() as count:
        put(room, 30)
        count.total += 500
        room.give_back(10)
    assert room.used == 520


def test_a_count_that_fails_changes_nothing() -> None:
    room = Room()
    put(room, 7)
    with suppress(ValueError), room.counting() as count:
        count.total = 1
        raise ValueError
    assert room.used == 7


@pytest.mark.parametrize(
    ("disk", "reserve"),
    [(Disk(900 * MIB, 100 * MIB), 50 * MIB), (Disk(10**12, 10**12), RESERVE_BYTES), (Disk(0, 0), 0)],
)
def test_the_reserve_fits_the_disk(disk: Disk, reserve: int) -> None:
    assert disk.reserve == reserve


def test_leaves_the_reserve_of_the_disk() -> None:
    room = Room()
    room.see(Disk(51 * MIB, 949 * MIB))
    room.take(MIB - 1)
    room.refuse_on_full_disk()
    room.take(1)
    with pytest.raises(StoreFull):
        room.refuse_on_full_disk()
    room.written(MIB)
    room.refuse_on_full_disk()
    room.see(Disk(50 * MIB, 950 * MIB))
    with pytest.raises(StoreFull):
        room.refuse_when_full()
    assert room.fullness >= 1


def levels(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    said = [(record.levelno, record.full) for record in caplog.records]  # type: ignore[attr-defined]
    caplog.clear()
    return said


def test_warns_once_for_each_level_until_it_is_emptier(caplog: pytest.LogCaptureFixture) -> None:
    room = Room(100)
    put(room, 79)
    assert levels(caplog) == []
    for _ in range(10):
        put(room, 1)
        room.give_back(1)
        put(room, 1)
        room.give_back(1)
    put(room, 1)
    assert levels(caplog) == [(logging.WARNING, "80%")]
    put(room, 15)
    assert levels(caplog) == [(logging.WARNING, "95%")]
    for _ in range(3):
        with pytest.raises(StoreFull):
            room.take(6)
    assert levels(caplog) == [(logging.ERROR, "95%")]
    room.give_back(60)
    assert levels(caplog) == []
    put(room, 45)
    assert levels(caplog) == [(logging.WARNING, "80%")]


def test_warns_of_a_disk_that_others_fill(caplog: pytest.LogCaptureFixture) -> None:
    room = Room()
    for used in (70, 85, 86, 95, 99):
        room.see(Disk((100 - used) * MIB, used * MIB))
    assert [level for level, _ in levels(caplog)] == [logging.WARNING, logging.WARNING]
