"""The chat addresses where nobody answers them: an error that says why. Loads nothing of the chat face itself, for most releases
do not chat, and shall not start later for it."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from modelwright.base.errors import RequestError
from modelwright.serve.chat.paths import CHAT, EMBEDDINGS, TEXT
from modelwright.serve.chat.problems import body_of
from modelwright.serve.predictor import Predictor


def add_silence(app: FastAPI, predictor: Predictor) -> None:
    """Refuse chat, completions and embeddings by name."""
    language = predictor.task.wants == "next-tokens"
    why = "is a language model that can't be continued token by token" if language else f"does {predictor.task.name}"
    problem = RequestError(
        f"this release {why}: it does not chat",
        expected="POST /v1/predict, which it answers",
        where="the release",
        remedy="Serve a run of task text-generation whose route is a decoder; or set serve.engine to a server that chats.",
    )

    async def refuse(request: Request) -> Response:
        return Response(body_of(problem), 404, media_type="application/json")

    app.router.routes[:0] = [Route(path, refuse, methods=["POST"]) for path in (CHAT, TEXT, EMBEDDINGS)]
