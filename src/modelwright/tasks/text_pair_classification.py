"""`text-pair-classification`: how two texts stand to each other: does the answer fit the question, does the report bear the claim out?

The pair is read as one text, the second behind a mark of the reader's (usually the one that separates texts in BERT's vocabulary), so that every route that reads
texts learns pairs too. Labels, figures and files are those of `text-classification`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from modelwright.base.errors import RequestError
from modelwright.base.nouns import Column, Example, Row
from modelwright.base.shaped import shaped
from modelwright.spec.routes.route import Route
from modelwright.spec.section import Section
from modelwright.tasks.text import exam
from modelwright.tasks.text.reader import Reader, get_reader
from modelwright.tasks.text_classification import MAX_CHARACTERS, TextClassification

ROLES = ("first", "second")
_Text = Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS, description="one of the two texts, as plain characters")]


class PairRequest(BaseModel):
    """Two texts."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        json_schema_extra={"examples": [{"first": "When do you open?", "second": "We open at nine."}]},
    )

    first: _Text
    second: _Text


class TextPairClassification(TextClassification):
    """A reader of texts that is given pairs of them."""

    name = "text-pair-classification"
    about = "the label, or the labels, of two texts together"
    columns = (Column("first", "text", input=True), Column("second", "text", input=True), Column("label", "label", input=False))
    request = PairRequest  # type: ignore[assignment]  # of two texts instead of one
    exam_kinds = ("stances",)
    paired = True

    @classmethod
    def fit(cls, rows: Sequence[Row], route: Route, checkpoint: Path | None = None, learn: Section | None = None) -> Self:
        reader = get_reader(route.reads)
        return super().fit([_joined(row, reader) for row in rows], route, checkpoint, learn)

    def encode(self, row: Row) -> Example:
        return super().encode(_joined(row, self.reader))

    def encode_many(self, rows: Sequence[Row]) -> list[Example]:
        return super().encode_many([_joined(row, self.reader) for row in rows])

    def read_request(self, request: Any, row_id: str) -> Row:
        asked = shaped(
            PairRequest,
            request,
            expected=f'{{"first": "…", "second": "…"}}, each of 1 to {MAX_CHARACTERS:,} characters',
            where=row_id,
        )
        if asked.first.isspace() or asked.second.isspace():
            raise RequestError("one of the texts is blank", expected="two texts", where=row_id, remedy="Send both.")
        return Row(row_id, {"first": asked.first, "second": asked.second})

    @classmethod
    def exam_rows(cls, seed: int, kind: str = "") -> list[Row]:
        """A claim, and an answer that bears it out or not; in half of the pairs a word of the claim stands in the answer too."""
        draw, made = np.random.default_rng(seed), []
        claims = [row.values["text"] for row in exam.rows(seed, "one-label")]
        words = {"agrees": ("indeed", "true", "right", "certainly"), "denies": ("never", "false", "wrong", "hardly")}
        for number, claim in enumerate(claims):
            label = ("agrees", "denies")[number % 2]
            answer = [*draw.choice(words[label], 2), *draw.choice(["that", "is", "what", "they", "said", claim.split()[0]], 3)]
            second = " ".join(str(word) for word in draw.permutation(answer))
            made.append(Row(f"exam-{number}", {"first": claim, "second": second, "label": label}))
        return made

    @classmethod
    def exam_strange(cls) -> list[Row]:
        wrong = [row.values["text"] for row in super().exam_strange()]
        return [Row("strange", {"first": "a claim", "second": value}) for value in wrong]

    @classmethod
    def exam_requests(cls) -> list[Any]:
        pairs = [{"first": "a claim", "second": text} for text in exam.requests() if isinstance(text, str)]
        return [*pairs, {"first": "alone"}, {"text": "one"}, "a text", None, [], {"first": 3, "second": "b"}]


def _joined(row: Row, reader: Reader | type[Reader]) -> Row:
    """The pair as the one text that the reader reads."""
    for role in ROLES:
        if not isinstance(row.values.get(role), str):
            raise RequestError(
                f"{role} is of type {type(row.values.get(role)).__name__}",
                expected="a text",
                where=f"row {row.id}",
                remedy="Send plain characters.",
            )
    text = reader.between.join(row.values[role] for role in ROLES)
    label = {"label": row.values["label"]} if "label" in row.values else {}
    return Row(row.id, {"text": text, **label})


TASK = TextPairClassification
