"""The five nouns of a row's journey: Row → Example → Batch → Outputs → Prediction.

Everything is numpy: torch appears only inside `train` and `models`, so that serving never needs it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Outputs = Mapping[str, np.ndarray]
"""What a graph or a module returns, by output name; the first axis is the batch."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record, as the data stage keeps it.

    `values` is keyed by role for the columns that the task names ("text", "label"), and by its own name for any other
    column (used for groups, slices, time). `id` is stable: the source's own id, or one derived from the place it came from.
    """

    id: str
    values: Mapping[str, Any]


Sizes = Mapping[str, Any]
"""What a model must know of its task to be built, by name: whole numbers ("vocabulary", "classes") or lists of them."""

Kind = Literal["text", "label", "number", "image", "time", "name", "messages"]


@dataclass(frozen=True, slots=True)
class Column:
    """What a task needs of a row. `input` is True for what the model sees, False for what it learns.

    `kind` tells the data room how to check and describe it:
        "text": str. "label": str, or a tuple of str where rows carry several labels. "number": finite float.
        "image": bytes of an image file. "time": seconds since 1970 (float, UTC). "name": str that tells one thing from another
        (a user, an item, a series). "messages": a conversation as compact JSON text, a list of {"role": "system", "user" or
        "assistant", "content": str}.
    """

    role: str
    kind: Kind
    input: bool
    required: bool = True


@dataclass(frozen=True, slots=True)
class Habits:
    """How a task's rows are cleaned and split where the project file leaves it open.

    Args:
        duplicates: "exact": of rows with equal inputs the first stays; "near": of texts that are alike, too; "keep": equal rows are
            different events.
        contradictions: rows with equal inputs and different labels: "quarantine" all of them, or "keep" (noise to be learned).
        split: "stratified" (by label; at random where there is none), "time" or "last" (see `data.split.by`).
        split_role: for "time" and "last": the role that is split by.
        others: whether columns beside the named ones are inputs as well (tables).
        corpus: whether rows are documents, perhaps more than memory holds, which are read, cleaned and split in a stream
            (`data/corpus/`), the training split a folder of files that is read piece by piece: "always", where the project says
            `data.stream: true` ("asked"), or "never".
    """

    duplicates: Literal["exact", "near", "keep"] = "exact"
    contradictions: Literal["quarantine", "keep"] = "quarantine"
    split: Literal["stratified", "time", "last"] = "stratified"
    split_role: str | None = None
    others: bool = False
    corpus: Literal["always", "asked", "never"] = "never"


@dataclass(frozen=True, slots=True)
class Example:
    """One row as numbers. `inputs` holds unpadded arrays by input name; `length` orders rows into buckets of equal cost
    (tokens, steps; 1 where all rows cost the same); `target` is None when the row has no label. `weight` is how much the row
    counts in the loss."""

    row_id: str
    inputs: Mapping[str, np.ndarray]
    length: int
    target: np.ndarray | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded, stacked examples: each array's first axis is the batch. `targets` is None when any row has no label; `weights`
    (float32 [batch]) is None where every row counts the same."""

    row_ids: tuple[str, ...]
    inputs: Mapping[str, np.ndarray]
    targets: np.ndarray | None = None
    weights: np.ndarray | None = None


def stack_targets(examples: Sequence[Example]) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Targets and weights of a batch, as `Batch` wants them."""
    targets = [example.target for example in examples if example.target is not None]
    weights = None
    if any(example.weight != 1.0 for example in examples):
        weights = np.array([example.weight for example in examples], np.float32)
    return (np.stack(targets) if targets and len(targets) == len(examples) else None), weights


@dataclass(frozen=True)
class Prediction:
    """What the model says of one row. Each task has a subclass with its own fields."""

    row_id: str

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)
