"""JSON lines: one object a line."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

from modelwright.base.errors import DataError
from modelwright.data.sources.encoding import TextFile, inspect, is_damaged
from modelwright.data.sources.source import RawRow, Reading
from modelwright.spec.data import Data

SUFFIXES = (".jsonl", ".ndjson")
_LOOK = 1000
"""Objects may leave out keys: the columns are those of the first thousand rows together."""


def read(path: Path, spec: Data) -> Reading:
    """Rows of objects. A line that is no JSON object is given with its `problem`.

    Raises:
        DataError: not a text file, or none of the first lines is an object.
    """
    text = inspect(path, spec.encoding)
    rows = _rows(text)
    first = list(itertools.islice(rows, _LOOK))
    columns = tuple(dict.fromkeys(key for row in first for key in row.values))
    if not columns:
        raise DataError(
            f"no line is a JSON object ({first[0].problem if first else 'there are none'})",
            expected='one object a line, like {"text": "…", "label": "…"}',
            where=f"{path.name}:1",
            remedy="Write one object per line; an array in one piece is not JSON lines.",
        )
    return Reading(columns, itertools.chain(first, rows), text.encoding.removesuffix("-sig"))


def _rows(text: TextFile) -> Iterator[RawRow]:
    with text.path.open(encoding=text.encoding, errors="surrogateescape", newline="\n") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            place = f"{text.path.name}:{number}"
            if text.damaged and is_damaged(line):
                yield RawRow(place, {}, f"bytes that are not {text.encoding}")
                continue
            try:
                found = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield RawRow(place, {}, f"not JSON ({error})")
                continue
            if isinstance(found, dict):
                yield RawRow(place, found)
            else:
                yield RawRow(place, {}, f"a JSON {type(found).__name__}, not an object")
