"""A row on its way through cleaning, and the quarantine."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from modelwright.base.store import writing
from modelwright.data.images import described

QUARANTINE = "quarantine.csv"

Reason = Literal[
    "unreadable",
    "missing_text",
    "missing_label",
    "missing_split_column",
    "wrong_type",
    "contradiction",
    "exact_duplicate",
    "near_duplicate",
    "rare_label",
    "unusable",
    "language",
    "contaminated",
]
"""Beside these, the names of the rules in `data/corpus/quality.py`."""


@dataclass(slots=True)
class Record:
    """One row.

    Args:
        id: stable and unique.
        place: where it stands in its source.
        original: column → value as read, for the quarantine file.
        values: role (or other column) → value, as the task gets it.
        key: the folded input, by which copies are known; set once the row has passed its checks.
    """

    id: str
    place: str
    original: Mapping[str, Any]
    values: dict[str, Any]
    key: str = ""


@dataclass
class Quarantine:
    """Rows that were left out, in order, each with one reason and a detail that a person can act on."""

    rows: list[tuple[Record, Reason | str, str]] = field(default_factory=list)

    def add(self, record: Record, reason: Reason | str, detail: str) -> None:
        self.rows.append((record, reason, detail))

    def counts(self) -> dict[str, int]:
        """Rows by reason, most frequent first."""
        return dict(Counter(reason for _, reason, _ in self.rows).most_common())

    def write(self, path: Path, columns: Sequence[str]) -> None:
        """A CSV with id, reason, detail, place and every original column. Undecodable bytes appear as \\udc.. escapes."""
        own = ("id", "reason", "detail", "place")
        header = [*own, *(f"column {name}" if name in own else name for name in columns)]
        with writing(path), path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            for record, reason, detail in self.rows:
                writer.writerow(
                    [record.id, reason, detail, record.place, *(described(record.original.get(name)) for name in columns)]
                )


def keep(records: Iterable[Record], removed: set[int]) -> list[Record]:
    """The records whose position is not in `removed`."""
    return [record for position, record in enumerate(records) if position not in removed]
