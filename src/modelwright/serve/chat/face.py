"""OpenAI's interface over a release: models, chat completions and completions, whole or as a stream; embeddings where it has some.

Plain ASGI endpoints beside FastAPI's routes, as `serve/face.py`: a stream then costs one send for each piece.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from modelwright.base.errors import ModelwrightError, RequestError
from modelwright.serve.body import ClientLeftError, read_body, read_json
from modelwright.serve.chat.answers import DONE, Head, event
from modelwright.serve.chat.embeddings import Embedder, embed
from modelwright.serve.chat.meters import ChatMeters
from modelwright.serve.chat.paths import EMBEDDINGS
from modelwright.serve.chat.problems import UnknownModelError, body_of, check_model, content_of, status_of
from modelwright.serve.chat.requests import Ask, EmbeddingsRequest, read_ask, validate
from modelwright.serve.chat.voice import Answer, Voice
from modelwright.serve.log import RequestLog
from modelwright.serve.problems import TooLargeError, headers_of
from modelwright.spec.serve import Serve

_STREAM = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]


@dataclass(frozen=True, slots=True)
class Served:
    """What is served: the model's name in requests, the release's hash, when it was made (seconds since 1970)."""

    name: str
    release: str
    created: int


@dataclass(slots=True)
class _Told:
    """What is counted of one request while it is answered."""

    path: str
    started: float
    prompt: int = 0
    answer: int = 0
    first_s: float | None = None
    user: str | None = None


class ChatFace:
    """The endpoints.

    Args:
        voice: answers.
        served: under which name.
        settings: the limits.
        meters, log: told of each request.
        embedder: gives embeddings; None where the release has none.
    """

    def __init__(
        self,
        voice: Voice,
        served: Served,
        settings: Serve,
        meters: ChatMeters,
        log: RequestLog,
        embedder: Embedder | None = None,
    ) -> None:
        self.voice, self.served, self.settings = voice, served, settings
        self.meters, self.log, self.embedder = meters, log, embedder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`POST` to one of the three paths."""
        told = _Told(scope["path"], time.perf_counter())
        begun = _Begun(send)
        try:
            body = await read_body(scope, receive, self.settings.max_body_bytes)
            told.started = time.perf_counter()
            content = read_json(body)
            if not isinstance(content, dict):
                raise _no_object(content)
            work = self._embed(content, told, begun) if told.path == EMBEDDINGS else self._answer(content, told, begun)
            await _while_client_stays(work, receive)
            status = 200
        except ClientLeftError:
            status = 499
        except ModelwrightError as error:
            status = status_of(error)
            await begun.refuse(error)
        except Exception:  # ours, not the client's: counted here, answered and logged by the application
            self._count(told, 500)
            raise
        self._count(told, status)

    def _count(self, told: _Told, status: int) -> None:
        seconds = time.perf_counter() - told.started
        self.meters.ended(told.path, status, seconds if status == 200 else None, told.prompt, told.answer)
        first_ms = None if told.first_s is None else round(told.first_s * 1000, 3)
        counts = {"prompt_tokens": told.prompt, "completion_tokens": told.answer, "first_token_ms": first_ms}
        self.log.write(status, int(status == 200), seconds, path=told.path, **counts, user=told.user)

    async def _answer(self, content: dict[str, Any], told: _Told, begun: _Begun) -> None:
        ask = read_ask(told.path, content, self.settings.max_characters)
        check_model(ask.model, self.served.name)
        told.user = ask.user
        answer = await self.voice.answer(ask)
        told.prompt = answer.prompt_tokens
        head = Head.of(ask, secrets.token_hex(12), int(time.time()), self.served.name, self.served.release)
        try:
            await (self._stream if ask.stream else self._whole)(ask, answer, head, told, begun)
        finally:
            answer.leave()

    async def _whole(self, ask: Ask, answer: Answer, head: Head, told: _Told, begun: _Begun) -> None:
        texts, reason = [], "stop"
        async for piece in answer.pieces:
            self._tell(told, piece.tokens)
            if piece.error is not None:
                raise piece.error
            texts.append(piece.text)
            reason = piece.reason or reason
        told.prompt = answer.prompt_tokens
        await begun.send_json(head.whole("".join(texts), reason, told.prompt, told.answer))

    async def _stream(self, ask: Ask, answer: Answer, head: Head, told: _Told, begun: _Begun) -> None:
        counting, first = ask.include_usage, True
        async for piece in answer.pieces:
            self._tell(told, piece.tokens)
            if piece.error is not None:
                raise piece.error
            chunk = b""
            if piece.text or first:
                chunk = head.chunk(piece.text, None, first, counting)
            if piece.reason is not None:
                chunk += head.chunk(None, piece.reason, counting=counting)
            first = False
            if chunk:
                await begun.send_part(chunk)
        told.prompt = answer.prompt_tokens
        await begun.send_part((head.counts(told.prompt, told.answer) if counting else b"") + DONE, last=True)

    def _tell(self, told: _Told, tokens: int) -> None:
        told.answer += tokens
        if told.first_s is None:
            told.first_s = time.perf_counter() - told.started
            self.meters.first(told.first_s)

    async def _embed(self, content: dict[str, Any], told: _Told, begun: _Begun) -> None:
        request = validate(EmbeddingsRequest, content)
        check_model(request.model, self.served.name)
        told.user = request.user
        found, told.prompt = await embed(self.embedder, request, self.served.name)
        await begun.send_json(found)

    async def models(self, request: Request) -> Response:
        """`GET /v1/models`."""
        return _json_response({"object": "list", "data": [self._card()]})

    async def model(self, request: Request) -> Response:
        """`GET /v1/models/{name}`."""
        try:
            check_model(request.path_params["name"], self.served.name)
        except UnknownModelError as error:
            return Response(body_of(error), status_of(error), media_type="application/json")
        return _json_response(self._card())

    def _card(self) -> dict[str, Any]:
        card = {"id": self.served.name, "object": "model", "created": self.served.created, "owned_by": "modelwright"}
        return {**card, "release": self.served.release, "context": self.voice.context}


class _Begun:
    """Where an answer goes, and whether its beginning has been sent already: what goes wrong later can only be told in the stream."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.streaming = False

    async def send_json(self, content: dict[str, Any]) -> None:
        await self._whole(200, json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"), {})

    async def send_part(self, part: bytes, last: bool = False) -> None:
        if not self.streaming:
            self.streaming = True
            await self.send({"type": "http.response.start", "status": 200, "headers": _STREAM})
        await self.send({"type": "http.response.body", "body": part, "more_body": not last})

    async def refuse(self, error: ModelwrightError) -> None:
        if self.streaming:
            await self.send_part(event(content_of(error)) + DONE, last=True)
            return
        headers = headers_of(error)
        if isinstance(error, TooLargeError):
            headers["connection"] = "close"  # what is left of the body is not read
        await self._whole(status_of(error), body_of(error), headers)

    async def _whole(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        fields = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        fields += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": fields})
        await self.send({"type": "http.response.body", "body": body})


async def _while_client_stays(work: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Do `work`; break it off when the client leaves.

    Raises:
        ClientLeftError: it did.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(receive())  # after the body, the only message left is the disconnect
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            working.cancel()
            await asyncio.wait((working,))
            raise ClientLeftError
        working.result()
    finally:
        leaving.cancel()
        working.cancel()


def _no_object(content: Any) -> RequestError:
    return RequestError(
        f"the body is a JSON {type(content).__name__}",
        expected='an object, such as {"model": "…", "messages": [{"role": "user", "content": "…"}]}',
        where="body",
        remedy="Correct the body; /docs describes it.",
    )


def _json_response(content: dict[str, Any]) -> Response:
    return Response(json.dumps(content, ensure_ascii=False), media_type="application/json")
