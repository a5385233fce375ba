"""Failures of a store as a whole, and of single entries."""

from collections import Counter

# Number of reasons in a message; most failures have the same cause.
_EXAMPLES = 3


class StoreError(Exception):
    """An operation of the store failed. The message is for the log, not for clients."""


class StoreFull(StoreError):
    """There is no room left."""


class ResultMissing(Exception):
    """The result does not exist, or no longer exists."""


class EntriesFailed(StoreError):
    """Some entries failed; all others were processed."""


class Failures:
    """Collects the failures of single entries, so that the others are processed and one message reports all."""

    def __init__(self) -> None:
        self._reasons: Counter[str] = Counter()
        self._examples: dict[str, str] = {}

    def add(self, entry: str, error: Exception) -> None:
        """Record that an entry failed."""
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        self._reasons[reason] += 1
        self._examples.setdefault(reason, entry)

    def raise_any(self) -> None:
        """Raise EntriesFailed with the most common reasons, if any entry failed."""
        if not self._reasons:
            return
        said = (
            f"{self._examples[reason]!a}: {reason} ({count})" for reason, count in self._reasons.most_common(_EXAMPLES)
        )
        raise EntriesFailed(f"{self._reasons.total()} left, such as {'; '.join(said)}")
