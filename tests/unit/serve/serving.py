"""An application on a real port, inside this process, so that tests can look at both sides."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn

from modelwright.base.nouns import Prediction, Row
from modelwright.serve.predictor import LEAST_LANES, Predictor


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The address of `app` while the block runs; stopped gracefully at its end."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=10))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            wait_until(lambda: server.started)
            yield "http://{}:{}".format(*listener.getsockname())
        finally:
            server.should_exit = True
            thread.join()


def wait_until(true, seconds: float = 10.0) -> None:
    """Wait for a condition that another thread brings about.

    Raises:
        AssertionError: it did not come.
    """
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "what the test waits for did not happen"
        time.sleep(0.005)


class Held:
    """A predictor whose model answers only when the test opens `gate`; it notes each batch it was given, and whether it was told
    to take all threads.

    A row whose text is "break" fails; the real predictor does everything else.
    """

    def __init__(self, real: Predictor) -> None:
        self.real = real
        self.gate = threading.Event()
        self.batches: list[list[str]] = []
        self.alone: list[bool] = []
        self.task, self.hash, self.card, self.name, self.sample = real.task, real.hash, real.card, real.name, None
        self.read = real.read
        self.lanes, self.has_lane_graph, self.speaks = LEAST_LANES, False, False

    def compute(self, rows: Sequence[Row], max_batch: int = 32, alone: bool = True) -> list[Prediction]:
        texts = [row.values["text"] for row in rows]
        self.alone.append(alone)
        self.batches.append(texts)
        assert self.gate.wait(20), "the test never opened the gate"
        if "break" in texts:
            raise ZeroDivisionError("the model broke")
        return self.real.compute(rows, max_batch)
