"""The time that filling a picture may take, and how fast this machine is compared with the predictions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

PRIOR = 0.25
"""Seconds of work assumed to have run at the predicted speed, so that the first milliseconds have little weight."""


class LateError(Exception):
    """The time is used up."""


class Budget:
    """Compares the time that is left with the work that remains.

    Work is measured in seconds as predicted for one core of about 3 GHz. As long as there is time for everything at
    the pace so far, nothing here changes the plan, so the result depends on the inputs alone.

    reserved: predicted seconds of work for which time must remain, in addition to the work that is asked about.
    """

    def __init__(self, time_left: Callable[[], float], finishing: float = 0.0) -> None:
        """time_left: returns the seconds that may still be used; every method passes on what it raises.

        finishing: predicted seconds of work that are always left to do at the end.
        """
        self.reserved = 0.0
        self._time_left, self._finishing = time_left, finishing
        self._predicted = self._spent = PRIOR
        self._current = 0.0
        self._began: float | None = None

    @property
    def pace(self) -> float:
        """The ratio of measured to predicted time, at least 1.

        Work in progress is included as soon as it has taken longer than predicted.
        """
        return self._pace_at(self._time_left())

    @property
    def affordable(self) -> float:
        """Predicted seconds of work for which there is time."""
        left = self._time_left()
        return left / self._pace_at(left) - self.reserved - self._finishing

    def affords(self, seconds: float) -> bool:
        """Whether there is time for work that is predicted to take `seconds`."""
        return seconds <= self.affordable

    def check(self) -> None:
        """Raise LateError if no time is left."""
        if self._time_left() <= 0:
            raise LateError

    @contextlib.contextmanager
    def work(self, seconds: float | None) -> Iterator[None]:
        """Measure work that is predicted to take `seconds`; None if there is no prediction, then it is not measured."""
        if seconds is None:
            yield
            return
        self._current, self._began = seconds, self._time_left()
        try:
            yield
        finally:
            self._spent += self._began - self._time_left()
            self._predicted += seconds
            self._began = None

    def _pace_at(self, left: float) -> float:
        before = self._spent / self._predicted
        if self._began is None:
            return max(1.0, before)
        return max(1.0, before, (self._spent + self._began - left) / (self._predicted + self._current))
