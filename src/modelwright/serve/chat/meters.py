"""What the chat face tells Prometheus, beside the figures of every server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from modelwright.base.optional import require
from modelwright.serve.metrics import Distribution, histogram

_FIRST_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ANSWER_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class ChatMeters:
    """Counts answers and tokens. Used from the event loop's thread.

    Args:
        queued, busy: give the prompts that wait now, and the answers that are being written.
    """

    def __init__(self, queued: Callable[[], int], busy: Callable[[], int]) -> None:
        self.queued, self.busy = queued, busy
        self.requests: Counter[tuple[str, str]] = Counter()
        self.prompt_tokens = self.answer_tokens = 0
        self.first_s, self.answer_s = Distribution(_FIRST_S), Distribution(_ANSWER_S)

    def first(self, seconds: float) -> None:
        """The first token of an answer was there."""
        self.first_s.observe(seconds)

    def ended(self, path: str, status: int, seconds: float | None = None, prompt: int = 0, answer: int = 0) -> None:
        """A request ended; with the seconds that it took if it was answered."""
        self.requests[path, str(status)] += 1
        self.prompt_tokens += prompt
        self.answer_tokens += answer
        if seconds is not None:
            self.answer_s.observe(seconds)

    def collect(self) -> Iterator[Any]:
        """Every figure as the Prometheus library's metric families; the library calls this."""
        families = require("prometheus_client.core", "serve")
        requests = families.CounterMetricFamily("modelwright_chat_requests", "by path and status", labels=["path", "status"])
        for labels, count in self.requests.items():
            requests.add_metric(labels, count)
        yield requests
        tokens = families.CounterMetricFamily("modelwright_chat_tokens", "read and written", labels=["kind"])
        tokens.add_metric(["prompt"], self.prompt_tokens)
        tokens.add_metric(["answer"], self.answer_tokens)
        yield tokens
        yield families.GaugeMetricFamily("modelwright_chat_queue", "prompts waiting for a place", self.queued())
        yield families.GaugeMetricFamily("modelwright_chat_busy", "answers being written", self.busy())
        yield histogram(families, "modelwright_chat_first_token_seconds", "from body read to first token", self.first_s)
        yield histogram(families, "modelwright_chat_answer_seconds", "from body read to last token", self.answer_s)
