"""How many rows are worth computing together, learnt from the batches themselves.

A batch of n rows takes about a + b·n seconds: a is what a call costs (threads, dispatch, padding), b what a row costs. More
rows together only help until a is small beside b·n; beyond that everyone merely waits longer. A linear model has a ≫ b and
wants large batches; a transformer on a processor has b ≫ a and is as fast row by row, at a fraction of the latency.
"""

from __future__ import annotations

from math import ceil

FIXED_SHARE = 0.08
"""Of a batch's time, how much may go to a before more rows are taken together."""
EXPLORE_EVERY = 16
"""Every so many batches twice as many rows are allowed, so that the estimate never rests on one size."""
_DECAY = 0.97


class Pace:
    """Exponentially forgetting least squares of seconds on rows.

    Args:
        max_batch: the size never to exceed.
    """

    def __init__(self, max_batch: int) -> None:
        self.max_batch = max_batch
        self._cap = max_batch
        self._batches = 0
        self._weight = self._rows = self._squares = self._seconds = self._products = 0.0

    def observe(self, rows: int, seconds: float) -> None:
        """Learn from one batch."""
        self._weight = self._weight * _DECAY + 1
        self._rows = self._rows * _DECAY + rows
        self._squares = self._squares * _DECAY + rows * rows
        self._seconds = self._seconds * _DECAY + seconds
        self._products = self._products * _DECAY + rows * seconds
        spread = self._weight * self._squares - self._rows**2
        if spread > 0.01 * self._weight**2:  # sizes differ enough to tell a from b; else the last answer stands
            per_row = (self._weight * self._products - self._rows * self._seconds) / spread
            fixed = (self._seconds - per_row * self._rows) / self._weight
            self._cap = self._best(fixed, per_row)

    def _best(self, fixed: float, per_row: float) -> int:
        if per_row <= 0:
            return self.max_batch
        rows = ceil(fixed / per_row * (1 - FIXED_SHARE) / FIXED_SHARE)
        return min(self.max_batch, max(1, rows))

    @property
    def row_s(self) -> float | None:
        """Seconds a row takes at the sizes seen lately; None before the first batch."""
        return self._seconds / self._rows if self._rows else None

    def next_size(self) -> int:
        """Rows to take for the next batch at most."""
        self._batches += 1
        explores = self._batches % EXPLORE_EVERY == 0
        return min(self.max_batch, self._cap * 2) if explores else self._cap

    @property
    def size(self) -> int:
        """Rows of an ordinary batch at most."""
        return self._cap
