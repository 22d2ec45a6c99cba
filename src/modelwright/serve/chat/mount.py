"""The chat face put into the application: its routes, what it tells of itself in /openapi.json, what it counts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema
from starlette.routing import Route

from modelwright.base.decoding import Layout
from modelwright.base.graph import Graph
from modelwright.serve.chat import page
from modelwright.serve.chat.face import ChatFace, Served
from modelwright.serve.chat.meters import ChatMeters
from modelwright.serve.chat.paths import CHAT, EMBEDDINGS, TEXT
from modelwright.serve.chat.requests import ChatRequest, EmbeddingsRequest, TextRequest
from modelwright.serve.chat.voice import OwnVoice, Reader, Voice
from modelwright.serve.log import RequestLog
from modelwright.serve.metrics import Metrics
from modelwright.serve.predictor import Predictor
from modelwright.spec.serve import Serve
from modelwright.tasks.text_generation import TextGeneration

_ABOUT = {
    CHAT: ("Answer a conversation", "chat", ChatRequest),
    TEXT: ("Go on writing a text", "complete", TextRequest),
    EMBEDDINGS: ("Vectors of texts", "embed", EmbeddingsRequest),
}


def find_voice(predictor: Predictor, settings: Serve) -> Voice | None:
    """Who answers chat for this release; None if nobody does.

    Raises:
        ReleaseError: its graph can't be continued token by token, or its tokenizer is damaged.
    """
    if settings.engine != "own":
        from modelwright.serve.chat.upstream import UpstreamVoice

        return UpstreamVoice(settings)
    reader = find_reader(predictor, settings)
    if reader is None or not isinstance(predictor.graph, Graph):
        return None
    return OwnVoice(reader, predictor.graph, settings)


def find_reader(predictor: Predictor, settings: Serve) -> Reader | None:
    """Who turns asks into tokens for this release; None if it does not chat.

    Raises:
        ReleaseError: its settings are damaged.
    """
    if not predictor.speaks or not isinstance(predictor.task, TextGeneration):
        return None
    return Reader(predictor.task.words, Layout.read(predictor.release), settings, predictor.task.system)


def add_chat(app: FastAPI, voice: Voice, predictor: Predictor, settings: Serve, metrics: Metrics, log: RequestLog) -> None:
    """Routes and counters of a release that answers."""
    meters = ChatMeters(lambda: voice.queued, lambda: voice.busy)
    metrics.others.append(meters)
    served = Served(predictor.name, predictor.hash, _seconds(predictor.card.get("created")))
    face = ChatFace(voice, served, settings, meters, log)
    routes = [Route(path, face, methods=["POST"]) for path in _ABOUT]
    routes += [Route("/v1/models", face.models), Route("/v1/models/{name:path}", face.model)]
    routes.append(Route(page.PATH, page.show(predictor.name)))
    app.router.routes[:0] = routes


def describe(schema: dict[str, Any]) -> None:
    """Put the three paths into an OpenAPI description."""
    listed: list[Any] = [(model, "validation") for _, _, model in _ABOUT.values()]
    references, definitions = models_json_schema(listed, ref_template="#/components/schemas/{model}")
    for path, (summary, name, model) in _ABOUT.items():
        body = {"required": True, "content": {"application/json": {"schema": references[model, "validation"]}}}  # type: ignore[index]
        answers = {
            "200": {"description": "As OpenAI's interface answers; with stream: true, server-sent events"},
            "400": {"description": "The request is wrong, or longer than the context; `param` names the place"},
            "404": {"description": "Another model is asked for"},
            "503": {"description": "Too many wait; Retry-After says when to come back"},
        }
        schema["paths"][path] = {"post": {"summary": summary, "operationId": name, "requestBody": body, "responses": answers}}
    schema.setdefault("components", {}).setdefault("schemas", {}).update(definitions.get("$defs", {}))


def _seconds(created: Any) -> int:
    try:
        return int(datetime.fromisoformat(str(created)).timestamp())
    except ValueError:
        return 0
