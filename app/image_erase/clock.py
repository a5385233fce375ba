"""The only source of wall-clock time, so that tests can move it."""

import time
from collections.abc import Callable

#: Returns seconds since the Unix epoch, UTC.
Clock = Callable[[], float]

system_clock: Clock = time.time
