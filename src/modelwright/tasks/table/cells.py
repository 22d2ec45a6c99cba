"""One cell: is it missing, and what is it as a number, a category, a moment or a text?

CSV files give texts, Parquet and JSON typed values; both must come out alike, in training and when served.
"""

from __future__ import annotations

import datetime
import math
import re
from typing import Any

_MISSING = frozenset({"", "?", "na", "n/a", "#n/a", "nan", "null"})
_INFINITE = frozenset({"inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"})
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?$")


class CellError(ValueError):
    """The value is not of the column's type; the text says what it is instead."""


def is_missing(value: Any) -> bool:
    """None, NaN, and the texts that stand for nothing ("", "?", "NA", "nan", "null")."""
    if isinstance(value, str):
        return value.strip().casefold() in _MISSING
    return value is None or (isinstance(value, float) and math.isnan(value))


def is_infinite(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().casefold() in _INFINITE
    return isinstance(value, float) and math.isinf(value)


def number(value: Any) -> float | None:
    """A finite number; None where it is missing or infinite (an infinite cell holds no amount that could be learned from).

    Raises:
        CellError: it is no number.
    """
    if is_missing(value) or is_infinite(value):
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        found = _float(value)
        return found if math.isfinite(found) else None
    if isinstance(value, str):
        text = value.strip()
        try:
            found = float(text)
        except ValueError:
            raise CellError(f"the text {text[:40]!r}") from None
        if "_" not in text:  # Python reads 1_000, no file means it
            return found if math.isfinite(found) else None
        raise CellError(f"the text {text[:40]!r}")
    raise CellError(_called(value))


def _float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of 400 digits
        return math.inf


def category(value: Any) -> str | None:
    """The category's name; None where it is missing.

    Raises:
        CellError: lists and objects are no categories.
    """
    if is_missing(value):
        return None
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return str(int(value)) if abs(value) < 1e300 else f"{value:g}"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise CellError(_called(value))


def moment(value: Any) -> datetime.datetime | None:
    """A date or a moment, in UTC where a zone is given; None where it is missing.

    Raises:
        CellError: it is none. Year, month and day come in this order (ISO 8601), with - / or . between them.
    """
    if is_missing(value):
        return None
    if isinstance(value, datetime.datetime):
        found = value
    elif isinstance(value, datetime.date):
        found = datetime.datetime(value.year, value.month, value.day)
    elif isinstance(value, str) and _DATE.match(value.strip()):
        found = _read(value.strip())
    else:
        raise CellError(f"the text {value.strip()[:40]!r}" if isinstance(value, str) else _called(value))
    return found.astimezone(datetime.UTC).replace(tzinfo=None) if found.tzinfo else found


def _read(text: str) -> datetime.datetime:
    date, gap, rest = re.match(r"([\d/.-]+)([T ]?)(.*)$", text).groups()  # type: ignore[union-attr]
    try:
        year, month, day = map(int, re.split(r"[-/.]", date))
        return datetime.datetime.fromisoformat(f"{year:04d}-{month:02d}-{day:02d}{'T' if gap else ''}{rest}")
    except ValueError:
        raise CellError(f"the text {text[:40]!r}") from None


def text(value: Any) -> str:
    """A text; empty where it is missing.

    Raises:
        CellError: it is none.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise CellError(_called(value))


def _called(value: Any) -> str:
    """What a value of a wrong type is called in an error: its type and its beginning."""
    kinds = {bool: "the truth value", int: "the number", float: "the number", list: "a list", tuple: "a list", dict: "an object"}
    return f"{kinds.get(type(value), type(value).__name__)} {str(value)[:40]}"
