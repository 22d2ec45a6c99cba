"""Points in time as numbers that order."""

from __future__ import annotations

import datetime
import re
from typing import Any

_SLASHES = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})(?!\d)")
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_QUARTER = re.compile(r"(\d{4})-?Q([1-4])", re.IGNORECASE)


def moment(value: Any) -> float | None:
    """A point in time as a number that orders: numbers as they are; dates, ISO 8601 texts, months (2024-03), quarters (2024-Q1)
    and dates with slashes that begin with the year as seconds since 1970 (UTC where no zone is given); None if it is none of
    these."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value) if value == value else None
    if isinstance(value, str):
        text = value.strip()
        try:
            return float(text)
        except ValueError:
            try:
                value = datetime.datetime.fromisoformat(_iso(text))
            except ValueError:
                return None
    if isinstance(value, datetime.datetime):
        return (value if value.tzinfo else value.replace(tzinfo=datetime.UTC)).timestamp()
    if isinstance(value, datetime.date):
        return datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC).timestamp()
    return None


def _iso(text: str) -> str:
    """Months, quarters and slashes as `fromisoformat` reads them; everything else as it is. Dates that begin with the day or the
    month are left alone: nobody can tell which."""
    if found := _MONTH.fullmatch(text):
        return f"{text}-01"
    if found := _QUARTER.fullmatch(text):
        return f"{found[1]}-{3 * int(found[2]) - 2:02d}-01"
    return _SLASHES.sub(lambda found: f"{found[1]}-{int(found[2]):02d}-{int(found[3]):02d}", text, count=1)
