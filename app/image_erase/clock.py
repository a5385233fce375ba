"""The one place where wall-clock time enters, so that a test can stand 24 hours later."""

import time
from collections.abc import Callable

#: Returns seconds since the Unix epoch, UTC.
Clock = Callable[[], float]

system_clock: Clock = time.time
