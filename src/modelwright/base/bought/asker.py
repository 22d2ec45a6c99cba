"""A bought model in the place of a graph: Batch → Outputs, by asking a service and reading its answers strictly.

`asker.json` says whom to ask and at what price, `prompt.json` what comes before the text that is asked. Neither holds a key.

An answer is one of the labels, or nothing: case, spaces, quotation marks and a full stop around it are forgiven, any other word is
not. What is no label is no answer; it is kept for the report and counts as wrong. Services state no probabilities, so a label that
is given gets the same one each time (`certainty`).
"""

from __future__ import annotations

import math
import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.base.bought.endpoint import Endpoint, close_all
from modelwright.base.bought.labels import read_answer
from modelwright.base.bought.pace import Turns
from modelwright.base.bought.paid import Paid, Price, Purse
from modelwright.base.bought.tokens import most_tokens, usual_tokens
from modelwright.base.errors import ReleaseError
from modelwright.base.graph import ASKER
from modelwright.base.nouns import Batch, Outputs
from modelwright.base.store import json_hash, read_json

PROMPT = "prompt.json"
RECORD = "MODELWRIGHT_PAID"
"""Environment variable of a server: the file in which it records what it pays. With it the route's cap holds for the server too."""
TEXT, MASK = "text_bytes", "text_mask"
SHOWN = 20
"""Unparseable answers that are kept to be shown."""


@dataclass(frozen=True)
class Service:
    """What asker.json holds.

    Args:
        key_from: name of the environment variable with the key; None: none is sent.
        body: fields of each request beside the messages: model, temperature, limits.
        labels: in the order of the outputs.
        several: whether a row may have several labels.
        certainty: probability of what is answered.
        cap: money the pipeline may spend; serve_cap: money a server may spend; None: no limit.
    """

    base_url: str
    key_from: str | None
    body: Mapping[str, Any]
    answer_tokens: int
    labels: tuple[str, ...]
    several: bool
    certainty: float
    price: Price
    priced_on: str | None
    cap: float | None
    serve_cap: float | None
    requests_per_minute: float
    parallel: int
    timeout_seconds: float
    retries: int

    @classmethod
    def read(cls, folder: Path) -> Service:
        """What `asker.json` of a folder says.

        Raises:
            ReleaseError: missing or damaged.
        """
        try:
            content = read_json(folder / ASKER)
            price = content.pop("price")
            if content.pop("format") != 1:
                raise ValueError("another format than 1")
            content |= {"labels": tuple(map(str, content["labels"])), "price": Price(**price)}
            return cls(**content)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _damaged(folder / ASKER, error) from error


class Asker:
    """Answers batches by asking. For many threads.

    Args:
        folder: with asker.json and prompt.json.
        record: file of paid answers; None keeps them in memory.
        reuse: answer from the record where it can.
        cap: money that may be spent, counted over the record; None: no limit.

    Attributes:
        close: ends threads and connections; called by itself when the asker is gone.
    """

    def __init__(self, folder: Path, record: Path | None = None, reuse: bool = True, cap: float | None = None) -> None:
        self.service = Service.read(folder)
        self.messages = read_messages(folder)
        service = self.service
        self.inputs = {TEXT: np.dtype(np.uint8), MASK: np.dtype(np.uint8)}
        self.outputs = ["logits", "answered"]
        self.purse = Purse(service.price, cap, record, reuse)
        turns = Turns(service.requests_per_minute)
        self.endpoint = Endpoint(service.base_url, service.key_from, service.timeout_seconds, service.retries, turns)
        self.pool = ThreadPoolExecutor(service.parallel, thread_name_prefix="asker")
        self.close = weakref.finalize(self, _close, self.pool, self.endpoint.idle)
        self._lock = threading.Lock()
        self._asked: list[Paid] = []
        self._unparsed: list[str] = []
        self._unparsed_count = 0

    def run(self, batch: Batch) -> Outputs:
        """Ask each row; equal rows are asked once.

        Returns:
            "logits" float32 [batch, labels]; "answered" bool [batch]: False where the answer named no label.

        Raises:
            BoughtError: the service does not answer. What was answered meanwhile is kept.
            CapError: the money is spent.
        """
        texts = texts_of(batch.inputs[TEXT], batch.inputs[MASK])
        asked = dict.fromkeys(texts)
        running = {text: self.pool.submit(self._paid, text) for text in asked}
        try:
            paid = {text: future.result() for text, future in running.items()}
        except BaseException:
            for future in running.values():
                future.cancel()
            wait(running.values(), self.service.timeout_seconds)  # what is on its way is paid for: it is recorded first
            raise
        return self._outputs([paid[text] for text in texts])

    def _paid(self, text: str) -> Paid:
        body = {**self.service.body, "messages": [*self.messages, {"role": "user", "content": text}]}
        request = json_hash({"url": self.service.base_url, **body})
        known = self.purse.recall(request)
        if known is not None:
            return known
        sent = [str(message["content"]) for message in body["messages"]]
        most = self.service.price.of(most_tokens(sent), self.service.answer_tokens)

        def charged() -> None:
            self.purse.keep(Paid(request, None, usual_tokens(sent), self.service.answer_tokens, True, None))

        with self.purse.reserve(most * (self.service.retries + 1)):
            said = self.endpoint.ask(body, charged)
            estimated = said.input_tokens is None or said.output_tokens is None
            sent_tokens = usual_tokens(sent) if said.input_tokens is None else said.input_tokens
            got_tokens = usual_tokens([said.text]) if said.output_tokens is None else said.output_tokens
            paid = Paid(request, said.text, sent_tokens, got_tokens, estimated, round(said.ms, 3))
            self.purse.keep(paid)
        return paid

    def _outputs(self, paid: Sequence[Paid]) -> Outputs:
        service = self.service
        known = math.log(service.certainty / (1 - service.certainty))
        others = -known if service.several else 0.0
        given = known if service.several else known + math.log(len(service.labels) - 1)
        logits = np.full((len(paid), len(service.labels)), others, np.float32)
        answered = np.ones(len(paid), np.bool_)
        for row, one in enumerate(paid):
            named = read_answer(one.answer or "", service.labels, service.several)
            if named is None:
                answered[row] = False
            else:
                logits[row, named] = given
        with self._lock:
            self._asked += paid
            self._unparsed_count += int((~answered).sum())
            lost = [one.answer or "" for one, fine in zip(paid, answered, strict=True) if not fine]
            self._unparsed += lost[: max(0, SHOWN - len(self._unparsed))]
        return {"logits": logits, "answered": answered}

    def usage(self) -> dict[str, Any]:
        """What the rows asked so far cost, whether they were paid for now or before.

        Returns:
            "rows", "input_tokens" and "output_tokens" of one request on average, "estimated" (share of the rows whose tokens the
            service did not count), "cost_per_1000" and "currency", "unparseable" (rows) with up to 20 "unparseable_answers",
            "spent" and "cap" (money over the whole record).
        """
        with self._lock:
            asked, lost, count = list(self._asked), list(self._unparsed), self._unparsed_count
        rows = max(1, len(asked))
        sent, got = sum(one.input_tokens for one in asked), sum(one.output_tokens for one in asked)
        return {
            "rows": len(asked),
            "input_tokens": sent / rows,
            "output_tokens": got / rows,
            "estimated": sum(one.estimated for one in asked) / rows,
            "cost_per_1000": 1000 * self.purse.price.of(sent, got) / rows,
            "currency": self.purse.price.currency,
            "unparseable": count,
            "unparseable_answers": lost,
            "spent": self.purse.spent,
            "cap": self.purse.cap,
        }

    def latency_ms(self) -> dict[str, float]:
        """As `timing.latency_ms` tells it, of the answers given so far: each was waited for once, when it was bought. Without
        "cpu_s": nothing is computed here."""
        with self._lock:
            took = [one.ms for one in self._asked if one.ms is not None]
        if not took:
            raise ValueError("nothing was asked")
        p50, p95, p99 = (float(figure) for figure in np.percentile(took, [50, 95, 99]))
        return {"p50": p50, "p95": p95, "p99": p99, "mean": float(np.mean(took)), "count": len(took)}


def for_work(folder: Path, record: Path) -> Asker:
    """The asker of a folder as the pipeline uses it: answers come from the record where they can, and the route's cap holds."""
    return Asker(folder, record, reuse=True, cap=Service.read(folder).cap)


def for_service(folder: Path) -> Asker:
    """The asker of a folder as a server uses it: each request is asked anew, and nothing that was asked is kept. The limit is the
    route's `serve_cap`, counted from the server's start; or, where the environment names a record, its cap over that record."""
    record = os.environ.get(RECORD)
    if record:
        return Asker(folder, Path(record), reuse=False, cap=Service.read(folder).cap)
    return Asker(folder, None, reuse=False, cap=Service.read(folder).serve_cap)


def _close(pool: ThreadPoolExecutor, idle: list[Any]) -> None:
    pool.shutdown(wait=False, cancel_futures=True)  # perhaps on one of its own threads, which can't wait for itself
    close_all(idle)


def texts_of(bytes_bt: np.ndarray, mask_bt: np.ndarray) -> list[str]:
    """The texts of a padded batch of UTF-8 bytes."""
    lengths = np.asarray(mask_bt).astype(bool).sum(1)
    rows = np.asarray(bytes_bt, np.uint8)
    return [row[:length].tobytes().decode("utf-8", "replace") for row, length in zip(rows, lengths, strict=True)]


def read_messages(folder: Path) -> list[dict[str, str]]:
    """What is said before the text that is asked.

    Raises:
        ReleaseError: missing or damaged.
    """
    try:
        found = read_json(folder / PROMPT)["messages"]
        return [{"role": str(one["role"]), "content": str(one["content"])} for one in found]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder / PROMPT, error) from error


def _damaged(path: Path, error: Exception) -> ReleaseError:
    return ReleaseError(
        f"can't be read: {str(error).splitlines()[0][:200] if str(error) else type(error).__name__}",
        expected="the file as Modelwright wrote it",
        where=str(path),
        remedy="Make the folder again: modelwright run --from train",
    )
