"""CSV and TSV: RFC 4180 quoting, quoted line breaks, true line numbers, other delimiters by the header."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from modelwright.base.errors import DataError
from modelwright.data.sources.encoding import LINE_LIMIT_BYTES, TextFile, inspect, is_damaged
from modelwright.data.sources.source import RawRow, Reading
from modelwright.spec.data import Data

SUFFIXES = (".csv", ".tsv", ".tab")


def read(path: Path, spec: Data) -> Reading:
    """Rows of a delimited file with a header.

    A row with too few or too many fields, with stray quotes or undecodable bytes is given with its `problem`.

    Raises:
        DataError: not a text file, no usable header, or a quote that is never closed.
    """
    text = inspect(path, spec.encoding)
    csv.field_size_limit(LINE_LIMIT_BYTES)  # the csv module keeps this per process; its default refuses articles above 128 KB
    rows = _records(text, _delimiter(text))
    header = next(rows, None)
    if header is None or header[2]:
        raise DataError(
            f"the header can't be read: {header[2] if header else 'there is no line'}",
            expected="a first line with the columns' names",
            where=f"{path.name}:1",
            remedy="Mend the first line.",
        )
    columns = _columns(header[1], path)
    return Reading(columns, _rows(rows, columns, path.name, text), text.encoding.removesuffix("-sig"))


def _delimiter(text: TextFile) -> str:
    """A tab for .tsv; else the most frequent of comma, semicolon, tab and bar in the header, the comma winning ties."""
    if text.path.suffix.lower() != ".csv":
        return "\t"
    with text.path.open(encoding=text.encoding, errors="surrogateescape", newline="") as file:
        header = file.readline()
    return max(",;\t|", key=header.count)


def _records(text: TextFile, delimiter: str) -> Iterator[tuple[int, list[str], str]]:
    """(line on which the record starts, fields, problem), blank lines left out."""
    with text.path.open(encoding=text.encoding, errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if "unexpected end of data" in str(error) or "field larger" in str(error):
                    raise DataError(
                        f"a quote that opens in the row of line {line} is never closed",
                        expected='a closing " (a quote inside a quoted field is written twice)',
                        where=f"{text.path.name}:{line}",
                        remedy="Mend the line: everything after it was read as one field.",
                    ) from error
                yield line, [], f"stray quotes ({error})"  # the reader starts afresh with the next line
                continue
            if fields:
                yield line, fields, ""


def _columns(fields: list[str], path: Path) -> tuple[str, ...]:
    names = tuple(name.strip() or f"column {number}" for number, name in enumerate(fields, 1))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            f"the column {twice[0]!r} appears {names.count(twice[0])} times",
            expected="each column's name once",
            where=f"{path.name}:1",
            remedy="Rename one of them in the first line.",
        )
    return names


def _rows(records: Iterator[tuple[int, list[str], str]], columns: tuple[str, ...], name: str, text: TextFile) -> Iterator[RawRow]:
    for line, fields, problem in records:
        if not problem and len(fields) != len(columns):
            problem = f"{len(fields)} fields where the header has {len(columns)}"
        if not problem and text.damaged and any(map(is_damaged, fields)):
            problem = f"bytes that are not {text.encoding}"
        yield RawRow(f"{name}:{line}", dict(zip(columns, fields, strict=False)), problem)
