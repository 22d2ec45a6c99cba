"""Conversations in the shapes that they come in, as one: compact JSON text, [{"role": …, "content": …}, …].

Read are lists of {"role", "content"} (or their JSON), ShareGPT's {"from", "value"}, and tables with a column for each part
(instruction, input, output; prompt, response; question, answer). Preferences come with a prompt and two answers, or as two whole
conversations that differ in the last message.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from modelwright.base.nouns import Column
from modelwright.data.sources.source import RawRow, Reading
from modelwright.spec.data import Data

ROLES = ("system", "user", "assistant")
_SPELLINGS = {
    "human": "user",
    "prompter": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "developer": "system",
} | {role: role for role in ROLES}
_WHOLE = ("conversations", "conversation", "dialogue", "dialog")
_ASKED = ("instruction", "prompt", "question")
_ANSWERED = ("output", "response", "completion", "answer")
_PAIR = ("chosen", "rejected")


def messages_text(value: Any) -> str | TypeError:
    """A conversation as compact JSON text, or what is wrong with it."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            return TypeError(f"text that is no JSON ({error}), not a list of messages")
    if not isinstance(value, list | tuple) or not value:
        return TypeError(f"{_shown(value)}, not a list of messages")
    found = []
    for number, message in enumerate(value, 1):
        read = _message(number, message)
        if isinstance(read, TypeError):
            return read
        if read["role"] == "system" and number > 1:
            return TypeError(f"a system message at place {number}; it may only be the first")
        found.append(read)
    if found[-1]["role"] == "system":
        return TypeError("a system message and nothing else")
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def spoken(messages: Sequence[Mapping[str, str]]) -> str:
    """What is said in a conversation, without who says it: what copies are found by."""
    return "\n".join(message["content"] for message in messages)


def _message(number: int, message: Any) -> dict[str, str] | TypeError:
    if not isinstance(message, Mapping):
        return TypeError(f"{_shown(message)} as message {number}, not an object with role and content")
    given = message.get("role", message.get("from"))
    role = _SPELLINGS.get(given.strip().lower()) if isinstance(given, str) else None
    if role is None:
        return TypeError(f"the role {given!r:.40} in message {number}, not one of {', '.join(ROLES)}")
    content = message.get("content", message.get("value"))
    if isinstance(content, list | tuple) and content and all(_is_text_part(part) for part in content):
        content = "".join(part["text"] for part in content)
    if not isinstance(content, str):
        return TypeError(f"{_shown(content)} as content of message {number} ({role}), not text")
    if not content.strip():
        return TypeError(f"message {number} ({role}) without content")
    return {"role": role, "content": content}


def _is_text_part(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type", "text") == "text" and isinstance(part.get("text"), str)


def _shown(value: Any) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {value!r:.40}"


def with_messages(spec: Data, columns: Sequence[Column], reading: Reading) -> Reading:
    """The source with a column for the task's conversations, made of the columns that it has instead.

    Nothing changes if the task has no such column, the source has it already, or the task can do without it and the source has
    another of its inputs.
    """
    role = next((column.role for column in columns if column.kind == "messages"), None)
    if role is None or role in spec.columns:
        return reading
    others = [column.role for column in columns if column.input and column.kind != "messages"]
    optional = not any(column.required for column in columns if column.role == role)
    if optional and any(spec.columns.get(name, name) in reading.columns for name in others):
        return reading
    paired = all(any(column.role == name for column in columns) for name in _PAIR)
    has = set(reading.columns)
    whole = next((name for name in _WHOLE if name in has), None)
    asked = next((name for name in _ASKED if name in has), None)
    answered = next((name for name in _ANSWERED if name in has), None)
    if paired and has.issuperset(_PAIR):
        used = [] if role in has else [name for name in (asked, "input", "system", whole) if name in has and name is not None]
        return _made(reading, role, used, lambda values: _preference(values, role, asked, whole))
    if role in has:
        return reading
    if whole is not None:
        return _made(reading, role, [whole], lambda values: {role: values.get(whole)})
    if asked is not None and answered is not None:
        used = [asked, answered, *(name for name in ("input", "system") if name in has)]
        return _made(reading, role, used, lambda values: {role: [*_asked(values, asked), _answer(values.get(answered))]})
    return reading


def _made(reading: Reading, role: str, used: Sequence[str], make: Any) -> Reading:
    """`reading` with what `make` makes of each row; the columns it is made of are left out."""

    def rows() -> Iterator[RawRow]:
        for row in reading.rows:
            if row.problem:
                yield row
                continue
            kept = {name: value for name, value in row.values.items() if name not in used}
            yield replace(row, values={**kept, **make(row.values)})

    names = [name for name in reading.columns if name not in used]
    return replace(reading, columns=tuple(dict.fromkeys([*names, role])), rows=rows())


def _asked(values: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """What is said before the answer. An `input` belongs to the instruction before it."""
    question, more, system = values.get(name), values.get("input"), values.get("system")
    if isinstance(question, str) and isinstance(more, str) and more.strip():
        question = f"{question}\n\n{more}"
    before = [{"role": "system", "content": system}] if isinstance(system, str) and system.strip() else []
    return [*before, {"role": "user", "content": question}]


def _answer(content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def _preference(values: Mapping[str, Any], role: str, asked: str | None, whole: str | None) -> dict[str, Any]:
    """Prompt, chosen and rejected answer; answers that are whole conversations give up what they begin with."""
    found = dict(values)
    prompt: Any = values.get(role) or (values.get(whole) if whole else None)
    if prompt is None and asked is not None:
        given = values.get(asked)
        prompt = given if isinstance(given, list) else _asked(values, asked)
    answers = []
    for name in _PAIR:
        value = found[name]
        if isinstance(value, list) and value and isinstance(value[-1], Mapping):
            start, value = value[:-1], value[-1].get("content", value[-1].get("value"))
            prompt = start if prompt is None else prompt
        answers.append(value)
    return {role: prompt, **dict(zip(_PAIR, answers, strict=True))}
