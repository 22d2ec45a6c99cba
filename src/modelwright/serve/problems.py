"""What can go wrong with a request, as errors of the family, and the HTTP status each one means.

RequestError             422
└── TooLargeError        413
MachineError
├── OverloadedError      503, with Retry-After
└── BoughtError          502: the service that is asked does not answer
    └── CapError         503: what it may cost is spent
"""

from __future__ import annotations

import json
from math import ceil

from modelwright.base.errors import BoughtError, CapError, MachineError, ModelwrightError, RequestError


class TooLargeError(RequestError):
    """The body, a text or the number of rows is over the server's limit."""


class OverloadedError(MachineError):
    """The queue is full; `retry_after_s` is when it will probably have drained (whole seconds, at least 1)."""

    def __init__(self, waiting: int, limit: int, drains_in_s: float, what: str = "rows", where: str = "/v1/predict") -> None:
        self.retry_after_s = max(1, ceil(drains_in_s))
        super().__init__(
            f"{waiting:,} {what} are waiting already",
            expected=f"a queue of at most {limit:,} {what} (serve.max_queue)",
            where=where,
            remedy=f"Send the request again in {self.retry_after_s} s; if this happens often, serve on more cores.",
        )


def status_of(error: ModelwrightError) -> int:
    if isinstance(error, TooLargeError):
        return 413
    if isinstance(error, RequestError):
        return 422
    if isinstance(error, BoughtError):
        return 503 if isinstance(error, CapError) else 502
    return 503 if isinstance(error, OverloadedError) else 500


def headers_of(error: ModelwrightError) -> dict[str, str]:
    return {"retry-after": str(error.retry_after_s)} if isinstance(error, OverloadedError) else {}


def body_of(error: ModelwrightError) -> bytes:
    """The four parts as JSON, as every error of this server is answered. What a hostile client sent may be quoted in them;
    half a surrogate pair has no UTF-8 and becomes a question mark."""
    return json.dumps(error.as_json(), ensure_ascii=False).encode("utf-8", "replace")


def not_json(reason: str) -> RequestError:
    return RequestError(
        f"the body is not JSON: {reason}",
        expected="JSON in UTF-8",
        where="body",
        remedy='Send for example {"text": "…"} or {"inputs": [{"text": "…"}]}; /openapi.json describes both.',
    )
