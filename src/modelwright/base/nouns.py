"""The five nouns of a row's journey: Row → Example → Batch → Outputs → Prediction.

Everything is numpy: torch appears only inside `train` and `models`, so that serving never needs it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
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


@dataclass(frozen=True, slots=True)
class Column:
    """What a task needs of a row. `kind` tells the data room how to check and describe it: "text" (str), "label" (str, or
    a tuple of str where rows carry several labels). `input` is True for what the model sees, False for what it learns."""

    role: str
    kind: Literal["text", "label"]
    input: bool
    required: bool = True


@dataclass(frozen=True, slots=True)
class Example:
    """One row as numbers. `inputs` holds unpadded arrays by input name; `length` orders rows into buckets of equal cost
    (tokens, pixels, steps); `target` is None when the row has no label."""

    row_id: str
    inputs: Mapping[str, np.ndarray]
    length: int
    target: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded, stacked examples: each array's first axis is the batch. `targets` is None when any row has no label."""

    row_ids: tuple[str, ...]
    inputs: Mapping[str, np.ndarray]
    targets: np.ndarray | None = None


@dataclass(frozen=True)
class Prediction:
    """What the model says of one row. Each task has a subclass with its own fields."""

    row_id: str

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)
