"""Limit the time that parsing takes in one iteration of the event loop."""

import asyncio
import time
from collections import deque
from typing import Protocol

# The longest delay that parsing causes for everything else in the event loop.
BUDGET_SECONDS = 0.002


class Parsing(Protocol):
    """A connection with bytes to parse."""

    def parse_slice(self) -> bool:
        """Parse a few bytes. Returns whether more can be parsed immediately."""


class Turns:
    """Schedules parsing: connections take turns, slice by slice, within a budget per iteration of the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Parsing] = deque()
        self._spent = 0.0
        self._scheduled = False

    def request(self, connection: Parsing) -> None:
        """Let the connection parse: now if the budget allows, otherwise when it is its turn."""
        if connection in self._waiting:
            return
        self._waiting.append(connection)
        if not self._scheduled:
            self._work()

    def _next_turn(self) -> None:
        self._scheduled = False
        self._spent = 0.0
        self._work()

    def _work(self) -> None:
        while self._waiting and self._spent < BUDGET_SECONDS:
            connection = self._waiting.popleft()
            started = time.perf_counter()
            if connection.parse_slice():
                self._waiting.append(connection)
            self._spent += time.perf_counter() - started
        if (self._waiting or self._spent) and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._next_turn)
