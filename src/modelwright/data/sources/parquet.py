"""Parquet, read batch by batch. Class labels that a hub dataset keeps as numbers get their names back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from modelwright.base.errors import DataError
from modelwright.base.optional import require
from modelwright.data.sources.source import RawRow, Reading
from modelwright.spec.data import Data

SUFFIXES = (".parquet",)
_BATCH_ROWS = 4096


def read(path: Path, spec: Data) -> Reading:
    """Rows of a Parquet file.

    Raises:
        DataError: damaged, or not Parquet.
    """
    parquet = require("pyarrow.parquet", "data")
    arrow = require("pyarrow", "data")
    try:
        file = parquet.ParquetFile(path)
    except (arrow.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    columns = tuple(file.schema_arrow.names)
    names = _class_names(file.schema_arrow.metadata or {})

    def rows() -> Iterator[RawRow]:
        number = 0
        with file:
            try:
                for batch in file.iter_batches(_BATCH_ROWS):
                    for values in batch.to_pylist():
                        number += 1
                        for column, labels in names.items():
                            values[column] = _named(values.get(column), labels)
                        yield RawRow(f"{path.name}:row {number}", values)
            except (arrow.ArrowException, OSError) as error:
                raise _damaged(path, error) from error

    return Reading(columns, rows(), close=file.close)


def _class_names(metadata: Mapping[bytes, bytes]) -> dict[str, list[str]]:
    """Column → label names, from the feature description that hub datasets carry in the schema."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
        return {name: feature["names"] for name, feature in features.items() if feature.get("_type") == "ClassLabel"}
    except (ValueError, AttributeError, KeyError):  # metadata of someone else's making: the numbers stay numbers
        return {}


def _named(value: Any, labels: list[str]) -> Any:
    return labels[value] if isinstance(value, int) and 0 <= value < len(labels) else None if value == -1 else value


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        f"the file can't be read: {str(error).partition(chr(10))[0][:200]}",
        expected="an undamaged Parquet file",
        where=str(path),
        remedy="Fetch or write the file again.",
    )
