"""From raw rows to records: roles filled from columns, types checked, missing cells found."""

from __future__ import annotations

import datetime
import decimal
import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from modelwright.base.errors import DataError
from modelwright.base.nouns import Column
from modelwright.data.cleaning.kinds import KINDS, is_missing, label_text
from modelwright.data.cleaning.record import Quarantine, Reason, Record
from modelwright.data.images import UnreadableError, image_cell
from modelwright.data.sources.source import RawRow
from modelwright.spec.data import Data

ID = "id"
_SURROGATES = re.compile("[\ud800-\udfff]")


def map_columns(spec: Data, columns: Sequence[Column], found: Sequence[str]) -> dict[str, str]:
    """Role → column of the source. A role that the project does not map has a column of its own name.

    Raises:
        DataError: a column is missing; the message lists those there are.
    """
    mapping = {}
    taken = {name for role, name in spec.columns.items() if role != name}
    for column in columns:
        name = spec.columns.get(column.role, column.role)
        if name in taken and column.role not in spec.columns and not column.required:
            continue  # the project has another use for the column of this name
        if name in found:
            mapping[column.role] = name
        elif column.required or column.role in spec.columns:
            raise missing_column(name, f"data.columns.{column.role}", found)
    for role, name in spec.columns.items():
        if role not in mapping:
            if name not in found:
                raise missing_column(name, f"data.columns.{role}", found)
            mapping[role] = name
    return mapping


def missing_column(name: str, key: str, found: Sequence[str]) -> DataError:
    near = difflib.get_close_matches(name.casefold(), [column.casefold() for column in found], 1, 0.5)
    nearest = next((column for column in found if near and column.casefold() == near[0]), None)
    role = key.rpartition(".")[2]
    example = nearest or (found[0] if found else "body")
    return DataError(
        f"there is no column {name!r}",
        expected=f"one of: {', '.join(found)}." + (f"  Did you mean {nearest}?" if nearest else ""),
        where=key,
        remedy=f"Name it in the project file, like  data: {{columns: {{{role}: {example}}}}}"
        if key.startswith("data.columns.")
        else f"Set {key} to a column of the source.",
    )


class Checker:
    """Turns raw rows into records, one by one; what can't be used goes to quarantine.

    Args:
        spec: the data section.
        columns: what the task needs.
        mapping: role → column, from `map_columns`.
        folder: where the paths of images start; None if the source has none.
    """

    def __init__(self, spec: Data, columns: Sequence[Column], mapping: Mapping[str, str], folder: Path | None = None) -> None:
        self.spec, self.columns, self.mapping, self.folder = spec, columns, mapping, folder
        self.roles = {column: role for role, column in mapping.items()}
        self.needed = [column for column in columns if column.role in mapping]

    def records(self, rows: Iterable[RawRow], quarantine: Quarantine) -> list[Record]:
        kept = []
        for row in rows:
            record = Record(self._id(row), row.place, row.values, self._values(row))
            problem = row.problem or _broken(record)
            if problem:
                quarantine.add(record, "unreadable", problem)
            elif self._complete(record, quarantine):
                kept.append(record)
        return kept

    def _id(self, row: RawRow) -> str:
        column = self.mapping.get(ID)
        value = row.values.get(column) if column is not None else None
        return row.place if is_missing(value) else str(value).strip()

    def _values(self, row: RawRow) -> dict[str, Any]:
        values: dict[str, Any] = {}
        taken = set(self.mapping)
        for name, value in row.values.items():
            role = self.roles.get(name)
            if role is not None:
                values[role] = value
            else:  # a column that has the name of a role, but is mapped to none, keeps out of its way
                values[f"column {name}" if name in taken else name] = plain(value)
        return values

    def _complete(self, record: Record, quarantine: Quarantine) -> bool:
        for column in self.needed:
            value = record.values.get(column.role)
            found = None if is_missing(value) else self._read(column, value)
            if found is None and column.required:
                reason: Reason = "missing_text" if column.input else "missing_label"
                quarantine.add(record, reason, f"column {self.mapping[column.role]!r} is empty")
                return False
            if isinstance(found, TypeError):
                kind: Reason = "unreadable" if isinstance(found, UnreadableError) else "wrong_type"
                quarantine.add(record, kind, f"column {self.mapping[column.role]!r} holds {found}")
                return False
            record.values[column.role] = found
        return True

    def _read(self, column: Column, value: Any) -> Any:
        """The value as the column's kind has it; None if it turns out to be empty; a TypeError that says what it is instead."""
        if column.kind == "image":
            return image_cell(value, self.folder)
        return self._label(value) if column.kind == "label" else KINDS[column.kind](value)

    def _label(self, value: Any) -> str | tuple[str, ...] | TypeError | None:
        """A label as text (or a tuple of them), None if missing, a TypeError that names the type if it is none."""
        separator = self.spec.label_separator
        if separator is None:
            return label_text(value)
        parts = value if isinstance(value, list | tuple) else str(value).split(separator)
        labels = [label_text(part) for part in parts if not is_missing(part)]
        wrong = next((label for label in labels if isinstance(label, TypeError)), None)
        return wrong or tuple(dict.fromkeys(label for label in labels if isinstance(label, str))) or None


def _broken(record: Record) -> str:
    """Half of a surrogate pair is no character: no file can hold it (a bad escape in JSON, a broken cell of a database)."""
    for name, value in record.values.items():
        if isinstance(value, str) and not value.isascii() and _SURROGATES.search(value):
            return f"column {name!r} holds bytes or escapes that are no characters"
    return ""


def plain(value: Any) -> Any:
    """A value of another column as Parquet and JSON can hold it: nested ones as JSON text."""
    if value is None or isinstance(value, str | bool | int | float | bytes | datetime.datetime | datetime.date):
        return value
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
