"""A load generator that leaves the processor to the server: one thread, raw keep-alive connections, requests built beforehand.

Closed loop: each connection sends its next request as soon as it has the answer to the last, so that throughput is what the
server can do for that many clients, and latency is what one of them sees.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np

PATIENCE_S = 60.0
"""A level that had no answer in its seconds goes on until it has one, this long at most."""
_STREAMED, _STREAM_END = b"transfer-encoding: chunked", b"0\r\n\r\n"
_COUNTS = re.compile(rb'"prompt_tokens": (\d+), "completion_tokens": (\d+)')
_T = TypeVar("_T")


@dataclass
class Level:
    """What one number of connections saw.

    Args:
        connections: concurrent clients.
        seconds: that the level lasted, really.
        latencies_ms: of the requests answered with 200 in that time.
        errors: other answers, and connections that broke.
        statuses: how often each status was answered; 0 is a broken connection.
        first_ms: of streams: until the first piece came.
        prompt_tokens, answer_tokens: of streams that ended.
        begun_tokens: pieces of streams that were still going on at the end.
    """

    connections: int
    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    errors: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    first_ms: list[float] = field(default_factory=list)
    prompt_tokens: int = 0
    answer_tokens: int = 0
    begun_tokens: int = 0

    def as_json(self) -> dict[str, Any]:
        """Latencies as percentiles; they are left out when nothing was answered."""
        found: dict[str, Any] = {
            "connections": self.connections,
            "seconds": round(self.seconds, 3),
            "requests": len(self.latencies_ms),
            "errors": self.errors,
            "throughput": round(len(self.latencies_ms) / self.seconds, 2) if self.seconds else 0.0,
        }
        if self.latencies_ms:
            for name, share in (("p50_ms", 50), ("p95_ms", 95), ("p99_ms", 99)):
                found[name] = round(float(np.percentile(self.latencies_ms, share)), 3)
        if self.first_ms and self.latencies_ms and self.seconds:
            found["tokens_per_second"] = round((self.answer_tokens + self.begun_tokens) / self.seconds, 2)
            for name, share in (("ttft_p50_ms", 50), ("ttft_p95_ms", 95)):
                found[name] = round(float(np.percentile(self.first_ms, share)), 3)
            answered = len(self.latencies_ms)
            found["tokens_per_request"] = {
                "prompt": round(self.prompt_tokens / answered, 2),
                "answer": round(self.answer_tokens / answered, 2),
            }
        return found


def build(address: str, path: str, bodies: Sequence[Any]) -> list[bytes]:
    """Complete HTTP requests, one per JSON body."""
    host = urlsplit(address).netloc
    built = []
    for content in bodies:
        body = json.dumps(content, ensure_ascii=False).encode("utf-8")
        head = f"POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        built.append(head.encode("ascii") + body)
    return built


def host_and_port(address: str) -> tuple[str, int]:
    parts = urlsplit(address)
    return parts.hostname or "127.0.0.1", parts.port or 80


def run(work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """Run `work` on an event loop of its own, on uvloop where it is installed: it takes half the processor time."""
    try:
        import uvloop
    except ImportError:
        factory = None
    else:
        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work())


async def load(address: str, requests: Sequence[bytes], connections: int, seconds: float) -> Level:
    """Keep `connections` clients busy for `seconds` (longer only until there is a first answer). Each starts at another of
    `requests` and goes round."""
    host, port = host_and_port(address)
    loop = asyncio.get_running_loop()
    level = Level(connections)
    clients = []
    for number in range(connections):
        offset = number * len(requests) // connections
        client = _Client(requests, offset, level)
        try:
            await loop.create_connection(lambda client=client: client, host, port)  # type: ignore[misc]
        except OSError:
            client.count(0)
        clients.append(client)
    started = time.perf_counter()
    for client in clients:
        client.send()
    await asyncio.sleep(seconds)
    while not level.statuses and time.perf_counter() < started + PATIENCE_S:  # slower than the level is long: wait for one
        await asyncio.sleep(0.01)
    level.seconds = time.perf_counter() - started
    for client in clients:
        client.stop()
    return level


class _Client(asyncio.Protocol):
    """One connection. A protocol and not streams: it costs a third of the time per request."""

    def __init__(self, requests: Sequence[bytes], next_request: int, level: Level) -> None:
        self.requests, self.next_request, self.level = requests, next_request, level
        self.transport: asyncio.Transport | None = None
        self.received = b""
        self.streaming = self.stopped = False
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def send(self) -> None:
        if self.transport is not None:
            self.sent_at = time.perf_counter()
            self.transport.write(self.requests[self.next_request % len(self.requests)])
            self.next_request += 1

    def data_received(self, data: bytes) -> None:
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        if not self.streaming and _STREAMED in self.received[:end].lower():
            self.streaming = True
            if not self.stopped:
                self.level.first_ms.append((time.perf_counter() - self.sent_at) * 1000)
        if self.streaming:
            if not self.received.endswith(_STREAM_END):
                return
            self._count_tokens()
        elif len(self.received) < end + 4 + _content_length(self.received[:end]):
            return
        status = int(self.received[9:12])
        self.received, self.streaming = b"", False
        if not self.stopped:
            self.count(status)
            self.send()

    def _count_tokens(self) -> None:
        """The counts that our server tells at the end of a stream."""
        found = _COUNTS.search(self.received, max(0, len(self.received) - 1000))
        if found is not None and not self.stopped:
            self.level.prompt_tokens += int(found[1])
            self.level.answer_tokens += int(found[2])

    def count(self, status: int) -> None:
        statuses = self.level.statuses
        statuses[status] = statuses.get(status, 0) + 1
        if status == 200:
            self.level.latencies_ms.append((time.perf_counter() - self.sent_at) * 1000)
        else:
            self.level.errors += 1

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        if not self.stopped:  # a broken connection is one error, and the level goes on with the others
            self.count(0)

    def stop(self) -> None:
        self.stopped = True
        if self.streaming:
            self.level.begun_tokens += self.received.count(b"data: {")
        if self.transport is not None:
            self.transport.close()


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
