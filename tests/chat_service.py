"""A small service that speaks OpenAI's chat protocol over real HTTP, for tests of the bought route.

It learns from the examples in the prompt alone: each word speaks for the labels of the examples that hold it. The same prompt gets the
same answer. A list of failures is worked off first, one a request.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from modelwright.tasks.text.scripts import fold, pieces


@dataclass
class Failure:
    """How one request goes wrong: a status with a body and headers, after so many seconds; None as the body answers rightly."""

    status: int = 200
    body: bytes | None = b'{"error": {"message": "try again"}}'
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass
class Service:
    """The running service: where it is, what it was asked, and how it behaves."""

    url: str = ""
    key: str | None = None
    failures: list[Failure] = field(default_factory=list)
    says: Any = None
    usage: bool = True
    seconds: float = 0.0
    asked: list[dict[str, Any]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    authorised: list[str | None] = field(default_factory=list)
    busy: int = 0
    most_busy: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def answer(messages: Sequence[dict[str, str]]) -> str:
    """The label, or the labels, whose examples share most words with the last message."""
    known: dict[str, Counter[str]] = {}
    examples: Counter[str] = Counter()
    for question, reply in zip(messages[1:-1:2], messages[2:-1:2], strict=True):
        words = set(pieces(fold(question["content"])))
        examples.update(words)
        for label in reply["content"].split("\n"):
            known.setdefault(label, Counter()).update(words)
    words = set(pieces(fold(messages[-1]["content"])))
    shared = Counter(word for seen in known.values() for word in seen)
    scores = {label: sum(1.0 for word in words if word in seen and shared[word] == 1) for label, seen in known.items()}
    if "each line" in messages[0]["content"] or "每行" in messages[0]["content"]:
        telling = {label: {word for word in words if seen[word] == examples[word] >= 3} for label, seen in known.items()}
        several = [label for label, found in telling.items() if len(found) >= 2]
        return "\n".join(several) or "-"
    return max(sorted(scores), key=lambda label: scores[label]) if scores else "nothing"


@contextmanager
def running(**settings: Any) -> Iterator[Service]:
    """The service on a free port of this machine; its address is `url`."""
    service = Service(**settings)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body go in two writes

        def log_message(self, *_: Any) -> None:
            return None

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with service.lock:
                service.asked.append(body)
                service.times.append(time.monotonic())
                service.authorised.append(self.headers.get("authorization"))
                failure = service.failures.pop(0) if service.failures else Failure(body=None)
                service.busy += 1
                service.most_busy = max(service.most_busy, service.busy)
            try:
                time.sleep(failure.seconds + service.seconds)
                if service.key is not None and self.headers.get("authorization") != f"Bearer {service.key}":
                    sent = str(self.headers.get("authorization")).removeprefix("Bearer ")
                    said = f"Incorrect API key provided: {sent}"
                    self._send(401, json.dumps({"error": {"message": said}}).encode(), {})
                else:
                    self._send(failure.status, failure.body or self._right(body), failure.headers)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the client waited no longer
            finally:
                with service.lock:
                    service.busy -= 1

        def _right(self, body: dict[str, Any]) -> bytes:
            said = answer(body["messages"]) if service.says is None else service.says(body)
            content: dict[str, Any] = {
                "object": "chat.completion",
                "model": body["model"],
                "choices": [{"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}],
            }
            if service.usage:
                sent = sum(len(message["content"].split()) for message in body["messages"])
                content["usage"] = {"prompt_tokens": sent, "completion_tokens": len(said.split()), "total_tokens": sent}
            return json.dumps(content).encode()

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {"content-type": "application/json", "content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
