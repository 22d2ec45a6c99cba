"""Answers several conversations at once: continuous batching over one graph, on one thread.

    a prompt comes          it waits for a place; `max_queue` of them may wait
    a place is free         the oldest prompt is read, `CHUNK` tokens at a time; between two parts everyone else gets a token
    it is read              its answer joins the others: from now on one run of the graph gives each of them a token
    an answer ends          at its end token, a stop string, its limit, or when its client leaves: its place is free at once

Why not the library's own engine: on processors ONNX Runtime GenAI 0.18 batches statically. Who comes while others are being
answered waits until the last of them has finished; `benchmarks/chat.py` measures it.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from modelwright.base.decoding import Decoding, Text
from modelwright.base.errors import MachineError, ModelwrightError
from modelwright.serve.chat.sampling import Chooser
from modelwright.serve.chat.spelling import Spelling

CHUNK = 128
"""Always the same, whoever else is answered: the order of additions, and so the last digits, depend on where a prompt is cut."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text of an answer.

    Args:
        tokens: how many were chosen since the last piece.
        reason: why the answer ended: "stop" or "length"; None while it goes on.
        error: why it broke off.
    """

    text: str = ""
    tokens: int = 0
    reason: str | None = None
    error: ModelwrightError | None = None

    @property
    def last(self) -> bool:
        return self.reason is not None or self.error is not None


@dataclass(eq=False, slots=True)
class Job:
    """One answer on its way. `deliver` is given each piece; `left` is set when nobody waits for it any more."""

    prompt: Sequence[int]
    limit: int
    chooser: Chooser
    spelling: Spelling
    deliver: Callable[[Piece], None]
    left: bool = False
    text: Text = field(default_factory=Text)
    token: int = 0
    count: int = 0
    silent: int = 0


class Engine:
    """The thread and what it works on.

    Args:
        decoding: the graph; nobody else may use it.
        places: answers computed together at most.
        ends: tokens that end an answer.
        post: hands a round's pieces over to whoever waits for them; by default on the engine's own thread.
    """

    def __init__(
        self,
        decoding: Decoding,
        places: int,
        ends: Collection[int],
        post: Callable[[list[tuple[Job, Piece]]], None] | None = None,
    ) -> None:
        self.decoding, self.places, self.ends = decoding, places, ends
        self.post = post or hand_over
        self.waiting: deque[Job] = deque()
        self.speaking: list[Job] = []
        self.reading: Job | None = None
        self._came: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="chat", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue one answer. Pieces follow until one is the last, unless `job.left` is set before."""
        self._came.put(job)

    @property
    def queued(self) -> int:
        """Prompts that wait for a place."""
        return len(self.waiting) + self._came.qsize()

    @property
    def busy(self) -> int:
        """Places that are taken."""
        return len(self.speaking) + (self.reading is not None)

    def close(self) -> None:
        """Finish what was accepted, then end the thread."""
        self._came.put(None)
        self._thread.join()

    def _work(self) -> None:
        while True:
            self._take()
            if self._closing and not (self.waiting or self.speaking or self.reading):
                return
            self._drop()
            self.post([*self._read(), *self._speak()])

    def _take(self) -> None:
        """Everything that came; waits only if there is nothing else to do."""
        while True:
            try:
                idle = not (self.waiting or self.speaking or self.reading or self._closing)
                job = self._came.get(block=idle)
            except queue.Empty:
                return
            if job is None:
                self._closing = True
            else:
                self.waiting.append(job)

    def _drop(self) -> None:
        """Let go of answers that nobody waits for."""
        if any(job.left for job in self.waiting):
            self.waiting = deque(job for job in self.waiting if not job.left)
        for job in [one for one in self.speaking if one.left]:
            self._free(job)
        if self.reading is not None and self.reading.left:
            self.decoding.leave(self.reading.text)
            self.reading = None

    def _read(self) -> Iterator[tuple[Job, Piece]]:
        """Read a part of a prompt; its end brings the answer's first token."""
        if self.reading is None and self.waiting and len(self.speaking) < self.places:
            self.reading = self.waiting.popleft()
        if self.reading is None:
            return
        job = self.reading
        part = job.prompt[job.text.length : job.text.length + CHUNK]
        try:
            logits = self.decoding.read(job.text, part)
            if job.text.length < len(job.prompt):
                return
            self.reading = None
            job.token = job.chooser.choose(logits)
            piece = self._spell(job)
            if piece is None or not piece.last:
                self.decoding.join(job.text)
                self.speaking.append(job)
        except Exception as error:  # one prompt's trouble is its own: the others go on
            self.reading = None
            self.decoding.leave(job.text)
            piece = Piece(error=_broken(error))
        if piece is not None:
            yield job, piece

    def _speak(self) -> Iterator[tuple[Job, Piece]]:
        """One token for everyone who is being answered."""
        if not self.speaking:
            return
        jobs = list(self.speaking)  # in the order of the decoding's rows
        try:
            logits = self.decoding.step([job.token for job in jobs])
        except Exception as error:
            for job in jobs:
                self._free(job)
                yield job, Piece(error=_broken(error))
            return
        for job, row in zip(jobs, logits, strict=True):
            try:
                job.token = job.chooser.choose(row)
                piece = self._spell(job)
            except Exception as error:
                piece = Piece(error=_broken(error))
            if piece is None:
                continue
            if piece.last:
                self._free(job)
            yield job, piece

    def _free(self, job: Job) -> None:
        self.decoding.leave(job.text)
        row, last = self.speaking.index(job), self.speaking.pop()
        if last is not job:  # as the decoding does it: the last row moves into the place
            self.speaking[row] = last

    def _spell(self, job: Job) -> Piece | None:
        """What the chosen token adds to the answer; None if nothing can be shown of it yet."""
        job.count += 1
        job.silent += 1
        if job.token in self.ends:
            return self._piece(job, job.spelling.end(), "stop")
        text, stopped = job.spelling.add(job.token)
        if stopped:
            return self._piece(job, text, "stop")
        if job.count >= job.limit:
            return self._piece(job, text + job.spelling.end(), "length")
        return self._piece(job, text, None) if text else None

    @staticmethod
    def _piece(job: Job, text: str, reason: str | None) -> Piece:
        tokens, job.silent = job.silent, 0
        return Piece(text, tokens, reason)


def hand_over(pieces: list[tuple[Job, Piece]]) -> None:
    """Give each piece to whoever waits for it."""
    for job, piece in pieces:
        if not job.left:
            job.deliver(piece)


def _broken(error: Exception) -> ModelwrightError:
    if isinstance(error, ModelwrightError):
        return error
    return MachineError(
        f"the model failed in the middle of an answer: {str(error).splitlines()[0][:200] if str(error) else type(error).__name__}",
        expected="a graph that answers, and memory for all who ask (serve.places)",
        where="the engine",
        remedy="Ask again; if it happens again, serve fewer at a time (serve.places) or a shorter context (serve.context).",
    )
