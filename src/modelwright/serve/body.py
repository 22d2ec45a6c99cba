"""A request's body, read under a limit, and as JSON."""

from __future__ import annotations

import json
from typing import Any

from starlette.types import Receive, Scope

from modelwright.serve.problems import TooLargeError, not_json


class ClientLeftError(Exception):
    """The client closed the connection before its answer; there is nobody to tell."""


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body. Reading stops as soon as the limit is passed, whatever length the client announced.

    Raises:
        TooLargeError: it has more than `limit` bytes.
        ClientLeftError: it never came to its end.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > limit:
            raise _too_large(f"the body has {int(value):,} bytes", limit)
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeftError
        chunk = message.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            raise _too_large(f"the body has more than {size - 1:,} bytes", limit)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def read_json(body: bytes) -> Any:
    """Raises: RequestError: it is not JSON in UTF-8."""
    try:
        return json.loads(body)
    except UnicodeDecodeError as error:
        raise not_json(f"byte {error.start} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise not_json(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError) as error:  # an integer of 5,000 digits; 100,000 nested brackets
        raise not_json(str(error)[:200]) from None


def _too_large(came: str, limit: int) -> TooLargeError:
    return TooLargeError(
        came,
        expected=f"at most {limit:,} (serve.max_body_bytes)",
        where="body",
        remedy="Send less at once, or raise the limit in the project file's serve section.",
    )
