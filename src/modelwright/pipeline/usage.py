"""The service's own records of its customers, for the plan: one line per customer, CSV or JSON lines.

Columns: `start` (the day of the first payment, ISO), `end` (the last day; empty: still there), `requests` (a month; optional).
Those still there were last seen on the latest day that the file names.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright.base.errors import DataError, MachineError
from modelwright.spec.load import Loaded

if TYPE_CHECKING:
    from modelwright.venture.survival import Records

_DAYS_A_MONTH = 365.25 / 12
_FORM = "columns start, end (empty: still there) and perhaps requests, days written like 2026-03-31"


def identity(loaded: Loaded) -> str | None:
    """What the records hold now, as far as a quick look tells; None where none are named."""
    path = _path(loaded)
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError:
        return f"{path.name} missing"
    return f"{path.name} {found.st_size} {found.st_mtime_ns}"


def customers(loaded: Loaded) -> list[tuple[date, date | None, float | None]]:
    """(start, end, requests a month) of each customer that `venture.records` names; none where it names no file.

    Raises:
        DataError, MachineError: as `read`.
    """
    path = _path(loaded)
    return [] if path is None else [_row(path, number, row) for number, row in _lines(path)]


def read(loaded: Loaded) -> Records | None:
    """The records that `venture.records` names; None where it names none.

    Raises:
        DataError: a line that is no record, or an end before its start.
        MachineError: the file can't be read.
    """
    path = _path(loaded)
    if path is None:
        return None
    import numpy as np

    from modelwright.venture.survival import Records

    rows = customers(loaded)
    if not rows:
        raise DataError("the file holds no customer", expected=_FORM, where=str(path), remedy="Export the customers again.")
    latest = max(day for start, end, _ in rows for day in (start, end) if day is not None)
    requests = [count for _, _, count in rows if count is not None]
    return Records(
        durations=np.array([((end or latest) - start).days / _DAYS_A_MONTH for start, end, _ in rows]),
        observed=np.array([end is not None for _, end, _ in rows]),
        requests=np.array(requests) if len(requests) == len(rows) else None,
        source=f"{path.name}, {len(rows):,} customers up to {latest.isoformat()}",
    )


def _path(loaded: Loaded) -> Path | None:
    venture = loaded.project.venture
    return None if venture is None or venture.records is None else loaded.folder / venture.records


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise MachineError(
            f"the usage records can't be read: {error}",
            expected=f"a UTF-8 file with {_FORM}",
            where="venture.records",
            remedy="Name a file relative to the project's folder, or leave venture.records out.",
        ) from error
    if path.suffix != ".jsonl":
        yield from enumerate(csv.DictReader(text.splitlines()), 2)
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise _wrong(path, number, "the line is no JSON") from error
            if not isinstance(row, dict):
                raise _wrong(path, number, "the line is no JSON object")
            yield number, row


def _row(path: Path, number: int, row: dict[str, Any]) -> tuple[date, date | None, float | None]:
    try:
        start = date.fromisoformat(str(row["start"]))
        end = date.fromisoformat(str(row["end"])) if row.get("end") else None
        requests = float(row["requests"]) if row.get("requests") not in (None, "") else None
    except KeyError as error:
        raise _wrong(path, number, f"there is no column {error}") from error
    except ValueError as error:
        raise _wrong(path, number, str(error)) from error
    if end is not None and end < start:
        raise _wrong(path, number, f"the end {end} lies before the start {start}")
    return start, end, requests


def _wrong(path: Path, number: int, came: str) -> DataError:
    return DataError(came, expected=_FORM, where=f"{path}:{number}", remedy="Mend the line, or export the customers again.")
