"""The load test `python -m bench.load` with fewer requests.

That both keys get their share is tested in tests/jobs/test_turns.py: in a few seconds on a busy machine the clients
wait for a processor rather than for a worker.
"""

from bench.load import crowd

REQUESTS = 240


def test_a_crowd_of_good_bad_and_rude_clients_with_two_keys() -> None:
    tally = crowd(REQUESTS, fair_seconds=0.0, workers=2, QUEUE="8", ENGINE="opencv")
    assert not tally.wrong
    assert sum(tally.outcomes.values()) == REQUESTS
    assert tally.waits, "the queue was never full"
    assert any(outcome.startswith("left a large job") for outcome in tally.outcomes)
    assert len(tally.samples) > 4
