"""Rows on disk: one Parquet file per split, readable by anything that reads Parquet.

The row's id is the column `row_id`; every other column is one of the row's values. Several labels are a list of texts. The training
split of a corpus is a folder of such files (`data/corpus/documents.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelwright.base.errors import DataError
from modelwright.base.nouns import Row
from modelwright.base.optional import require
from modelwright.base.store import writing
from modelwright.data.corpus.documents import ROW_ID, Documents, rows_of


def write_split(out: Path, split: str, rows: Sequence[Row]) -> Path:
    """Write `<split>.parquet`. A column whose values have several types is written as text."""
    arrow, parquet = require("pyarrow", "data"), require("pyarrow.parquet", "data")
    names = list(dict.fromkeys(name for row in rows for name in row.values))
    columns = {ROW_ID: [row.id for row in rows]}
    for name in names:
        key = f"column {name}" if name == ROW_ID else name
        columns[key] = _uniform([row.values.get(name) for row in rows])
    path = out / f"{split}.parquet"
    with writing(path):
        parquet.write_table(arrow.table(columns), path, compression="zstd")
    return path


def _uniform(values: list[Any]) -> list[Any]:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and kinds != {int}:
        return [None if value is None else float(value) for value in values]
    if len(kinds) > 1 or (kinds == {int} and any(value is not None and not -(2**63) <= value < 2**63 for value in values)):
        return [None if value is None else str(value) for value in values]
    return values


def read_split(out: Path, split: str) -> Sequence[Row]:
    """The rows of "train", "validation" or "test", in the source's order. A label is a text, or a tuple of them. Rows of a folder of
    files are read when they are asked for.

    Raises:
        DataError: the file is missing or damaged.
    """
    arrow, parquet = require("pyarrow", "data"), require("pyarrow.parquet", "data")
    if (out / split).is_dir():
        return Documents(out / split)
    path = out / f"{split}.parquet"
    try:
        columns = parquet.read_table(path).to_pydict()
    except (OSError, arrow.ArrowException) as error:
        raise DataError(
            f"the rows can't be read: {str(error).partition(chr(10))[0][:200]}",
            expected="rows that the data stage wrote",
            where=str(path),
            remedy="Make them again: modelwright run --from data",
        ) from error
    return rows_of(columns)


def sample_split(out: Path, split: str, characters: int, seed: int) -> tuple[Sequence[Row], int]:
    """Rows of a split, and how many it has: all of them, or of a corpus some, in a seeded draw of whole row groups.

    Args:
        characters: of a corpus, about.

    Raises:
        DataError: a file is missing or damaged.
    """
    rows = read_split(out, split)
    return (rows.drawn(characters, seed) if isinstance(rows, Documents) else rows), len(rows)
