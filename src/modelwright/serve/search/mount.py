"""The search face put into the application."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema
from starlette.routing import Route

from modelwright.serve.batching import Batcher
from modelwright.serve.chat.paths import EMBEDDINGS
from modelwright.serve.chat.requests import EmbeddingsRequest
from modelwright.serve.log import RequestLog
from modelwright.serve.metrics import Metrics
from modelwright.serve.predictor import Predictor
from modelwright.serve.schema import Problem
from modelwright.serve.search.answer import Answerer
from modelwright.serve.search.face import ANSWER, SearchFace
from modelwright.serve.search.requests import Answered, AnswerRequest
from modelwright.serve.search.vectors import Vectors
from modelwright.spec.serve import Serve
from modelwright.tasks.sentence_similarity import SentenceSimilarity


def add_search(
    app: FastAPI, predictor: Predictor, batcher: Batcher, settings: Serve, metrics: Metrics, log: RequestLog
) -> Answerer | None:
    """Routes of a release that searches, and who answers, to be closed at the end; None if it does not search."""
    task = predictor.task
    if not isinstance(task, SentenceSimilarity):
        return None
    vectors = None if task.reader is None else Vectors(predictor, task)
    answerer = Answerer(task, vectors, settings.answer)
    face = SearchFace(batcher, answerer, vectors, settings, metrics, log, _seconds(predictor.card.get("created")))
    routes = [Route(path, face, methods=["POST"]) for path in (ANSWER, EMBEDDINGS)]
    app.router.routes[:0] = [*routes, Route("/v1/models", face.models)]
    return answerer


def describe(schema: dict[str, Any]) -> None:
    """Put both paths into an OpenAPI description."""
    listed: list[Any] = [(AnswerRequest, "validation"), (Answered, "serialization"), (EmbeddingsRequest, "validation")]
    listed.append((Problem, "serialization"))
    references, definitions = models_json_schema(listed, ref_template="#/components/schemas/{model}")
    asked, answered, texts, problem = (references[entry] for entry in listed)
    refused = {status: {"description": why, "content": _json(problem)} for status, why in _REFUSED.items()}
    schema["paths"][ANSWER] = {
        "post": {
            "summary": "Answer a question from the collection, with citations",
            "operationId": "answer",
            "requestBody": {"required": True, "content": _json(asked)},
            "responses": {"200": {"description": "The answer, or that there is none", "content": _json(answered)}, **refused},
        }
    }
    schema["paths"][EMBEDDINGS] = {
        "post": {
            "summary": "Vectors of texts, as OpenAI's interface gives them",
            "operationId": "embed",
            "requestBody": {"required": True, "content": _json(texts)},
            "responses": {"200": {"description": "A vector of length one for each text"}},
        }
    }
    schema.setdefault("components", {}).setdefault("schemas", {}).update(definitions.get("$defs", {}))


_REFUSED = {
    "422": "The request is wrong; `where` names the place",
    "502": "The chat service that writes answers does not answer",
    "503": "Too many wait; Retry-After says when to come back",
}


def _json(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _seconds(created: Any) -> int:
    try:
        return int(datetime.fromisoformat(str(created)).timestamp())
    except ValueError:
        return 0
