"""What a chat release is asked in its rehearsal: real rows as prompts, answered in streams, as people are answered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelwright.base.decoding import Layout
from modelwright.base.errors import ReleaseError
from modelwright.base.store import read_json
from modelwright.serve.chat.paths import CHAT, TEXT
from modelwright.serve.chat.problems import ContextError
from modelwright.serve.chat.requests import read_ask
from modelwright.serve.chat.voice import Reader
from modelwright.spec.serve import Serve
from modelwright.tasks.contract import load_task
from modelwright.tasks.text_generation import TextGeneration


def prompts(release: Path, settings: Serve, requests: Sequence[dict[str, Any]], tokens: int) -> list[tuple[str, dict[str, Any]]]:
    """Path and body of each request that leaves room for an answer in the model's context.

    Args:
        requests: shaped as the task's request: a text, or messages.
        tokens: of an answer at most; less where the context or `settings.max_tokens` is short.

    Raises:
        ReleaseError: nothing can be asked of this release.
    """
    task = load_task(release)
    if not isinstance(task, TextGeneration):
        raise _nothing(release, f"the release does {task.name}")
    reader = Reader(task.words, Layout.read(release), settings, task.system)
    tokens = min(tokens, settings.max_tokens, max(1, reader.context // 2))
    name = str(read_json(release / "release.json").get("name", release.name))
    found = []
    for number, request in enumerate(requests):
        path, body = _body(reader, request, reader.context - tokens)
        body |= {"model": name, "max_tokens": tokens, "seed": number, "stream": True, "stream_options": {"include_usage": True}}
        try:
            ask = read_ask(path, body, settings.max_characters)
            reader.limit(ask, len(reader.prompt(ask)))
        except ContextError:  # a conversation of several turns that leaves no room: a client would be refused
            continue
        found.append((path, body))
    if not found:
        raise _nothing(release, f"none of {len(requests):,} rows leaves room for an answer of {tokens:,} tokens")
    return found


def _body(reader: Reader, request: dict[str, Any], room: int) -> tuple[str, dict[str, Any]]:
    messages = request.get("messages")
    if messages is None:
        ids = reader.tokenizer.encode(str(request.get("text", "")))
        text = reader.tokenizer.decode(ids[: max(1, min(len(ids) // 2, room))]).rstrip("\ufffd")
        return TEXT, {"prompt": text or " "}
    messages = json.loads(messages) if isinstance(messages, str) else messages
    asked = [{"role": one["role"], "content": one["content"]} for one in messages]
    while len(asked) > 1 and asked[-1]["role"] == "assistant":
        asked.pop()
    return CHAT, {"messages": asked}


def _nothing(release: Path, came: str) -> ReleaseError:
    return ReleaseError(
        came,
        expected="rows that are shorter than the model's context",
        where=str(release),
        remedy="Train with a larger learn.context, or rehearse shorter answers (rehearse.answer_tokens).",
    )
