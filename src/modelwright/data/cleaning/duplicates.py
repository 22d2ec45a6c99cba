"""Copies: exact ones by folded text, near ones by shingles; the first of each group stays."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from modelwright.base.nouns import Column
from modelwright.data import images
from modelwright.data.cleaning.checks import ID
from modelwright.data.cleaning.folding import fold_text
from modelwright.data.cleaning.messages import spoken
from modelwright.data.cleaning.record import Quarantine, Record, keep


def set_keys(records: Sequence[Record], columns: Sequence[Column], others: bool = False) -> None:
    """Give each record its key: its inputs (texts folded, images by their pixels), joined by a character that texts don't hold.

    Args:
        others: columns beside the named ones are inputs as well.
    """
    inputs = [column for column in columns if column.input]
    named = {column.role for column in columns} | {ID}
    for record in records:
        parts = [key_part(column, record.values.get(column.role)) for column in inputs]
        if others:
            parts += [f"{name}={value}" for name, value in record.values.items() if name not in named]
        record.key = "\x1f".join(parts)


def key_part(column: Column, value: Any) -> str:
    """One input of a row as copies share it."""
    if value is None:
        return ""
    if column.kind == "text":
        return fold_text(value)
    if column.kind == "messages":
        return fold_text(spoken(json.loads(value)))
    return images.key(value) if column.kind == "image" else str(value)


def exact_key(record: Record, answers: Sequence[str] = ()) -> str:
    """What copies share: the key, and where contradictions stay, the answers too (equal inputs with another answer are no copy).

    Args:
        answers: roles that are learned, where contradictions stay.
    """
    return "\x1f".join([record.key, *(str(record.values.get(role)) for role in answers)])


def remove_exact(records: Sequence[Record], quarantine: Quarantine, answers: Sequence[str] = ()) -> list[Record]:
    """Keep the first record of each `exact_key`."""
    first: dict[str, Record] = {}
    removed = set()
    for position, record in enumerate(records):
        original = first.setdefault(exact_key(record, answers), record)
        if original is not record:
            removed.add(position)
            quarantine.add(record, "exact_duplicate", f"the same as {original.id}")
    return keep(records, removed)


def remove_near(records: Sequence[Record], pairs: Sequence[tuple[int, int, float]], quarantine: Quarantine) -> list[Record]:
    """Keep the first record of each group of near duplicates.

    A record is left out if an earlier record *that stays* is similar to it: a chain of small edits does not pull in rows that
    share nothing with the one kept.
    """
    earlier: dict[int, list[tuple[float, int]]] = {}
    for one, other, similarity in pairs:
        low, high = min(one, other), max(one, other)
        earlier.setdefault(high, []).append((similarity, low))
    removed: set[int] = set()
    for position in sorted(earlier):
        kept = [found for found in earlier[position] if found[1] not in removed]
        if kept:
            similarity, original = max(kept)
            removed.add(position)
            quarantine.add(
                records[position], "near_duplicate", f"{similarity:.0%} of the shingles shared with {records[original].id}"
            )
    return keep(records, removed)
