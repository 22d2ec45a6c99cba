"""What is asked of a language model's `/v1/predict`: how likely is this text, or what the assistant says in this conversation."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from modelwright.base.nouns import Row
from modelwright.base.shaped import shaped
from modelwright.tasks.chat.messages import write_messages

MAX_CHARACTERS = 1_000_000
MAX_MESSAGES = 10_000
_SHAPE = (
    f'{{"text": "…"}} with 1 to {MAX_CHARACTERS:,} characters, {{"messages": [{{"role": "user", "content": "…"}}, …]}}, '
    "or the text alone"
)


class Message(BaseModel):
    """One turn of a conversation."""

    model_config = ConfigDict(strict=True, extra="forbid")

    role: Literal["system", "user", "assistant"]
    content: Annotated[str, Field(max_length=MAX_CHARACTERS)]


class ScoringRequest(BaseModel):
    """A text or a conversation to score."""

    model_config = ConfigDict(strict=True, extra="forbid", json_schema_extra={"examples": [{"text": "Once upon a time"}]})

    text: Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS, description="the text, as plain characters")] | None = (
        None
    )
    messages: (
        Annotated[
            list[Message],
            Field(min_length=1, max_length=MAX_MESSAGES, description="a conversation; the assistant's words are scored"),
        ]
        | None
    ) = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.text is None) == (self.messages is None):
            raise ValueError("either text or messages is wanted")
        return self


def read(request: Any, row_id: str) -> Row:
    """A request, or a text alone, as a row.

    Raises:
        RequestError: wrong type, empty, too large to be meant, or half characters.
    """
    asked = shaped(ScoringRequest, {"text": request} if isinstance(request, str) else request, expected=_SHAPE, where=row_id)
    if asked.messages is None:
        return Row(row_id, {"text": asked.text})
    return Row(row_id, {"messages": write_messages([message.model_dump() for message in asked.messages])})
