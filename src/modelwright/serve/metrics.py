"""What `/metrics` tells Prometheus.

Counting happens on the event loop in plain numbers; the Prometheus library only writes them down, and is imported when they
are first asked for: it brings an HTTP server of its own, which would take a tenth of the time a start takes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from modelwright.base.optional import require

_LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Distribution:
    """Counts of values up to each of `bounds` (and beyond), with their sum."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[tuple[str, float]]:
        """Prometheus' buckets: how many values are at most each bound."""
        total, found = 0, []
        for bound, count in zip([*self.bounds, float("inf")], self.counts, strict=True):
            total += count
            found.append(("+Inf" if bound == float("inf") else str(float(bound)), float(total)))
        return found


class Metrics:
    """Counts requests, rows and batches. Used from one thread, the event loop's.

    Args:
        release: hash of what is served.
        name: of the project.
        waiting: gives the number of rows in the queue now.
    """

    def __init__(self, release: str, name: str, waiting: Callable[[], int]) -> None:
        self.release, self.name, self.waiting = release, name, waiting
        self.requests: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.rows = 0
        self.compute_s = 0.0
        self.latency_s = Distribution(_LATENCY_S)
        self.batch_rows = Distribution(_ROWS)
        self.others: list[Any] = []
        """What other faces count: each with a `collect` of its own."""

    def batch(self, rows: int, seconds: float) -> None:
        self.batch_rows.observe(rows)
        self.compute_s += seconds

    def answered(self, rows: int, seconds: float) -> None:
        self.requests["200"] += 1
        self.rows += rows
        self.latency_s.observe(seconds)

    def refused(self, status: int, error: str) -> None:
        self.requests[str(status)] += 1
        self.errors[error] += 1

    def text(self) -> tuple[bytes, str]:
        """The exposition format, and its content type."""
        library = require("prometheus_client", "serve")
        registry = library.CollectorRegistry()
        for counted in (self, *self.others):
            registry.register(counted)
        return library.generate_latest(registry), library.CONTENT_TYPE_LATEST

    def collect(self) -> Iterator[Any]:
        """Every figure as the library's metric families; the library calls this."""
        families = require("prometheus_client.core", "serve")
        info = families.InfoMetricFamily("modelwright_release", "what is served")
        info.add_metric([], {"hash": self.release, "name": self.name})
        yield info
        yield self._labelled(families, "modelwright_requests", "requests to /v1/predict by HTTP status", "status", self.requests)
        yield self._labelled(families, "modelwright_errors", "requests not answered, by error", "error", self.errors)
        yield families.CounterMetricFamily("modelwright_rows", "rows answered", self.rows)
        yield families.CounterMetricFamily("modelwright_compute_seconds", "time spent computing batches", self.compute_s)
        yield families.GaugeMetricFamily("modelwright_queue_rows", "rows waiting for the model", self.waiting())
        yield histogram(families, "modelwright_latency_seconds", "from body read to answer made", self.latency_s)
        yield histogram(families, "modelwright_batch_rows", "rows computed together", self.batch_rows)

    @staticmethod
    def _labelled(families: Any, name: str, text: str, label: str, counts: Counter[str]) -> Any:
        family = families.CounterMetricFamily(name, text, labels=[label])
        for value, count in counts.items():
            family.add_metric([value], count)
        return family


def histogram(families: Any, name: str, text: str, seen: Distribution) -> Any:
    """A distribution as one of the library's metric families."""
    return families.HistogramMetricFamily(name, text, buckets=seen.cumulative(), sum_value=seen.sum)
