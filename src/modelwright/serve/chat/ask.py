"""A release that chats, asked without a server: the same prompts, the same engine, the same answers."""

from __future__ import annotations

import queue
from collections.abc import Sequence
from typing import Any

from modelwright.base.decoding import Decoding
from modelwright.base.graph import Graph
from modelwright.serve.chat.engine import Engine, Piece
from modelwright.serve.chat.mount import find_reader
from modelwright.serve.chat.paths import CHAT
from modelwright.serve.chat.requests import Ask, read_ask
from modelwright.serve.chat.voice import Reader, make_job
from modelwright.serve.predictor import Predictor
from modelwright.spec.serve import Serve

TEMPERATURE, SEED = 0.7, 0
"""As people expect a chat to talk; always the same answer to the same question."""


def answer(predictor: Predictor, requests: Sequence[Any]) -> list[dict[str, Any]]:
    """Answers in the order of `requests`: texts and conversations are answered, `{"text": …}` is scored.

    Raises:
        RequestError: a request is wrong.
    """
    settings = Serve()
    reader = find_reader(predictor, settings)
    if reader is None or not isinstance(predictor.graph, Graph):
        return [prediction.as_json() for prediction in predictor.predict(requests)]
    engine = Engine(Decoding(predictor.graph.session, reader.layout), settings.places, reader.ends)
    try:
        return [_one(predictor, reader, engine, request) for request in requests]
    finally:
        engine.close()


def _one(predictor: Predictor, reader: Reader, engine: Engine, request: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": request}] if isinstance(request, str) else None
    if isinstance(request, dict) and isinstance(request.get("messages"), list):
        messages = request["messages"]
    if messages is None or _spoken(messages):
        return predictor.predict([request])[0].as_json()
    content = {"model": predictor.name, "messages": messages, "temperature": TEMPERATURE, "seed": SEED}
    return _answered(reader, engine, read_ask(CHAT, content, reader.settings.max_characters))


def _spoken(messages: Sequence[Any]) -> bool:
    """Whether the assistant has had the last word: such a conversation is scored."""
    return bool(messages) and isinstance(messages[-1], dict) and messages[-1].get("role") == "assistant"


def _answered(reader: Reader, engine: Engine, ask: Ask) -> dict[str, Any]:
    prompt = reader.prompt(ask)
    came: queue.SimpleQueue[Piece] = queue.SimpleQueue()
    engine.submit(make_job(reader, ask, prompt, came.put))
    text, tokens = "", 0
    while True:
        piece = came.get()
        if piece.error is not None:
            raise piece.error
        text, tokens = text + piece.text, tokens + piece.tokens
        if piece.reason is not None:
            return {"text": text, "finish_reason": piece.reason, "prompt_tokens": len(prompt), "completion_tokens": tokens}
