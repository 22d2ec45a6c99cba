"""How fast a service may be asked, shared by all threads: so many requests a minute, none before it said to come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Turns:
    """Starts of requests, evenly spaced.

    Args:
        per_minute: requests that may start in a minute.
        clock, sleep: seconds that only grow, and waiting for some.
    """

    def __init__(
        self, per_minute: float, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.gap_s = 60.0 / per_minute
        self.clock, self.sleep = clock, sleep
        self._next = clock()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Take the next turn, and wait until it has come."""
        with self._lock:
            turn = max(self._next, self.clock())
            self._next = turn + self.gap_s
        if (left := turn - self.clock()) > 0:
            self.sleep(left)

    def hold(self, seconds: float) -> None:
        """Let nobody start for so long: the service asked for it."""
        with self._lock:
            self._next = max(self._next, self.clock() + seconds)
