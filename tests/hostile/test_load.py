"""A crowd: `python -m bench.load` with fewer requests."""

from bench.load import crowd

REQUESTS = 300


def test_a_crowd_of_good_bad_and_rude_clients() -> None:
    tally = crowd(REQUESTS, WORKERS="2", QUEUE="8")
    assert not tally.wrong
    assert sum(tally.outcomes.values()) == REQUESTS
    assert tally.waits, "the queue was never full"
    assert len(tally.samples) > 4
