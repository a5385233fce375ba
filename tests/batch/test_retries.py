"""Retries: which failures, how many, and after which pauses. No test waits."""

import asyncio

import pytest

from image_erase.batch.failures import Failure, PictureFailed
from image_erase.batch.remote import LONGEST_SECONDS, MOST_RETRY_AFTER, Retries, Temporary

BUSY = Failure("EXCEEDING_LIMITS", "busy", 429)


class Attempts:
    """Raises the given failures, then returns the number of the attempt. Records the pauses."""

    def __init__(self, *failures: Exception, luck: float = 1.0) -> None:
        """luck: the random share of the longest pause."""
        self.failures, self.luck = failures, luck
        self.made = 0
        self.pauses: list[float] = []

    def run(self, most: int = 5) -> int:
        retries = Retries(most, self._sleep, lambda low, high: low + (high - low) * self.luck)
        return asyncio.run(retries.of(self._attempt))

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def _attempt(self) -> int:
        self.made += 1
        if self.made <= len(self.failures):
            raise self.failures[self.made - 1]
        return self.made


def test_what_goes_well_is_done_once() -> None:
    attempts = Attempts()
    assert (attempts.run(), attempts.pauses) == (1, [])


def test_pauses_double_up_to_a_bound() -> None:
    attempts = Attempts(*[Temporary(BUSY)] * 8)
    assert attempts.run(most=8) == 9
    assert attempts.pauses == [1, 2, 4, 8, 16, LONGEST_SECONDS, LONGEST_SECONDS, LONGEST_SECONDS]


def test_chance_has_the_whole_pause() -> None:
    attempts = Attempts(Temporary(BUSY), Temporary(BUSY), luck=0)
    attempts.run()
    assert attempts.pauses == [0, 0]


def test_what_the_server_asks_for_comes_first_and_is_bounded() -> None:
    attempts = Attempts(Temporary(BUSY, retry_after=7), Temporary(BUSY, retry_after=1e9))
    attempts.run()
    assert attempts.pauses == [7 + 1, MOST_RETRY_AFTER + 2]


@pytest.mark.parametrize("most", [0, 3])
def test_the_last_failure_is_given_with_its_attempts(most: int) -> None:
    attempts = Attempts(*[Temporary(BUSY)] * 10)
    with pytest.raises(PictureFailed) as failed:
        attempts.run(most)
    assert failed.value.failure == BUSY.after(most + 1)
    assert attempts.made == most + 1


def test_what_will_not_pass_is_not_tried_again() -> None:
    attempts = Attempts(Temporary(BUSY), PictureFailed(Failure("FILE_DECODING_FAILURE", "broken", 422)))
    with pytest.raises(PictureFailed) as failed:
        attempts.run()
    assert (failed.value.failure.code, failed.value.failure.attempts) == ("FILE_DECODING_FAILURE", 2)
