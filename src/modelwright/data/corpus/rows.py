"""From a source's rows to documents: the text or conversation found, written one way, or what is wrong with it said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from modelwright.base.errors import DataError
from modelwright.base.nouns import Column
from modelwright.data.cleaning.checks import ID, missing_column
from modelwright.data.cleaning.kinds import KINDS, is_missing
from modelwright.data.cleaning.messages import spoken
from modelwright.data.corpus.examine import Document
from modelwright.data.corpus.lines import MOST_BYTES
from modelwright.data.corpus.normal import normalised
from modelwright.data.sources.source import RawRow
from modelwright.spec.data import Data

_SURROGATES = re.compile("[\ud800-\udfff]")


class Reader:
    """Which column is what, and how a row becomes a document.

    Attributes:
        mapping: role → column of the source.
        inputs: the columns that hold documents; of each row the first that is filled counts.
        others: role → column, kept beside it as texts (those that `data.columns` names, and the column that is split by).

    Raises:
        DataError: the source has no column that holds documents.
    """

    def __init__(self, spec: Data, columns: Sequence[Column], found: Sequence[str]) -> None:
        named = {column.role: spec.columns.get(column.role, column.role) for column in columns}
        foreign = [column.role for column in columns if column.kind not in ("text", "messages") or not column.input]
        if foreign:
            raise ValueError(f"a corpus holds texts and conversations, not {', '.join(foreign)}")
        for column in columns:
            if named[column.role] not in found and (column.required or column.role in spec.columns):
                raise missing_column(named[column.role], f"data.columns.{column.role}", found)
        self.inputs = [column for column in columns if named[column.role] in found]
        if not self.inputs:
            raise missing_column(named[columns[0].role], f"data.columns.{columns[0].role}", found)
        self.mapping = {column.role: named[column.role] for column in self.inputs}
        roles = [column.role for column in columns]
        self.others = {role: name for role, name in spec.columns.items() if role not in (*roles, ID)}
        for role, name in self.others.items():
            if name not in found:
                raise missing_column(name, f"data.columns.{role}", found)
        self.id_column = spec.columns.get(ID)
        if self.id_column is not None and self.id_column not in found:
            raise missing_column(self.id_column, "data.columns.id", found)
        self.split_column = (
            None if spec.split.column is None else {**self.others, **self.mapping}.get(spec.split.column, spec.split.column)
        )
        if self.split_column is not None and self.split_column not in found:
            raise missing_column(self.split_column, "data.split.column", found)
        self.used: dict[str, None] = {}

    def documents(self, rows: Iterator[RawRow]) -> Iterator[Document]:
        """Every row as a document, in order; one that can't be used has a `reason`."""
        for row in rows:
            document = self._document(row)
            if not document.reason:
                self.used.update(dict.fromkeys(document.values))
            yield document

    def text_of(self, values: Mapping[str, Any]) -> str:
        """What a kept row says."""
        for column in self.inputs:
            value = values.get(column.role)
            if value is not None:
                return spoken(json.loads(value)) if column.kind == "messages" else value
        return ""

    def _document(self, row: RawRow) -> Document:
        given = row.values.get(self.id_column) if self.id_column is not None else None
        document = Document(row.place if is_missing(given) else str(given).strip(), row.place, {}, "")
        if row.problem:
            document.leave("unreadable", row.problem)
            return document
        for column in self.inputs:
            name = self.mapping[column.role]
            value = row.values.get(name)
            if not is_missing(value):
                self._fill(document, column, name, KINDS[column.kind](value))
                break
        else:
            names = " or ".join(repr(name) for name in self.mapping.values())
            document.leave("missing_text", f"column {names} is empty")
        for role, name in self.others.items():
            value = row.values.get(name)
            document.values[role] = None if value is None else str(value)
        if self.split_column is not None:
            document.part = row.values.get(self.split_column)
            if is_missing(document.part) and not document.reason:
                document.leave("missing_split_column", f"column {self.split_column!r} is empty")
        return document

    def _fill(self, document: Document, column: Column, name: str, found: Any) -> None:
        if isinstance(found, TypeError):
            document.leave("wrong_type", f"column {name!r} holds {found}")
            return
        if column.kind == "messages":
            messages = [{**message, "content": normalised(message["content"])} for message in json.loads(found)]
            document.values[column.role] = json.dumps(messages, ensure_ascii=False, separators=(",", ":"))
            document.text = spoken(messages)
            empty = next((number for number, message in enumerate(messages, 1) if not message["content"]), None)
            if empty is not None:
                document.leave("wrong_type", f"column {name!r} holds message {empty} without content")
        else:
            document.values[column.role] = document.text = normalised(found)
            if not document.text:
                document.leave("missing_text", f"column {name!r} holds nothing but spaces and control characters")
        if not document.text.isascii() and _SURROGATES.search(document.text):
            document.leave("unreadable", f"column {name!r} holds bytes or escapes that are no characters")
        elif len(document.text) > MOST_BYTES:
            document.leave("unreadable", f"{len(document.text):,} characters, more than the {MOST_BYTES:,} of a document")


def refuse_repeated(keys: np.ndarray, where: str) -> None:
    """Ids that the source states must be different (uint64 hashes of them)."""
    different = len(np.unique(keys))
    if different < len(keys):
        raise DataError(
            f"of {len(keys):,} documents only {different:,} have an id of their own",
            expected="an id of its own for each document",
            where=where,
            remedy="Mend the column, or leave data.columns.id out: places are ids then.",
        )
