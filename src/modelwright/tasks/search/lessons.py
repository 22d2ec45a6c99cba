"""Pairs to learn from: a question, and a passage that answers it; the other passages of a batch are those that do not.

Shapes: b batch, t tokens of questions, u tokens of passages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.base.errors import DataError
from modelwright.base.nouns import Batch, Example, Row, stack_targets
from modelwright.tasks.search.collection import Passage, passages
from modelwright.tasks.text.tokens import TokenReader


def pairs(rows: Sequence[Row], collection: Sequence[Passage], reader: TokenReader, most: int | None) -> list[Example]:
    """One lesson a question and passage: of a text in several passages the question teaches the one that shares most of its words.

    Raises:
        DataError: no row has a question.
    """
    asked = [row for row in rows if row.values.get("query")]
    if not asked:
        raise DataError(
            f"none of {len(rows):,} rows for training has a question",
            expected="pairs of a question and a text that answers it",
            where="column role 'query'",
            remedy="Name the column under data.columns.query, set learn.questions: sentence, or take the checkpoint as it is: method: none.",
        )
    numbers = {one.document: number for number, one in enumerate(collection)}
    answers = [_answering(row, most) for row in asked]
    queries = reader.encode_many([row.values["query"] for row in asked])
    texts = reader.encode_many(answers)
    found = []
    for row, query, text in zip(asked, queries, texts, strict=True):
        document = np.array(numbers[str(row.values.get("document") or row.id)], np.int64)
        inputs = {**query, "passage_ids": text["token_ids"], "passage_mask": text["mask"], "document": document}
        found.append(Example(row.id, inputs, len(query["token_ids"]) + len(text["token_ids"])))
    return found


def _answering(row: Row, most: int | None) -> str:
    parts = [one.read for one in passages([row], most)]
    if len(parts) == 1:
        return parts[0]
    words = set(row.values["query"].lower().split())
    return max(parts, key=lambda part: len(words & set(part.lower().split())))


def collate(examples: Sequence[Example], reader: TokenReader | None) -> Batch:
    """Stacked and padded. A batch of lessons holds questions (token_ids, mask [b, t]), passages (passage_ids, passage_mask [b, u]) and
    documents [b]; a batch of questions what the graph takes."""
    inputs: dict[str, Any] = {}
    if reader is not None:
        inputs |= reader.collate([{name: example.inputs[name] for name in reader.inputs} for example in examples])
    first = examples[0].inputs
    if reader is not None and "passage_ids" in first:
        texts = [{"token_ids": one.inputs["passage_ids"], "mask": one.inputs["passage_mask"]} for one in examples]
        stacked = reader.collate(texts)
        inputs |= {"passage_ids": stacked["token_ids"], "passage_mask": stacked["mask"]}
    for name in ("asked", "terms", "document"):  # as the module takes them: exporters name inputs by place
        if name in first:
            inputs[name] = np.stack([example.inputs[name] for example in examples])
    targets, weights = stack_targets(examples)
    return Batch(tuple(example.row_id for example in examples), inputs, targets, weights)
