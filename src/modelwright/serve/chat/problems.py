"""Errors of the chat face: OpenAI's shape, so that its clients raise their own classes, with our four parts beside it."""

from __future__ import annotations

import json

from modelwright.base.errors import ModelwrightError, RequestError
from modelwright.serve.problems import OverloadedError, TooLargeError


class UnknownModelError(RequestError):
    """The request names a model that is not served here (404)."""


def check_model(name: str, served: str) -> None:
    """Raises: UnknownModelError: `name` is not the model that is `served`."""
    if name != served:
        raise UnknownModelError(
            f"the model {name[:100]!r} is not served here",
            expected=f"the model {served!r}",
            where="model",
            remedy="Name that model; GET /v1/models lists what is served.",
        )


class ContextError(RequestError):
    """Prompt and answer together are longer than the model's context (400)."""


class UpstreamError(ModelwrightError):
    """The server behind this one did not answer as it should (502)."""

    exit_code = 4


_CODES: tuple[tuple[type[ModelwrightError], int, str, str], ...] = (
    (UnknownModelError, 404, "invalid_request_error", "model_not_found"),
    (ContextError, 400, "invalid_request_error", "context_length_exceeded"),
    (TooLargeError, 413, "invalid_request_error", "too_large"),
    (RequestError, 400, "invalid_request_error", "invalid_value"),
    (OverloadedError, 503, "overloaded_error", "overloaded"),
    (UpstreamError, 502, "server_error", "upstream_error"),
    (ModelwrightError, 500, "server_error", "server_error"),
)


def status_of(error: ModelwrightError) -> int:
    return next(status for kind, status, _, _ in _CODES if isinstance(error, kind))


def content_of(error: ModelwrightError) -> dict:
    """As OpenAI's interface answers errors; `message` tells all four parts in one text."""
    _, kind, code = next(entry[1:] for entry in _CODES if isinstance(error, entry[0]))
    message = f"{error.came}. Expected {error.expected}. {error.remedy}"
    return {"error": {"message": message, "type": kind, "param": error.where or None, "code": code, **_parts(error)}}


def _parts(error: ModelwrightError) -> dict:
    return {name: value for name, value in error.as_json().items() if name != "error"} | {"name": type(error).__name__}


def body_of(error: ModelwrightError) -> bytes:
    """What a hostile client sent may be quoted in it; half a surrogate pair becomes a question mark."""
    return json.dumps(content_of(error), ensure_ascii=False).encode("utf-8", "replace")
