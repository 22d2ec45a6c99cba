"""`POST /v1/predict` as a plain ASGI endpoint: read the body under a limit, read the rows, wait for the batcher, answer.

It stands beside FastAPI's routes and not among them, because FastAPI's per-request machinery takes longer than a small model
does: 13,000 requests/s here, 7,500 as a FastAPI route that reads the raw body, 5,900 as a typed one (one core, empty work).
The rows are still checked by the task's own request type, and OpenAPI describes both.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

from starlette.types import Receive, Scope, Send

from modelwright.base.errors import ModelwrightError, RequestError
from modelwright.base.nouns import Prediction, Row
from modelwright.serve import multipart
from modelwright.serve.batching import Batcher
from modelwright.serve.body import ClientLeftError, read_body, read_json
from modelwright.serve.log import RequestLog
from modelwright.serve.metrics import Metrics
from modelwright.serve.problems import TooLargeError, body_of, headers_of, status_of
from modelwright.serve.schema import file_fields
from modelwright.spec.serve import Serve

LARGE_BYTES = 32_768
"""Of a body with files, from which its images are decoded beside the event loop: below, handing over takes longer than decoding."""


class PredictFace:
    """The ASGI endpoint.

    Args:
        batcher: computes.
        settings: the limits.
        metrics, log: told of each request.
    """

    def __init__(self, batcher: Batcher, settings: Serve, metrics: Metrics, log: RequestLog) -> None:
        self.batcher, self.settings, self.metrics, self.log = batcher, settings, metrics, log
        self.release = batcher.predictor.hash
        self.files = file_fields(batcher.predictor.task)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        try:
            body = await read_body(scope, receive, self.settings.max_body_bytes)
            started = time.perf_counter()
            requests, single = self._requests(body, scope)
            rows = await self._read(requests, len(body))
            predictions = await self._wait_for(rows, receive)
        except ClientLeftError:
            self.metrics.refused(499, "ClientLeft")
            return
        except ModelwrightError as error:
            await self._refuse(error, started, send)
            return
        except Exception as error:  # ours, not the client's: counted here, answered and logged by the application
            self.metrics.refused(500, type(error).__name__)
            raise
        seconds = time.perf_counter() - started
        self.metrics.answered(len(rows), seconds)
        self.log.write(200, len(rows), seconds)
        await _send(send, 200, self._answer(predictions, single, seconds))

    async def _read(self, requests: Sequence[Any], size: int) -> Sequence[Row]:
        """The requests as rows. Decoding large images takes a while: meanwhile others are answered."""
        if self.files and size > LARGE_BYTES:
            return await asyncio.to_thread(self.batcher.predictor.read, requests)
        return self.batcher.predictor.read(requests)

    def _requests(self, body: bytes, scope: Scope) -> tuple[Sequence[Any], bool]:
        """The requests in the body, JSON or a form, and whether it was a single one."""
        kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"").decode("latin-1")
        if not kind.lower().startswith(multipart.KIND):
            return self._parse(body)
        if len(self.files) != 1:
            raise _wrong_shape("the body is a form, but this model reads no files", "body")
        (field,) = self.files
        found = multipart.parts(body, kind)
        for name, _ in found:
            if name != field:
                raise _wrong_shape(f"the form has a part {name[:80]!r}; the parts of this model are called {field!r}", "body")
        return self._many({"inputs": [content for _, content in found]}), len(found) == 1

    def _parse(self, body: bytes) -> tuple[Sequence[Any], bool]:
        """The requests in the body, and whether it was a single one."""
        content = read_json(body)
        if not isinstance(content, dict):
            raise _wrong_shape(f"the body is a JSON {_KINDS[type(content)]}", "body")
        single = "inputs" not in content
        requests = [content] if single else self._many(content)
        limit = self.settings.max_characters
        for place, request in enumerate(requests):
            longest = _longest(request, self.files)
            if longest > limit:
                where = f"inputs[{place}]"
                raise _too_large(f"a text has {longest:,} characters", f"{limit:,} (serve.max_characters)", where)
        return requests, single

    def _many(self, content: dict[str, Any]) -> list[Any]:
        inputs = content["inputs"]
        if len(content) > 1:
            others = ", ".join(sorted(set(content) - {"inputs"}))
            raise _wrong_shape(f"there are other keys beside inputs: {others[:200]}", "body")
        if not isinstance(inputs, list) or not inputs:
            what = "empty" if inputs == [] else f"a JSON {_KINDS[type(inputs)]}"
            raise _wrong_shape(f"inputs is {what}", "inputs")
        limit = self.settings.max_request_rows
        if len(inputs) > limit:
            raise _too_large(f"there are {len(inputs):,} rows", f"{limit:,} (serve.max_request_rows)", "inputs")
        return inputs

    async def _wait_for(self, rows: Sequence[Row], receive: Receive) -> list[Prediction]:
        """The predictions; a client who leaves meanwhile gives its places in the queue back."""
        ticket = self.batcher.submit(rows)
        if self.batcher.quick:  # answered within this turn of the loop: watching the connection would cost more
            return await ticket.answer
        leaving = asyncio.ensure_future(receive())  # after the body, the only message left is the disconnect
        try:
            await asyncio.wait((ticket.answer, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not ticket.answer.done():
                raise ClientLeftError
            return ticket.answer.result()
        finally:
            leaving.cancel()
            if not ticket.answer.done():
                self.batcher.cancel(ticket)

    def _answer(self, predictions: Sequence[Prediction], single: bool, seconds: float) -> bytes:
        found: dict[str, Any] = {"release": self.release, "latency_ms": round(seconds * 1000, 3)}
        if single:
            found["prediction"] = predictions[0].as_json()
        else:
            found["predictions"] = [prediction.as_json() for prediction in predictions]
        return json.dumps(found, ensure_ascii=False).encode("utf-8")

    async def _refuse(self, error: ModelwrightError, started: float, send: Send) -> None:
        status = status_of(error)
        self.metrics.refused(status, type(error).__name__)
        self.log.write(status, 0, time.perf_counter() - started)
        headers = headers_of(error)
        if isinstance(error, TooLargeError):
            headers["connection"] = "close"  # what is left of the body is not read
        await _send(send, status, body_of(error), headers)


_KINDS = {dict: "object", list: "array", str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}


def _longest(request: Any, files: frozenset[str]) -> int:
    """Characters of the longest text in one request; files in base64 are bounded by the body and by their task."""
    if isinstance(request, str):
        return 0 if files else len(request)
    values = request.items() if isinstance(request, dict) else ()
    return max((len(value) for name, value in values if isinstance(value, str) and name not in files), default=0)


def _too_large(came: str, limit: str, where: str) -> TooLargeError:
    remedy = "Send less at once, or raise the limit in the project file's serve section."
    return TooLargeError(came, expected=f"at most {limit}", where=where, remedy=remedy)


def _wrong_shape(came: str, where: str) -> RequestError:
    return RequestError(
        came,
        expected='one row as an object, such as {"text": "…"}, or {"inputs": [row, …]} with at least one row and nothing else',
        where=where,
        remedy="Correct the body; /openapi.json describes both shapes.",
    )


async def _send(send: Send, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    fields = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    fields += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})
