"""What can go wrong with a store, as a whole and with a single entry of it."""

from collections import Counter

# Examples in a message; one kind of failure mostly has one cause.
_EXAMPLES = 3


class StoreError(Exception):
    """The store does not do what it was asked. The message is for the log, not for clients."""


class StoreFull(StoreError):
    """There is no room left."""


class ResultMissing(Exception):
    """There is no such result, or there is none any more."""


class EntriesFailed(StoreError):
    """Some entries failed; all others were dealt with."""


class Failures:
    """Collects what fails entry by entry, so that the others are dealt with and one message tells of all."""

    def __init__(self) -> None:
        self._reasons: Counter[str] = Counter()
        self._examples: dict[str, str] = {}

    def add(self, entry: str, error: Exception) -> None:
        """Take note that an entry failed."""
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        self._reasons[reason] += 1
        self._examples.setdefault(reason, entry)

    def raise_any(self) -> None:
        """Raise EntriesFailed with the commonest reasons, where something has failed."""
        if not self._reasons:
            return
        said = (
            f"{self._examples[reason]!a}: {reason} ({count})" for reason, count in self._reasons.most_common(_EXAMPLES)
        )
        raise EntriesFailed(f"{self._reasons.total()} left, such as {'; '.join(said)}")
