"""What type is a column? Told by the training rows alone, unless the project says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from modelwright.tasks.table import cells
from modelwright.tasks.table.settings import Type

TEXT_WORDS, TEXT_DIFFERENT = 3.0, 0.5  # free text: so many words on average, and so large a share of different cells
NAMES_DIFFERENT, NAMES_ROWS = 0.9, 50  # names of rows: nearly every cell is another


def infer(values: Sequence[Any]) -> tuple[Type, str]:
    """The type, and for "ignore" the reason: "empty", "constant", "row number" or "identifier".

    All cells that are not missing must fit: a column with one word among numbers holds categories.
    """
    known = [value for value in values if not cells.is_missing(value)]
    if not known:
        return "ignore", "empty"
    gaps = len(known) < len(values)
    different = {str(value) for value in known}
    if len(different) == 1 and not gaps:
        return "ignore", "constant"
    if all(isinstance(value, bool) for value in known):
        return "category", ""
    if _all(cells.number, known):
        numbers = {number for number in map(cells.number, known) if number is not None}
        if not numbers or (len(numbers) == 1 and len(known) == len(values)):
            return "ignore", "constant" if numbers else "empty"
        return ("ignore", "row number") if not gaps and _counts_rows(numbers, len(values)) else ("number", "")
    if _all(cells.moment, known):
        return "date", ""
    words = sum(len(str(value).split()) for value in known) / len(known)
    share = len(different) / len(known)
    if words >= TEXT_WORDS and share > TEXT_DIFFERENT:
        return "text", ""
    if share > NAMES_DIFFERENT and len(known) >= NAMES_ROWS:
        return "ignore", "identifier"
    return "category", ""


def _all(read: Callable[[Any], Any], values: Sequence[Any]) -> bool:
    try:
        for value in values:
            read(value)
    except cells.CellError:
        return False
    return True


def _counts_rows(numbers: set[float], rows: int) -> bool:
    """Whole numbers without a repetition that fill their range like the rows of a file, of which some went to other splits."""
    return (
        len(numbers) == rows >= NAMES_ROWS
        and all(number.is_integer() for number in numbers)
        and max(numbers) - min(numbers) < 2 * rows
    )
