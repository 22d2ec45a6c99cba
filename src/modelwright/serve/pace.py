"""How many rows are worth computing together, and on how many threads a row alone: learnt from the answers themselves.

More rows together help as long as a row gets cheaper by it; beyond that everyone merely waits longer, and memory grows. For a
small recurrent model that point lies high: a call costs as much as many rows. A transformer on a processor is as fast row by
row, at a fraction of the latency. So sizes double for as long as doubling is seen to pay.
"""

from __future__ import annotations

GAIN = 0.08
"""A larger size is taken if its rows are cheaper by this share."""
LOOK_EVERY = 8
"""Of so many batches one may be of the next larger size and one is of the next smaller, so that the figures stay true."""
START = 4
_TRY_OTHER = 32  # rows alone, of which one goes the other way
_NEW = 0.3  # weight of the newest batch in the mean of its size
_FORGET = 0.97


class Pace:
    """Mean seconds per row by size of batch (powers of two), and the size to use.

    Args:
        max_batch: the size never to exceed.
    """

    def __init__(self, max_batch: int) -> None:
        self.sizes = [1 << power for power in range(max_batch.bit_length()) if 1 << power < max_batch] + [max_batch]
        self._row_s: dict[int, float] = {}
        self._at = max(place for place, size in enumerate(self.sizes) if size <= START)
        self._batches = 0
        self._rows = self._seconds = 0.0

    def observe(self, rows: int, seconds: float, processor_s: float | None = None) -> None:
        """Learn from one batch.

        Args:
            processor_s: what it took of one core, if one thread computed it. Sizes are compared by that: on a busy machine time
                that others took would pass for the size's.
        """
        place = max((place for place, size in enumerate(self.sizes) if size <= rows), default=0)
        row_s = (seconds if processor_s is None else processor_s) / rows
        self._row_s[place] = self._row_s.get(place, row_s) * (1 - _NEW) + row_s * _NEW
        self._rows = self._rows * _FORGET + rows
        self._seconds = self._seconds * _FORGET + seconds
        self._at = self._best()

    def _best(self) -> int:
        """The largest size that was seen to pay, beginning with the smallest that was seen."""
        best, *larger = sorted(self._row_s)
        for place in larger:
            if self._row_s[place] < self._row_s[best] * (1 - GAIN):
                best = place
        return best

    def next_size(self) -> int:
        """Rows to take for the next batch at most."""
        self._batches += 1
        turn = self._batches % LOOK_EVERY
        look = 1 if turn == 0 else -1 if turn == LOOK_EVERY // 2 else 0
        return self.sizes[min(len(self.sizes) - 1, max(0, self._at + look))]

    @property
    def size(self) -> int:
        """Rows of an ordinary batch at most."""
        return self.sizes[self._at]

    @property
    def row_s(self) -> float | None:
        """Seconds a row took lately, at whatever sizes came; None before the first batch."""
        return self._seconds / self._rows if self._rows else None


class Choice:
    """Whether a row that came alone is answered sooner by all threads or by one.

    All threads win where a model has work for them and the cores are free. Where other programs take the cores, threads wait
    for each other: one thread is then as fast, at less processor time.
    """

    def __init__(self) -> None:
        self._seconds: dict[bool, float] = {}
        self._rows = 0

    def observe(self, all_threads: bool, seconds: float) -> None:
        """Learn from one row."""
        before = self._seconds.get(all_threads, seconds)
        self._seconds[all_threads] = before * (1 - _NEW) + seconds * _NEW

    def all_threads(self) -> bool:
        """Which to take for the next row: mostly the better one, now and then the other, so that its figure stays true."""
        if len(self._seconds) < 2:
            return True not in self._seconds
        self._rows += 1
        better = self._seconds[True] < self._seconds[False]
        return better if self._rows % _TRY_OTHER else not better
