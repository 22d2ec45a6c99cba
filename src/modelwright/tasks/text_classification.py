"""`text-classification`: which label, or which labels, a text has.

How text becomes numbers is the reader's affair (tasks/text); how labels are learned and scored is `answers/labels.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from modelwright.base.errors import DataError, RequestError
from modelwright.base.nouns import Column, Example, Row
from modelwright.base.shaped import shaped
from modelwright.base.store import write_json
from modelwright.spec.routes.route import Route
from modelwright.spec.section import Section
from modelwright.tasks.answers.labels import Classification, Labels, LabelTask, labels_of, read_labels
from modelwright.tasks.contract import TASK_FILE, damaged
from modelwright.tasks.text import exam
from modelwright.tasks.text.reader import Inputs, Lesson, Reader, get_reader

__all__ = ["TASK", "Classification", "TextClassification", "TextRequest"]

MAX_CHARACTERS = 1_000_000
_SHAPE = f'{{"text": "…"}} with 1 to {MAX_CHARACTERS:,} characters, or the text alone'


class TextRequest(BaseModel):
    """One text to classify."""

    model_config = ConfigDict(strict=True, extra="forbid", json_schema_extra={"examples": [{"text": "Shares rose sharply."}]})

    text: Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS, description="the text, as plain characters")]


class TextClassification(LabelTask):
    """Labels and a fitted reader.

    Args:
        labels: in the order of the model's outputs.
        several: whether a row may have several labels.
        reader: turns text into the model's inputs.
    """

    name = "text-classification"
    about = "the label, or the labels, of a text"
    columns: ClassVar[tuple[Column, ...]] = (Column("text", "text", input=True), Column("label", "label", input=False))
    reads = ("ngrams", "hashed-ngrams", "words", "checkpoint", "prompt")
    paired: ClassVar[bool] = False
    request = TextRequest
    exam_kinds: ClassVar[tuple[str, ...]] = exam.KINDS

    def __init__(self, labels: Labels, several: bool, reader: Reader) -> None:
        super().__init__(labels, several)
        self.reader = reader
        self.sizes = {"vocabulary": reader.vocabulary, "padding": reader.padding, "classes": len(labels)}
        self.axes = reader.axes

    @classmethod
    def fit(cls, rows: Sequence[Row], route: Route, checkpoint: Path | None = None, learn: Section | None = None) -> Self:
        texts = [_text(row) for row in rows]
        labels, several = labels_of(rows)
        if not any(text and not text.isspace() for text in texts):
            raise DataError(
                f"none of the {len(rows):,} training rows has text",
                expected="text to learn from",
                where="column role 'text'",
                remedy="Check which column data.columns.text names.",
            )
        given = [tuple(row.values["label"]) if several else (row.values["label"],) for row in rows]
        reader = get_reader(route.reads).fit_labelled(Lesson(texts, given, labels, several, cls.paired), route, checkpoint)
        return cls(labels, several, reader)

    def encode(self, row: Row) -> Example:
        return self._read(row, self._inputs(row))

    def encode_many(self, rows: Sequence[Row]) -> list[Example]:
        return list(map(self._read, rows, self.reader.encode_many([_text(row) for row in rows])))

    def _inputs(self, row: Row) -> Inputs:
        return self.reader.encode(_text(row))

    def _read(self, row: Row, inputs: Inputs) -> Example:
        return self._example(row, inputs, len(next(iter(inputs.values()))))

    def _stack(self, examples: Sequence[Example]) -> Mapping[str, np.ndarray]:
        return self.reader.collate([dict(example.inputs) for example in examples])

    def read_request(self, request: Any, row_id: str) -> Row:
        asked = shaped(TextRequest, {"text": request} if isinstance(request, str) else request, expected=_SHAPE, where=row_id)
        if asked.text.isspace():
            raise RequestError("the text is blank", expected="some text", where=row_id, remedy="Send the text to classify.")
        return Row(row_id, {"text": asked.text})

    def save(self, folder: Path) -> None:
        write_json(folder / TASK_FILE, {**self._labels_json(), "reads": self.reader.name})
        self.reader.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        content, labels, several = read_labels(folder)
        try:
            reader = get_reader(str(content["reads"]))
        except KeyError as error:
            raise damaged(folder / TASK_FILE, error) from error
        return cls(labels, several, reader.load(folder))

    @classmethod
    def exam_rows(cls, seed: int, kind: str = "") -> list[Row]:
        return exam.rows(seed, kind or cls.exam_kinds[0])

    @classmethod
    def exam_strange(cls) -> list[Row]:
        return [Row("strange", {"text": value}) for value in (None, 3.5, ["a"], {"a": 1})]

    @classmethod
    def exam_requests(cls) -> list[Any]:
        return exam.requests()


def _text(row: Row) -> str:
    text = row.values.get("text")
    if not isinstance(text, str):
        raise RequestError(
            f"the text is of type {type(text).__name__}",
            expected="a text",
            where=f"row {row.id}",
            remedy="Send plain characters.",
        )
    return text


TASK = TextClassification
