"""`/chat`: a page to talk to the model in a browser. One file, nothing from elsewhere."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

PATH = "/chat"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:"


def show(model: str) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    """The endpoint for a server whose model has this name."""
    source = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    name = json.dumps(model, ensure_ascii=False).replace("<", "\\u003c")  # inside a script, nothing may end it
    content = source.replace("{{title}}", html.escape(model)).replace('"{{model}}"', name)

    async def page(request: Request) -> Response:
        return Response(content, media_type="text/html", headers={"content-security-policy": _POLICY})

    return page
