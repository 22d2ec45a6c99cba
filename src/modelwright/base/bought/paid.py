"""What was paid for: every answer kept by the hash of its request, and a cap that the next request may not pass.

The record is a file of JSON lines, appended to and flushed to the disk before an answer is used, so that a killed run that goes on
never pays twice. It holds hashes, answers and counts, never a key and never what was asked. Lines without an answer are requests
that may have been charged for although nothing usable came back: they count as spent.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from modelwright.base.errors import CapError
from modelwright.base.store import writing

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """Of a million tokens sent and of a million answered, in `currency`."""

    input: float
    output: float
    currency: str

    def of(self, input_tokens: float, output_tokens: float) -> float:
        return (self.input * input_tokens + self.output * output_tokens) / MILLION


@dataclass(frozen=True, slots=True)
class Paid:
    """One line of the record.

    Args:
        request: hash of the request.
        answer: the text that came; None if nothing usable did.
        input_tokens, output_tokens: as the service counted them, or estimated.
        estimated: whether the counts are ours, because the service gave none.
        ms: from sending the request to having the answer, without waits between attempts; None without an answer.
    """

    request: str
    answer: str | None
    input_tokens: int
    output_tokens: int
    estimated: bool
    ms: float | None


class Purse:
    """The money that may be spent, and the answers that it bought. For many threads; other processes that append to the same
    record are seen before each reservation.

    Args:
        price: of the tokens.
        cap: most money in the price's currency, counted over the whole record; None: no limit.
        record: the file; None keeps everything in memory.
        reuse: give recorded answers again instead of buying them anew.
    """

    def __init__(self, price: Price, cap: float | None, record: Path | None = None, reuse: bool = True) -> None:
        self.price, self.cap, self.record, self.reuse = price, cap, record, reuse
        self.answers: dict[str, Paid] = {}
        self.spent = 0.0
        self._reserved = 0.0
        self._read = 0
        self._changed = threading.Condition()
        with self._changed:
            self._refresh()

    def recall(self, request: str) -> Paid | None:
        """The answer to this request that is paid for already."""
        return self.answers.get(request) if self.reuse else None

    @property
    def left(self) -> float | None:
        """Money under the cap; None without one."""
        return None if self.cap is None else max(0.0, self.cap - self.spent)

    @contextmanager
    def reserve(self, most: float) -> Iterator[None]:
        """Hold `most` money while a request is on its way: whatever other requests on their way may cost counts as spent.

        Raises:
            CapError: the request might pass the cap; it must not be sent.
        """
        with self._changed:
            self._refresh()
            while self.cap is not None and self.spent + self._reserved + most > self.cap:
                if self._reserved == 0 or self.spent + most > self.cap:
                    raise self._refusal(most)
                self._changed.wait()  # a request on its way holds more than it will cost
                self._refresh()
            self._reserved += most
        try:
            yield
        finally:
            with self._changed:
                self._reserved -= most
                if self._reserved < 1e-12:  # what sums of floats leave over
                    self._reserved = 0.0
                self._changed.notify_all()

    def keep(self, paid: Paid) -> None:
        """Write a line, to the disk, and count it."""
        line = json.dumps(asdict(paid), ensure_ascii=False) + "\n"
        with self._changed:
            if self.record is None:
                self._count(paid)
                return
            with writing(self.record):
                self.record.parent.mkdir(parents=True, exist_ok=True)
                with self.record.open("ab+") as file:
                    if file.tell() and not _ended(file):  # what a kill cut off stays a line of its own
                        file.write(b"\n")
                    file.write(line.encode("utf-8", "replace"))
                    file.flush()
                    os.fsync(file.fileno())
            self._refresh()

    def _refresh(self) -> None:
        """Count what was appended since, by whomever. A last line without its end was cut off by a kill: it is ended, not counted."""
        if self.record is None or not self.record.exists():
            return
        with self.record.open("rb") as file:
            file.seek(self._read)
            fresh = file.read()
        whole, _, rest = fresh.rpartition(b"\n")
        if whole:
            self._read += len(fresh) - len(rest)
        for line in whole.split(b"\n"):
            paid = _parse(line)
            if paid is not None:
                self._count(paid)

    def _count(self, paid: Paid) -> None:
        self.spent += self.price.of(paid.input_tokens, paid.output_tokens)
        if paid.answer is not None:
            self.answers[paid.request] = paid

    def _refusal(self, most: float) -> CapError:
        currency = self.price.currency
        return CapError(
            f"{self.spent:.6g} {currency} are spent, and the next request may cost up to {most:.2g} {currency}",
            expected=f"at most {self.cap:.6g} {currency} in all (the route's cap)",
            where=str(self.record) if self.record else "cap",
            remedy="Raise the route's cap, or ask fewer rows; then give the same command again: answers that are paid for are kept.",
        )


def _ended(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _parse(line: bytes) -> Paid | None:
    """A line of the record; None for one that was cut off."""
    try:
        found = json.loads(line)
        return Paid(
            str(found["request"]),
            None if found["answer"] is None else str(found["answer"]),
            int(found["input_tokens"]),
            int(found["output_tokens"]),
            bool(found["estimated"]),
            None if found["ms"] is None else float(found["ms"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
