"""`POST /v1/answer`: what is asked, and what comes back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from modelwright.base.errors import RequestError

_Text = Annotated[str, Field(min_length=1, max_length=100_000)]


class Turn(BaseModel):
    """A message of the conversation so far."""

    model_config = ConfigDict(strict=True, extra="forbid")

    role: Literal["user", "assistant"]
    content: _Text


class AnswerRequest(BaseModel):
    """A question to the collection, perhaps in the course of a conversation."""

    model_config = ConfigDict(
        strict=True, extra="forbid", json_schema_extra={"examples": [{"question": "When do the shops close on Sunday?"}]}
    )

    question: _Text
    history: Annotated[list[Turn], Field(max_length=100)] = Field([], description="what was said before, oldest first")
    passages: Annotated[int, Field(ge=1, le=20)] | None = Field(
        None, description="passages that the answer may use; default: serve.answer.passages"
    )

    @property
    def looked_for(self) -> str:
        """What the collection is asked: the question, after the one before it, for "and on Sundays?" asks nothing alone."""
        before = [turn.content for turn in self.history if turn.role == "user"]
        return f"{before[-1]}\n{self.question}" if before else self.question


class Citation(BaseModel):
    """A passage that the answer cites.

    `support`: share of the words of the statements that cite it which stand in it.
    """

    number: int
    document: str
    title: str
    passage: int = Field(description="the passage's number in the collection")
    text: str
    confidence: float | None
    support: float


class Answered(BaseModel):
    """An answer, or why there is none."""

    answer: str
    refused: bool = Field(description="nothing in the collection answers the question")
    by: Literal["extract", "model"] = Field(description="sentences of the passages, or a chat model that was given them")
    citations: list[Citation]
    confidence: float | None = Field(description="probability that the best passage answers, as calibrated")
    removed: list[int] = Field(description="numbers that the model cited and no passage has; they were taken out")
    note: str = Field(description="what else is to be known of this answer; often empty")
    release: str
    latency_ms: float


def read(content: Any, longest: int) -> AnswerRequest:
    """The body of a request.

    Raises:
        RequestError: it is not shaped so; `where` names the key.
    """
    try:
        asked = AnswerRequest.model_validate(content)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        raise RequestError(
            f"the request is not shaped as it should be: {problem['msg']}",
            expected='{"question": "…"}, perhaps with "history": [{"role": "user", "content": "…"}, …] and "passages"',
            where=".".join(map(str, problem["loc"])) or "body",
            remedy="Correct the request; /openapi.json describes it.",
        ) from error
    if asked.question.isspace():
        raise RequestError("the question is blank", expected="words", where="question", remedy="Say what is to be known.")
    whole = len(asked.question) + sum(len(turn.content) for turn in asked.history)
    if whole > longest:
        raise RequestError(
            f"question and history have {whole:,} characters",
            expected=f"at most {longest:,} (serve.max_characters)",
            where="history",
            remedy="Send less of the conversation.",
        )
    return asked
