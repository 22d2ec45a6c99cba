"""Rows of ordinary tasks kept out by what a corpus's documents are kept out by: language, published rules, examination texts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from modelwright.base.console import Console
from modelwright.base.errors import DataError
from modelwright.base.nouns import Column
from modelwright.data.cleaning.messages import spoken
from modelwright.data.cleaning.record import Quarantine, Record, keep
from modelwright.data.cleaning.shingles import tokens_of
from modelwright.data.corpus.contamination import examination
from modelwright.data.corpus.examine import Screens
from modelwright.spec.data import Data

_BLOCK = 1000


def screened(
    spec: Data, columns: Sequence[Column], project: Path, records: list[Record], quarantine: Quarantine, console: Console
) -> list[Record]:
    """Without the records that `clean.languages`, `clean.quality` or `decontaminate` keep out. All texts of a record count, what is
    learned from it too: an answer of an examination is as bad as its question.

    Raises:
        DataError: there is such a setting, and the task has no texts.
    """
    if not (spec.clean.languages or spec.clean.quality or spec.decontaminate):
        return records
    roles = {column.role: column.kind for column in columns if column.kind in ("text", "messages")}
    if not roles:
        raise DataError(
            "texts are to be kept out by language, quality or examination, and the rows have no texts",
            expected="a task that learns from texts",
            where="data.clean.languages, data.clean.quality, data.decontaminate",
            remedy="Leave these settings out.",
        )
    screens = Screens(spec.clean, examination(spec, project, console))
    removed = set()
    for start in range(0, len(records), _BLOCK):
        block = records[start : start + _BLOCK]
        texts = ["\n".join(_said(record.values.get(role), kind) for role, kind in roles.items()) for record in block]
        for place, (reason, detail) in screens.look(texts, tokens_of(texts)).items():
            quarantine.add(block[place], reason, detail)
            removed.add(start + place)
    return keep(records, removed)


def _said(value: str | None, kind: str) -> str:
    if value is None:
        return ""
    return spoken(json.loads(value)) if kind == "messages" else value
