"""`api`: a model that is bought. Any OpenAI-compatible service is asked with a few examples of each label; nothing is trained.

It races the built routes on the same held-out rows, at what its answers really cost. Worked example: docs/buy-route.md.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from modelwright.spec.quantities import MoneyField
from modelwright.spec.routes.route import Route

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OURS = ("model", "messages", "temperature", "max_tokens", "max_completion_tokens", "stream", "n")


class Api(Route):
    """A chat model asked by few-shot prompts (Brown et al. 2020), at its price per token."""

    name: ClassVar[str] = "api"
    kind: ClassVar[Literal["gradient", "fit", "bought"]] = "bought"
    reads: ClassVar[str] = "prompt"
    architecture: ClassVar[str] = "bought"  # none of ours

    base_url: str = Field(description="where the service is, as its documentation gives it: https://…/v1")
    model: str = Field(min_length=1, description="the model, as the service names it")
    key_from: str | None = Field(
        None,
        repr=False,
        description="name of the environment variable that holds the key, like OPENAI_API_KEY; the key itself is never written "
        "down; default: none is sent",
    )
    price_input: MoneyField = Field(description="price of a million tokens sent, like '0.15 USD'")
    price_output: MoneyField = Field(description="price of a million tokens answered")
    priced_on: date | None = Field(None, description="the day these prices were read")
    cap: MoneyField = Field(
        description="most money that the project may spend on this route, over all its runs; work stops before it is passed"
    )
    serve_cap: MoneyField | None = Field(
        None, description="most money that a server of the release may spend from its start on; default: no limit"
    )
    examples: int = Field(2, ge=0, le=64, description="examples of each label in the prompt, from the training split")
    instruction: str | None = Field(
        None,
        min_length=1,
        description="what the labels mean, or how to decide, in your words; it comes before the list of labels",
    )
    language: Literal["auto", "en", "zh"] = Field("auto", description="of the prompt's own words; auto: that of the texts")
    temperature: float | None = Field(0.0, ge=0, le=2, description="0: the likeliest answer; null: left to the service")
    answer_tokens: int = Field(64, ge=1, le=100_000, description="tokens of an answer at most; models that think aloud need more")
    limit_field: Literal["max_tokens", "max_completion_tokens"] = Field(
        "max_tokens", description="how the service calls that limit"
    )
    body: dict[str, Any] = Field(default_factory=dict, description="further fields of each request, like reasoning_effort: low")
    max_characters: int = Field(6_000, ge=20, description="a text is cut there")
    example_characters: int = Field(600, ge=20, description="an example's text is cut there")
    certainty: float = Field(
        0.95, gt=0.5, lt=1, description="probability that is stated for what is answered: services give none of their own"
    )
    requests_per_minute: float = Field(60.0, gt=0, le=1e6, description="requests that may start in a minute")
    parallel: int = Field(4, ge=1, le=256, description="requests on their way at a time")
    timeout_seconds: float = Field(60.0, gt=0, le=3600, description="that an answer may take")
    retries: int = Field(5, ge=0, le=20, description="further attempts where the service is busy, fails or does not answer")

    @model_validator(mode="after")
    def _askable(self) -> Self:
        url = urlsplit(self.base_url)
        if url.scheme not in ("http", "https") or not url.hostname or url.username or url.password or url.query or url.fragment:
            raise ValueError("a base_url like https://host/v1, with neither a name and password nor a query in it")
        if self.key_from is not None and not _VARIABLE.fullmatch(self.key_from):
            raise ValueError(
                "a key_from that is the name of an environment variable, like OPENAI_API_KEY, and not the key itself or a reference to it"
            )
        if self.budget is not None:
            raise ValueError("no budget, for nothing is trained: cap is what may be spent")
        if clash := sorted(set(self.body) & set(_OURS)):
            raise ValueError(f"a body without {', '.join(clash)}: settings of the route say that")
        return self

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        amounts = [self.price_input, self.price_output, self.cap, *([self.serve_cap] if self.serve_cap else [])]
        if len({amount.currency for amount in amounts}) > 1:
            raise ValueError("prices and caps in one currency")
        return self

    @property
    def request(self) -> dict[str, Any]:
        """Fields of each request beside the messages."""
        fields: dict[str, Any] = {"model": self.model, self.limit_field: self.answer_tokens}
        if self.temperature is not None:
            fields["temperature"] = self.temperature
        return {**fields, **self.body}


ROUTE = Api
