"""A conversation: a list of messages, each with a role and a content, kept as compact JSON text in a row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.base.errors import ModelwrightError, RequestError

ROLES = ("system", "user", "assistant")
Messages = list[dict[str, str]]

_SHAPE = '[{"role": "user", "content": "…"}, …] with the roles system, user and assistant'


def read_messages(value: Any, where: str, error: type[ModelwrightError] = RequestError) -> Messages:
    """A conversation from JSON text, or from a list of mappings with exactly "role" and "content".

    Args:
        where: for the message of an error: a row, a request.
        error: what is raised.

    Raises:
        error: no list, no message, an unknown role or key, a content that is no text.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as problem:
            raise _refused(error, f"the messages are no JSON: {str(problem)[:200]}", where) from problem
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise _refused(error, f"the messages are of type {type(value).__name__}", where)
    if not value:
        raise _refused(error, "there is no message", where)
    return [_message(message, number, where, error) for number, message in enumerate(value, start=1)]


def write_messages(messages: Sequence[Mapping[str, str]]) -> str:
    """As compact JSON text: equal conversations give equal texts."""
    plain = [{"role": message["role"], "content": message["content"]} for message in messages]
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def with_system(messages: Messages, system: str | None) -> Messages:
    """The conversation with a system message in front, unless it has one or there is none to add."""
    if system is None or any(message["role"] == "system" for message in messages):
        return messages
    return [{"role": "system", "content": system}, *messages]


def _message(message: Any, number: int, where: str, error: type[ModelwrightError]) -> dict[str, str]:
    if not isinstance(message, Mapping):
        raise _refused(error, f"message {number} is of type {type(message).__name__}", where)
    if unknown := sorted(str(key) for key in message if key not in ("role", "content")):
        raise _refused(error, f"message {number} has the unknown key {unknown[0][:40]!r}", where)
    role, content = message.get("role"), message.get("content")
    if role not in ROLES:
        raise _refused(error, f"message {number} has the role {str(role)[:40]!r}", where)
    if not isinstance(content, str):
        raise _refused(error, f"message {number} has a content of type {type(content).__name__}", where)
    return {"role": role, "content": content}


def _refused(error: type[ModelwrightError], came: str, where: str) -> ModelwrightError:
    return error(came, expected=_SHAPE, where=where, remedy="Mend the messages and send them again.")
