"""`POST /v1/answer` and `POST /v1/embeddings` over a search release, with `GET /v1/models`, which OpenAI's clients ask for."""

from __future__ import annotations

import json
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from modelwright.base.errors import ModelwrightError, RequestError
from modelwright.serve import problems
from modelwright.serve.batching import Batcher
from modelwright.serve.body import ClientLeftError, read_body, read_json
from modelwright.serve.chat import problems as openai
from modelwright.serve.chat.embeddings import embed
from modelwright.serve.chat.paths import EMBEDDINGS
from modelwright.serve.chat.problems import check_model
from modelwright.serve.chat.requests import EmbeddingsRequest, validate
from modelwright.serve.log import RequestLog
from modelwright.serve.metrics import Metrics
from modelwright.serve.problems import OverloadedError, TooLargeError
from modelwright.serve.search.answer import Answerer
from modelwright.serve.search.requests import read
from modelwright.serve.search.vectors import Vectors
from modelwright.spec.serve import Serve

ANSWER = "/v1/answer"


class SearchFace:
    """The endpoints.

    Args:
        batcher: finds passages.
        answerer: writes answers from them.
        vectors: None where the release compares words only.
        created: seconds since 1970.
    """

    def __init__(
        self,
        batcher: Batcher,
        answerer: Answerer,
        vectors: Vectors | None,
        settings: Serve,
        metrics: Metrics,
        log: RequestLog,
        created: int,
    ) -> None:
        self.batcher, self.answerer, self.vectors, self.settings = batcher, answerer, vectors, settings
        self.metrics, self.log, self.created = metrics, log, created
        self.predictor = batcher.predictor
        self.busy = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, started = scope["path"], time.perf_counter()
        form: Any = openai if path == EMBEDDINGS else problems
        try:
            content = read_json(await read_body(scope, receive, self.settings.max_body_bytes))
            started = time.perf_counter()
            if not isinstance(content, dict):
                raise RequestError("the body is no JSON object", expected="an object", where="body", remedy="See /openapi.json.")
            answer = await (self._embed(content) if path == EMBEDDINGS else self._answer(content, started))
        except ClientLeftError:
            self.metrics.refused(499, "ClientLeft")
            return
        except ModelwrightError as error:
            status = form.status_of(error)
            self._told(path, status, started, type(error).__name__)
            await Response(form.body_of(error), status, problems.headers_of(error), "application/json")(scope, receive, send)
            return
        except Exception as error:  # ours, not the client's: counted here, answered and logged by the application
            self.metrics.refused(500, type(error).__name__)
            raise
        self._told(path, 200, started, "")
        body = json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace")
        await Response(body, media_type="application/json")(scope, receive, send)

    def _told(self, path: str, status: int, started: float, error: str) -> None:
        seconds = time.perf_counter() - started
        if status == 200:
            self.metrics.answered(1, seconds)
        else:
            self.metrics.refused(status, error)
        self.log.write(status, int(status == 200), seconds, path=path)

    async def _answer(self, content: dict[str, Any], started: float) -> dict[str, Any]:
        request = read(content, self.settings.max_characters)
        wanted = max(request.passages or self.settings.answer.passages, 2)
        rows = self.predictor.read([{"query": request.looked_for, "k": wanted}])
        with self._place(ANSWER):
            found: Any = (await self.batcher.submit(rows).answer)[0]
            answer = await self.answerer.answer(request, found)
        took_ms = round((time.perf_counter() - started) * 1000, 3)
        return {**answer, "release": self.predictor.hash, "latency_ms": took_ms}

    async def _embed(self, content: dict[str, Any]) -> dict[str, Any]:
        request = validate(EmbeddingsRequest, content)
        check_model(request.model, self.predictor.name)
        for place, text in enumerate(request.input):
            if len(text) > self.settings.max_characters:
                raise TooLargeError(
                    f"a text has {len(text):,} characters",
                    expected=f"at most {self.settings.max_characters:,} (serve.max_characters)",
                    where=f"input[{place}]",
                    remedy="Send less at once, or raise the limit in the project file's serve section.",
                )
        with self._place(EMBEDDINGS, len(request.input)):
            return (await embed(self.vectors, request, self.predictor.name))[0]

    def _place(self, path: str, rows: int = 1) -> _Place:
        if self.busy and self.busy + rows > self.settings.max_queue:
            raise OverloadedError(self.busy, self.settings.max_queue, 1.0, "texts", path)
        return _Place(self, rows)

    async def models(self, request: Request) -> Response:
        """`GET /v1/models`."""
        card = {"id": self.predictor.name, "object": "model", "created": self.created, "owned_by": "modelwright"}
        listed = {"object": "list", "data": [{**card, "release": self.predictor.hash}]}
        return Response(json.dumps(listed, ensure_ascii=False), media_type="application/json")


class _Place:
    """So many texts are being worked on."""

    def __init__(self, face: SearchFace, rows: int) -> None:
        self.face, self.rows = face, rows

    def __enter__(self) -> None:
        self.face.busy += self.rows

    def __exit__(self, *problem: object) -> None:
        self.face.busy -= self.rows
