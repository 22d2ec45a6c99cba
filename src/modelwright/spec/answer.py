"""`serve.answer:` how a search release answers questions."""

from __future__ import annotations

import json
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from modelwright.spec.section import Section


class Answering(Section):
    """`POST /v1/answer`: sentences of the passages that were found, or a chat model that is given them."""

    endpoint: str = Field(
        "",
        description="an OpenAI-compatible service, like http://127.0.0.1:8001/v1, which writes the answer from the passages; "
        "empty: the answer is made of the passages' own sentences",
    )
    model: str = Field("", description="the service's name of the model")
    key_from: str | None = Field(None, description="environment variable that holds the service's key; default: none is sent")
    passages: int = Field(4, ge=1, le=20, description="passages that an answer may use")
    sentences: int = Field(3, ge=1, le=20, description="sentences of an answer without a chat model at most")
    max_tokens: int = Field(400, ge=16, le=8192, description="tokens of a chat model's answer at most")
    timeout_seconds: float = Field(60.0, gt=0, le=600, description="how long the service may take")
    retries: int = Field(1, ge=0, le=5, description="further attempts where the service does not answer")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.endpoint) != bool(self.model):
            raise ValueError("endpoint and model together, or neither")
        url = urlsplit(self.endpoint)
        if self.endpoint and (url.scheme not in ("http", "https") or not url.hostname or url.password or url.query):
            raise ValueError("an endpoint like https://host/v1, without a password or a query in it")
        return self


def _from_text(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


AnsweringField = Annotated[Answering, BeforeValidator(_from_text)]
"""As a mapping, or as JSON where a command line gives it."""
