"""Answers as OpenAI's interface shapes them: whole, or in chunks of server-sent events."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from modelwright.serve.chat.paths import CHAT
from modelwright.serve.chat.requests import Ask

DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Head:
    """What every chunk of one answer repeats."""

    id: str
    created: int
    model: str
    release: str
    chat: bool

    @classmethod
    def of(cls, ask: Ask, identity: str, created: int, model: str, release: str) -> Head:
        chat = ask.path == CHAT
        return cls(f"{'chatcmpl' if chat else 'cmpl'}-{identity}", created, model, release, chat)

    def _dict(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.release[:12],
        }

    def whole(self, text: str, reason: str, prompt: int, answer: int) -> dict[str, Any]:
        """The answer to a request without stream."""
        choice: dict[str, Any] = {"index": 0, "logprobs": None, "finish_reason": reason}
        if self.chat:
            choice["message"] = {"role": "assistant", "content": text, "refusal": None}
        else:
            choice["text"] = text
        kind = "chat.completion" if self.chat else "text_completion"
        return {**self._dict(kind), "choices": [choice], "usage": usage(prompt, answer)}

    def chunk(self, text: str | None, reason: str | None, first: bool = False, counting: bool = False) -> bytes:
        """One event of a stream.

        Args:
            first: name the role.
            counting: the stream tells its counts at the end, and says in every other chunk that they are not known yet.
        """
        choice: dict[str, Any] = {"index": 0, "logprobs": None, "finish_reason": reason}
        if self.chat:
            choice["delta"] = {**({"role": "assistant"} if first else {}), **({} if text is None else {"content": text})}
        else:
            choice["text"] = text or ""
        content = {**self._dict("chat.completion.chunk" if self.chat else "text_completion"), "choices": [choice]}
        return event({**content, "usage": None} if counting else content)

    def counts(self, prompt: int, answer: int) -> bytes:
        """The last event of a stream that tells its counts."""
        kind = "chat.completion.chunk" if self.chat else "text_completion"
        return event({**self._dict(kind), "choices": [], "usage": usage(prompt, answer)})


def usage(prompt: int, answer: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def event(content: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(content, ensure_ascii=False).encode("utf-8", "replace") + b"\n\n"
