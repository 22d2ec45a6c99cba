"""Dynamic batching: rows that arrive while the model is busy are computed together.

    idle                    a row is computed at once, alone, on all cores if that is faster: nobody waits for company that may
                            never come
    some lanes busy         a row waits until enough company is there (`Pace`) or `max_wait_ms` have passed
    all lanes busy          rows wait; the next free lane takes them, oldest first
    `max_queue` rows wait   503 with Retry-After

A lane is one thread that encodes, computes and decodes one batch at a time, each on a core of its own (`Predictor.open_lanes`). Models that answer a row in well under a millisecond are computed on the event loop itself:
for them, handing rows to a thread and back costs more than computing them.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from modelwright.base.errors import ModelwrightError
from modelwright.base.nouns import Prediction, Row
from modelwright.serve.pace import Choice, Pace
from modelwright.serve.predictor import Predictor
from modelwright.serve.problems import OverloadedError
from modelwright.spec.serve import Serve

QUICK_S = 0.001
"""A row faster than this is computed on the event loop."""


class Meters(Protocol):
    """Who is told of each batch."""

    def batch(self, rows: int, seconds: float) -> None: ...


class _Silent:
    def batch(self, rows: int, seconds: float) -> None:
        return None


@dataclass(eq=False, slots=True)
class Ticket:
    """One request's rows on their way. `answer` resolves to its predictions in order."""

    rows: Sequence[Row]
    answer: asyncio.Future[list[Prediction]]
    arrived: float
    left: int
    found: list[Prediction | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Way:
    """How a batch is computed: `alone`, nothing else being computed or waiting at its start, and on how many threads."""

    alone: bool
    all_threads: bool


class _Clock:
    """Seconds since it was made, and those that this thread spent on a core."""

    def __init__(self) -> None:
        self._started = time.perf_counter(), time.thread_time()

    def read(self) -> tuple[float, float]:
        return time.perf_counter() - self._started[0], time.thread_time() - self._started[1]


_Seconds = tuple[float, float]
_SHARED = _Way(alone=False, all_threads=False)
_ALONE = {all_threads: _Way(alone=True, all_threads=all_threads) for all_threads in (False, True)}
_Item = tuple[Ticket, int]


class Batcher:
    """Answers rows through a predictor, several at a time when that pays. Belongs to one event loop.

    Args:
        predictor: the loaded release.
        settings: `max_batch`, `max_wait_ms`, `max_queue`.
        meters: told of each batch.
    """

    def __init__(self, predictor: Predictor, settings: Serve, meters: Meters | None = None) -> None:
        self.predictor = predictor
        self.max_wait_s = settings.max_wait_ms / 1000
        self.max_queue = settings.max_queue
        self.meters = meters or _Silent()
        self.pace = Pace(settings.max_batch)
        self.choice = Choice()
        self.waiting: deque[_Item] = deque()
        self.lanes = predictor.lanes
        self.busy = 0
        self.threads = ThreadPoolExecutor(self.lanes, thread_name_prefix="lane")
        self._timer: asyncio.TimerHandle | None = None
        self._scheduled = False
        self._drained = asyncio.Event()
        self._drained.set()

    def warm_up(self, request: object) -> None:
        """Compute `request` alone and in company before the first client comes, so that `pace` knows what a call and what a
        row costs. Blocks for a few rows' time."""
        row = self.predictor.read([request])
        for rows, how in ((1, _SHARED), (2, _SHARED), (1, _SHARED), *((1, way) for way in self._ways_alone)):
            clock = _Clock()
            self.predictor.compute(row * rows, rows, how.all_threads)
            self._learn(rows, clock.read(), how)

    @property
    def _ways_alone(self) -> Sequence[_Way]:
        """How a row that came alone can be computed."""
        return tuple(_ALONE.values()) if self.predictor.has_lane_graph else ()

    @property
    def quick(self) -> bool:
        """Whether rows are computed on the event loop."""
        row_s = self.pace.row_s
        return row_s is not None and row_s < QUICK_S

    def submit(self, rows: Sequence[Row]) -> Ticket:
        """Queue one request's rows (at least one).

        Raises:
            OverloadedError: the queue is full. An empty queue takes a request of any size.
        """
        if self.waiting and len(self.waiting) + len(rows) > self.max_queue:
            drains_in_s = len(self.waiting) * (self.pace.row_s or 0.0)
            raise OverloadedError(len(self.waiting), self.max_queue, drains_in_s)
        loop = asyncio.get_running_loop()
        ticket = Ticket(rows, loop.create_future(), loop.time(), len(rows), [None] * len(rows))
        self.waiting.extend((ticket, place) for place in range(len(rows)))
        self._drained.clear()
        self._schedule()
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        """Give back the places of a client who left; rows already in a lane are computed and dropped."""
        ticket.answer.cancel()
        self.waiting = deque(item for item in self.waiting if item[0] is not ticket)
        self._settle()

    async def close(self) -> None:
        """Wait until everything queued is answered, then end the lanes."""
        await self._drained.wait()
        self.threads.shutdown()

    def _schedule(self) -> None:
        """Look at the queue once this turn of the loop has read all that came: what arrived together goes together."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        if self.quick and not self.busy:
            if self.waiting:
                items = self._take(1)
                self._finish(items, _SHARED, *self._compute(items, _SHARED))
                if self.waiting:
                    self._schedule()  # not a loop: answers are sent and requests read in between
            return
        while self.waiting and self.busy < self.lanes and self._worth_starting():
            self._start(self._take(self.lanes - self.busy))

    def _worth_starting(self) -> bool:
        if not self.busy or len(self.waiting) >= self.pace.size:
            return True
        loop = asyncio.get_running_loop()
        due = self.waiting[0][0].arrived + self.max_wait_s
        if loop.time() >= due:
            return True
        if self._timer is None:
            self._timer = loop.call_at(due, self._on_timer)
        return False

    def _on_timer(self) -> None:
        self._timer = None
        self._flush()

    def _take(self, lanes: int) -> list[_Item]:
        """The oldest rows, this lane's fair share of what waits."""
        share = -(-len(self.waiting) // lanes)
        return [self.waiting.popleft() for _ in range(min(share, self.pace.next_size()))]

    def _start(self, items: list[_Item]) -> None:
        way = self._way(len(items))
        self.busy += 1
        running = asyncio.get_running_loop().run_in_executor(self.threads, self._compute, items, way)
        running.add_done_callback(lambda done: self._on_lane(items, way, done))

    def _way(self, rows: int) -> _Way:
        if rows > 1 or self.busy or self.waiting or not self._ways_alone:
            return _SHARED
        return _ALONE[self.choice.all_threads()]

    def _on_lane(
        self, items: list[_Item], way: _Way, done: asyncio.Future[tuple[list[Prediction | Exception], _Seconds]]
    ) -> None:
        self.busy -= 1
        self._finish(items, way, *done.result())
        self._flush()

    def _compute(self, items: list[_Item], way: _Way) -> tuple[list[Prediction | Exception], _Seconds]:
        """Predictions, or what each row failed with, and the seconds it took. Runs in a lane or on the loop."""
        clock = _Clock()
        rows = [ticket.rows[place] for ticket, place in items]
        answers = self._compute_rows(rows, way)
        return answers, clock.read()

    def _compute_rows(self, rows: list[Row], way: _Way) -> list[Prediction | Exception]:
        try:
            return list(self.predictor.compute(rows, len(rows), way.all_threads))
        except Exception as error:  # reaches its own client as an answer; it must not fail strangers in the same batch
            if len(rows) == 1 or not isinstance(error, ModelwrightError):
                return [error] * len(rows)
            return [answer for row in rows for answer in self._compute_rows([row], way)]

    def _learn(self, rows: int, seconds: _Seconds, way: _Way) -> None:
        if way.alone:
            self.choice.observe(way.all_threads, seconds[0])
        if not way.all_threads:
            self.pace.observe(rows, seconds[0], seconds[1] if self.predictor.has_lane_graph else None)

    def _finish(self, items: list[_Item], way: _Way, answers: Sequence[Prediction | Exception], seconds: _Seconds) -> None:
        self._learn(len(items), seconds, way)
        self.meters.batch(len(items), seconds[0])
        for (ticket, place), answer in zip(items, answers, strict=True):
            if ticket.answer.done():  # its client left, or another of its rows failed
                continue
            if isinstance(answer, Exception):
                ticket.answer.set_exception(answer)
                continue
            ticket.found[place] = answer
            ticket.left -= 1
            if not ticket.left:
                ticket.answer.set_result([found for found in ticket.found if found is not None])
        self._settle()

    def _settle(self) -> None:
        if not self.waiting and not self.busy:
            self._drained.set()
