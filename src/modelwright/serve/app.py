"""The HTTP face: predict, health, metrics, the model's card, OpenAPI. Every error is answered in the same four parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.routing import Route

from modelwright import __version__
from modelwright.base.errors import ModelwrightError, RequestError
from modelwright.serve.batching import Batcher
from modelwright.serve.chat.silence import add_silence
from modelwright.serve.face import PredictFace
from modelwright.serve.log import RequestLog
from modelwright.serve.metrics import Metrics
from modelwright.serve.predictor import Predictor
from modelwright.serve.problems import body_of
from modelwright.serve.schema import Health, Problem, predict_path
from modelwright.spec.serve import Serve

if TYPE_CHECKING:
    from modelwright.serve.chat.voice import Voice

PREDICT = "/v1/predict"
_SEARCH = "sentence-similarity"


def create_app(predictor: Predictor, settings: Serve) -> FastAPI:
    """The application over a loaded release. The batcher lives as long as the server's lifespan, and closing it finishes
    what is queued.

    Raises:
        MachineError: the request log can't be written.
    """
    batcher = Batcher(predictor, settings)
    voice = _find_voice(predictor, settings)
    metrics = Metrics(predictor.hash, predictor.name, lambda: len(batcher.waiting))
    batcher.meters = metrics
    log = RequestLog(Path(settings.log) if settings.log else None, predictor.hash)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if predictor.sample is not None:
            batcher.warm_up(predictor.sample)
        yield
        await batcher.close()
        if voice is not None:
            await voice.close()
        if answerer is not None:
            answerer.close()
        log.close()

    app = FastAPI(
        title=f"{predictor.name} · {predictor.task.name}",
        version=predictor.hash[:12],
        lifespan=lifespan,
        responses={500: {"model": Problem}},
    )
    face = PredictFace(batcher, settings, metrics, log)
    app.router.routes.insert(0, Route(PREDICT, face, methods=["POST"]))
    _add_routes(app, predictor, metrics)
    if voice is None:
        add_silence(app, predictor)
    else:
        from modelwright.serve.chat.mount import add_chat

        add_chat(app, voice, predictor, settings, metrics, log)
    answerer = None
    if predictor.task.name == _SEARCH:
        from modelwright.serve.search.mount import add_search

        answerer = add_search(app, predictor, batcher, settings, metrics, log)
    _add_errors(app)
    _describe(app, predictor, voice is not None, answerer is not None)
    return app


def _find_voice(predictor: Predictor, settings: Serve) -> Voice | None:
    """Who answers chat. The faces of chat and search are loaded for releases that have them: a tenth of a second at each start."""
    if not predictor.speaks and settings.engine == "own":
        return None
    from modelwright.serve.chat.mount import find_voice

    return find_voice(predictor, settings)


def _add_routes(app: FastAPI, predictor: Predictor, metrics: Metrics) -> None:
    health = Health(ready=True, name=predictor.name, release=predictor.hash, version=__version__)

    @app.get("/health")
    async def read_health() -> Health:
        """Ready: the release is verified, loaded and warm (before that, the port does not listen)."""
        return health

    @app.get("/metrics", response_class=Response)
    async def read_metrics() -> Response:
        """Prometheus metrics."""
        text, content_type = metrics.text()
        return Response(text, media_type=content_type)

    @app.get("/v1/model")
    async def read_model() -> dict[str, Any]:
        """The release's card: name, task, route, variant, quality, when it was made."""
        return {**predictor.card, "hash": predictor.hash}


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        routes = f"POST {PREDICT}, GET /health, GET /metrics, GET /v1/model, GET /docs, GET /openapi.json"
        problem = RequestError(
            f"{request.method} {request.url.path[:200]}: {error.detail}",
            expected=f"one of: {routes}",
            where=request.url.path[:200],
            remedy="Correct the address or the method; /openapi.json describes them all.",
        )
        return Response(body_of(problem), error.status_code, dict(error.headers or {}), "application/json")

    @app.exception_handler(Exception)
    async def on_failure(request: Request, error: Exception) -> Response:
        problem = ModelwrightError(  # the traceback goes to the server's own log, never to a client
            "the server failed at this request",
            expected="an answer, or an error that says what is wrong with the request",
            where=request.url.path[:200],
            remedy="Look at the server's output for the traceback, and report it together with the request.",
        )
        return Response(body_of(problem), 500, media_type="application/json")


def _describe(app: FastAPI, predictor: Predictor, chats: bool, searches: bool) -> None:
    """Put `/v1/predict` and the faces of chat and search, which FastAPI does not know, into the OpenAPI description; made once, when
    first asked for."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = generate()
            path, components = predict_path(predictor.task)
            schema["paths"] = {PREDICT: path, **schema["paths"]}
            schema.setdefault("components", {}).setdefault("schemas", {}).update(components)
            if chats:
                from modelwright.serve.chat.mount import describe

                describe(schema)
            if searches:
                from modelwright.serve.search.mount import describe as describe_search

                describe_search(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
