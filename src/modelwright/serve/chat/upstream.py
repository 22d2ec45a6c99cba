"""A server behind this one: vLLM on GPUs, or anything else that speaks OpenAI's interface. Asks are passed on, answers passed back.

What a client sees stays the same: the name of the model, errors in four parts, limits, counts, the request log, the metrics.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from typing import Any

from modelwright.base.errors import ModelwrightError, RequestError
from modelwright.base.optional import require
from modelwright.serve.chat.engine import Piece
from modelwright.serve.chat.problems import ContextError, UpstreamError
from modelwright.serve.chat.requests import Ask
from modelwright.serve.chat.voice import Answer
from modelwright.serve.problems import OverloadedError
from modelwright.spec.serve import Serve

KEY = "MODELWRIGHT_UPSTREAM_KEY"
"""Environment variable whose value is sent along as the bearer token, where the server behind wants one."""
_PATIENCE_S = 600.0


class UpstreamVoice:
    """Passes asks on.

    Args:
        settings: `engine` names the server and its model; `max_queue`, `max_tokens`, `context` hold as for an engine of one's own.
    """

    def __init__(self, settings: Serve) -> None:
        scheme, _, rest = settings.engine.partition("://")
        place, _, self.model = rest.partition("/")
        self.address = f"{'https' if scheme == 'openais' else 'http'}://{place}"
        self.settings, self.context = settings, settings.context
        self.busy = 0
        httpx = require("httpx", "chat")
        headers = {"authorization": f"Bearer {os.environ[KEY]}"} if os.environ.get(KEY) else {}
        timeout = httpx.Timeout(_PATIENCE_S, connect=10.0)
        self.failures = httpx.HTTPError
        self.client = httpx.AsyncClient(base_url=self.address, headers=headers, timeout=timeout, trust_env=False)

    @property
    def queued(self) -> int:
        """Whatever waits, waits in the server behind."""
        return 0

    async def answer(self, ask: Ask) -> Answer:
        if self.busy >= self.settings.max_queue:
            raise OverloadedError(self.busy, self.settings.max_queue, 1.0, "prompts", ask.path)
        found = Answer(0, _nothing(), lambda: None)
        found.pieces = self._pieces(ask, found)
        return found

    async def _pieces(self, ask: Ask, found: Answer) -> AsyncIterator[Piece]:
        self.busy += 1
        try:
            async with self.client.stream("POST", ask.path, json=self._body(ask)) as response:
                if response.status_code != 200:
                    raise _refusal(response.status_code, await response.aread(), self.address)
                async for piece in _read(response, found):
                    yield piece
        except self.failures as error:
            raise self._unreachable(error) from error
        finally:
            self.busy -= 1

    def _body(self, ask: Ask) -> dict[str, Any]:
        sampling = ask.sampling
        limit = ask.limit or (self.settings.max_tokens if ask.messages is None else None)
        body: dict[str, Any] = {
            "model": self.model,
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
            "frequency_penalty": sampling.frequency_penalty,
            "presence_penalty": sampling.presence_penalty,
            "logit_bias": {str(token): bias for token, bias in sampling.bias.items()} or None,
            "stop": list(ask.stops) or None,
            "max_tokens": limit,
            "messages": ask.messages,
            "prompt": ask.prompt,
        }
        return {key: value for key, value in body.items() if value is not None}

    def _unreachable(self, error: Exception) -> UpstreamError:
        return UpstreamError(
            f"the server behind did not answer: {type(error).__name__} {error}".strip()[:300],
            expected="a server that speaks OpenAI's interface",
            where=self.settings.engine,
            remedy="See that it runs and can be reached from here; then ask again.",
        )

    async def close(self) -> None:
        await self.client.aclose()


async def _nothing() -> AsyncIterator[Piece]:
    return
    yield


async def _read(response: Any, found: Answer) -> AsyncIterator[Piece]:
    """The pieces of a stream. Counts come at its end: the last piece is held back until then.

    Raises:
        UpstreamError: it breaks off, or is no such stream.
    """
    reason, told, shown = None, 0, 0
    async for line in response.aiter_lines():
        if not line.startswith("data:"):
            continue
        data = line[5:].strip()
        if data == "[DONE]":
            break
        content = _parsed(data, found)
        usage = content.get("usage")
        if usage:
            found.prompt_tokens, told = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
        for choice in content.get("choices") or []:
            text = choice.get("delta", {}).get("content") or choice.get("text") or ""
            reason = choice.get("finish_reason") or reason
            if text:
                shown += 1
                yield Piece(text, 1)
    if reason is None:
        raise _broken("the stream ended before the answer did")
    yield Piece("", max(0, told - shown) if told else 0, reason)


def _parsed(data: str, found: Answer) -> dict[str, Any]:
    try:
        content = json.loads(data)
    except ValueError as error:
        raise _broken(f"the stream holds no JSON: {error}") from error
    if not isinstance(content, dict) or "error" in content:
        raise _broken(f"the server behind failed: {str(content)[:300]}")
    return content


def _broken(came: str) -> UpstreamError:
    return UpstreamError(
        came, expected="a stream of chat or text chunks", where="serve.engine", remedy="Look at that server's log; ask again."
    )


def _refusal(status: int, body: bytes, address: str) -> ModelwrightError:
    """What the server behind refused, as an error of this one."""
    try:
        told = json.loads(body)["error"]
        message, code = str(told.get("message", told))[:500], told.get("code")
    except (ValueError, KeyError, TypeError, AttributeError):
        message, code = body[:300].decode("utf-8", "replace"), None
    if status in (400, 413, 422):
        kind = ContextError if code == "context_length_exceeded" or "context length" in message else RequestError
        return kind(message, expected="a request that the model behind takes", where="body", remedy="Correct the request.")
    return UpstreamError(
        f"the server behind answers {status}: {message}",
        expected="200",
        where=address,
        remedy="See its log; the model's name in serve.engine must be one that it serves.",
    )
