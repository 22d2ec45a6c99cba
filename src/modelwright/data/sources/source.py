"""What every source gives: raw rows with their place, one after another, and where they come from.

A source knows files and servers; it knows nothing of tasks, roles or cleaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as read.

    Args:
        place: where it stands, unique in its source ("news.csv:1043"): it also serves as the row's id.
        values: column → value, as the source types it (text for CSV; None for a missing cell).
        problem: why it can't be used, if so ("bytes that are not utf-8"): it goes to quarantine as unreadable.
    """

    place: str
    values: Mapping[str, Any]
    problem: str = ""


@dataclass(frozen=True)
class Provenance:
    """Origin and rights of one source, as the data card shows them. None: not stated anywhere."""

    name: str
    source: str
    version: str | None = None
    sha256: str | None = None
    licence: str | None = None
    licence_note: str | None = None
    citation: str | None = None


def _nothing() -> None:
    """For sources that open their file only when the first row is asked for."""


@dataclass(frozen=True)
class Reading:
    """An opened source.

    Args:
        columns: known before the first row, in order.
        rows: read once; raises DataError where the source breaks.
        encoding: of text files; None where the format fixes it.
        provenance: one record per source.
        folder: where paths in cells start (images beside a table); None if there is no such place.
        close: lets go of files and connections if the rows are not read to their end.
    """

    columns: tuple[str, ...]
    rows: Iterator[RawRow]
    encoding: str | None = None
    provenance: tuple[Provenance, ...] = ()
    close: Callable[[], object] = _nothing
    folder: Path | None = None


def stat_identity(path: Path) -> list[Any]:
    """What a file's fingerprint is made of: cheap, and different after any ordinary edit."""
    stat = path.stat()
    return [str(path), stat.st_size, stat.st_mtime_ns]
