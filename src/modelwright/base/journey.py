"""Rows through a graph: Row → Example → Batch → Outputs → Prediction. Whoever asks a graph what it says goes this way.

Nothing is known here of any task: whatever encodes, collates and decodes will do.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from modelwright.base.nouns import Batch, Example, Outputs, Row

BATCH_ROWS = 32
BATCH_LENGTH = 16_384
"""Most rows, and most (rows × longest length), in one batch: padding stays small and memory bounded."""
CALL_LENGTH = 8
"""What one more call costs, in length of rows: differences up to this are never worth another batch."""


class Reader(Protocol):
    """What a fitted task offers to whoever runs its graph."""

    def encode(self, row: Row) -> Example: ...
    def encode_many(self, rows: Sequence[Row]) -> list[Example]: ...
    def collate(self, examples: Sequence[Example]) -> Batch: ...
    def decode(self, outputs: Outputs, row_ids: Sequence[str]) -> list[Any]: ...
    def save(self, folder: Path) -> None: ...


class Runner(Protocol):
    """A graph, or anything that answers a batch as one would."""

    def run(self, batch: Batch) -> Outputs: ...


def predict(
    reader: Reader,
    graph: Runner,
    rows: Sequence[Row],
    advance: Callable[[int], None] = lambda done: None,
    batch_rows: int = BATCH_ROWS,
    stretch: float = math.inf,
) -> list[Any]:
    """What the graph says of each row, in the order of `rows`. Rows of similar length are computed together.

    Args:
        advance: told the number of rows done so far.
        batch_rows: rows computed together at most.
        stretch: how many times longer than its shortest row the longest row of a batch may be. Thousands of sorted rows lie
            close together anyway; a handful of a server's requests does not.
    """
    examples = reader.encode_many(rows)
    order = sorted(range(len(rows)), key=lambda index: (examples[index].length, index))
    predictions: list[Any] = [None] * len(rows)
    done = 0
    for part in _parts(order, examples, batch_rows, stretch):
        batch = reader.collate([examples[index] for index in part])
        answers = reader.decode(graph.run(batch), [rows[index].id for index in part])
        for index, answer in zip(part, answers, strict=True):
            predictions[index] = answer
        done += len(part)
        advance(done)
    return predictions


def single(reader: Reader, graph: Runner) -> Callable[[Row], list[Any]]:
    """One row as one request: what latency is measured on."""
    return lambda row: reader.decode(graph.run(reader.collate([reader.encode(row)])), [row.id])


def served_bytes(reader: Reader, graph: Path) -> int:
    """What serving must carry of a model, in bytes: the graph's file, its weights where they lie beside it, the reader's files."""
    with tempfile.TemporaryDirectory() as folder:
        reader.save(Path(folder))
        weights = graph.with_name(f"{graph.name}.data")
        size = graph.stat().st_size + (weights.stat().st_size if weights.is_file() else 0)
        return size + sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


def _parts(order: Sequence[int], examples: Sequence[Example], batch_rows: int, stretch: float) -> Iterator[list[int]]:
    """Runs of `order` (which rises in length) within the limits of a batch; at least one row each."""
    part: list[int] = []
    for index in order:
        length = examples[index].length
        full = len(part) == batch_rows or (len(part) + 1) * length > BATCH_LENGTH
        if part and (full or length > examples[part[0]].length * stretch + CALL_LENGTH):
            yield part
            part = []
        part.append(index)
    if part:
        yield part
