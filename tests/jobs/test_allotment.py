"""The time of a job that is left for erasing."""

import pytest

from image_erase.jobs.allotment import PER_BYTE, SHARE, left_for_erasing


def test_erasing_ends_early_enough_for_encoding_to_end_in_time() -> None:
    size = 50_000_000
    assert left_for_erasing(lambda: 24.9, 25.0, size)() == pytest.approx(24.9 - (1 - SHARE) * 25 - PER_BYTE * size)


def test_after_slow_decoding_encoding_is_expected_to_be_slow() -> None:
    assert left_for_erasing(lambda: 20.0, 25.0, 1000)() == pytest.approx(20.0 - (1 - SHARE) * 25 - 5.0)


def test_a_job_that_has_waited_shares_out_what_is_left() -> None:
    assert left_for_erasing(lambda: 5.0, 5.0, 0)() == pytest.approx(5.0 * SHARE)
