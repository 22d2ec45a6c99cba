"""What a search is set by, asked and answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from modelwright.base.errors import RequestError
from modelwright.base.nouns import Prediction, Row
from modelwright.base.shaped import shaped
from modelwright.spec.section import Section

MAX_CHARACTERS, MAX_K = 100_000, 100
EXACT_UP_TO = 50_000
"""Passages that are compared one by one; beyond it the graph of neighbours is the default."""


class SearchSettings(Section):
    """The collection, what asks for its texts, and how it is searched."""

    questions: Literal["given", "sentence"] = Field(
        "given",
        description="given: the column `query` (titles, questions of customers) asks for a text; sentence: a sentence drawn from "
        "each text asks for the rest of it, for collections without questions",
    )
    passage: int | None = Field(
        None,
        ge=100,
        le=20_000,
        description="characters of a passage at most; longer texts are cut between sentences; default: uncut",
    )
    known_questions: bool = Field(
        False, description="find a text by the questions of the training split that it answers, too: a help desk knows many"
    )
    index: Literal["auto", "exact", "hnsw"] = Field(
        "auto",
        description="exact: every vector is compared; hnsw: a graph of neighbours (library faiss, extra search); auto: exact up "
        f"to {EXACT_UP_TO:,} passages",
    )
    k: int = Field(10, ge=1, le=MAX_K, description="documents found where a request does not say how many")
    refuse_below: float = Field(
        0.5,
        ge=0,
        le=1,
        description="probability that the best passage answers the question, below which it is not taken for an answer; it is "
        "calibrated on the validation split",
    )


class SearchRequest(BaseModel):
    """A question to the collection."""

    model_config = ConfigDict(
        strict=True, extra="forbid", json_schema_extra={"examples": [{"query": "When do the shops close on Sunday?", "k": 5}]}
    )

    query: Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS, description="what is looked for, in plain words")]
    k: Annotated[int, Field(ge=1, le=MAX_K)] | None = Field(
        None, description="documents wanted; default: the release's own number"
    )


@dataclass(frozen=True)
class Hit:
    """A document that was found, by its best passage.

    Args:
        document: its id.
        passage: the passage's number in the collection.
        title: for people; "" if there is none.
        text: of the passage.
        score: by which the list is ordered; it compares within one answer only.
        cosine: of question and passage, −1 to 1; None where no vectors are compared.
        lexical: BM25 as a share of the highest that the question allows, 0 to 1; None where no words are compared.
        confidence: probability that the passage answers the question, as calibrated; None if it was not.
    """

    document: str
    passage: int
    title: str
    text: str
    score: float
    cosine: float | None
    lexical: float | None
    confidence: float | None


@dataclass(frozen=True)
class Found(Prediction):
    """The documents found for one question.

    Args:
        hits: the best first.
        answers: whether the best of them is taken for an answer; None if confidence was not calibrated.
    """

    hits: tuple[Hit, ...]
    answers: bool | None


def read(request: Any, row_id: str, most: int) -> Row:
    """A request as a row; `most` documents where it does not say how many.

    Raises:
        RequestError: wrong type, blank, or too large to be meant.
    """
    expected = f'{{"query": "…", "k": 1 to {MAX_K}}} with a query of 1 to {MAX_CHARACTERS:,} characters, or the query alone'
    asked = shaped(SearchRequest, {"query": request} if isinstance(request, str) else request, expected=expected, where=row_id)
    if asked.query.isspace():
        raise RequestError("the query is blank", expected="words", where=row_id, remedy="Say what is looked for.")
    return Row(row_id, {"query": asked.query, "k": asked.k or most})
