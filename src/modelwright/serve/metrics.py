"""What `/metrics` tells Prometheus. One registry per server: nothing is global."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

_LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """Counts requests, rows and batches.

    Args:
        release: hash of what is served.
        name: of the project.
        waiting: gives the number of rows in the queue now.
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, release: str, name: str, waiting: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        own: dict[str, Any] = {"registry": self.registry}
        Info("modelwright_release", "what is served", **own).info({"hash": release, "name": name})
        self.requests = Counter("modelwright_requests", "requests to /v1/predict by HTTP status", ["status"], **own)
        self.rows = Counter("modelwright_rows", "rows answered", **own)
        self.errors = Counter("modelwright_errors", "requests not answered, by error", ["error"], **own)
        self.latency = Histogram("modelwright_latency_seconds", "from body read to answer made", buckets=_LATENCY_S, **own)
        self.batch_rows = Histogram("modelwright_batch_rows", "rows computed together", buckets=_ROWS, **own)
        self.compute = Counter("modelwright_compute_seconds", "time spent computing batches", **own)
        Gauge("modelwright_queue_rows", "rows waiting for the model", **own).set_function(waiting)
        self._answered = self.requests.labels("200")

    def batch(self, rows: int, seconds: float) -> None:
        self.batch_rows.observe(rows)
        self.compute.inc(seconds)

    def answered(self, rows: int, seconds: float) -> None:
        self._answered.inc()
        self.rows.inc(rows)
        self.latency.observe(seconds)

    def refused(self, status: int, error: str) -> None:
        self.requests.labels(str(status)).inc()
        self.errors.labels(error).inc()

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
