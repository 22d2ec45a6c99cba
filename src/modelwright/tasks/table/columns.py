"""Columns by type: learned from training rows, then each cell becomes numbers and categories.

Numbers leave standardised, (v − mean) / deviation; a missing number is 0 there, and where the training rows had gaps a second number says so (1).
Categories leave as indices: 0 never seen in training, 1 missing, 2 rare, 3 and on by name. A date leaves as its days since
1970, and as categories of month, weekday and, where cells carry times, hour.
"""

from __future__ import annotations

import datetime
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np

from modelwright.tasks.table import cells
from modelwright.tasks.table.settings import TableSettings

UNSEEN, MISSING, RARE, FIRST = 0, 1, 2, 3
LIMIT = 1e6
"""Standardised numbers are kept within this: a cell of 1e300 must not become infinite in 32 bits."""
_DAY = 86_400.0
_EPOCH = datetime.datetime(1970, 1, 1)


class ColumnReader(ABC):
    """One column.

    Attributes:
        name: of the column.
        numbers: how many numbers a cell becomes.
        categories: for each category that it becomes, how many indices there are.
    """

    kind: ClassVar[str]
    name: str

    @property
    @abstractmethod
    def numbers(self) -> int: ...

    @property
    @abstractmethod
    def categories(self) -> tuple[int, ...]: ...

    @classmethod
    @abstractmethod
    def fit(cls, name: str, values: Sequence[Any], settings: TableSettings) -> Self:
        """Learn from the training rows' cells.

        Raises:
            cells.CellError: a cell is not of this type.
        """

    @abstractmethod
    def encode(self, value: Any) -> tuple[Sequence[float], Sequence[int]]:
        """A cell's numbers and categories.

        Raises:
            cells.CellError: it is not of this type.
        """

    @abstractmethod
    def shown(self, numbers: Sequence[float], categories: Sequence[int]) -> Any:
        """The cell as far as its numbers and categories tell, for reasons: a number, a name, a date, or None."""

    @property
    @abstractmethod
    def expected(self) -> str:
        """What a request may hold, for errors."""

    @property
    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """The cell's JSON schema."""

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}  # type: ignore[call-overload]


@dataclass(frozen=True)
class NumberColumn(ColumnReader):
    """A number, standardised.

    Args:
        mean, deviation: of the training rows that have one.
        gaps: whether training rows lacked it.
        low, high: of the training rows, for people.
    """

    kind: ClassVar[str] = "number"
    name: str
    mean: float
    deviation: float
    gaps: bool
    low: float
    high: float

    @property
    def numbers(self) -> int:
        return 2 if self.gaps else 1

    @property
    def categories(self) -> tuple[int, ...]:
        return ()

    @classmethod
    def fit(cls, name: str, values: Sequence[Any], settings: TableSettings) -> Self:
        known, gaps = _known([cells.number(value) for value in values])
        mean, deviation = _moments(known)
        return cls(name, mean, deviation, gaps, float(known.min()), float(known.max()))

    def encode(self, value: Any) -> tuple[Sequence[float], Sequence[int]]:
        found = cells.number(value)
        scaled = 0.0 if found is None else min(LIMIT, max(-LIMIT, (found - self.mean) / self.deviation))
        return ((scaled, 1.0 if found is None else 0.0) if self.gaps else (scaled,)), ()

    def shown(self, numbers: Sequence[float], categories: Sequence[int]) -> float | None:
        if self.gaps and numbers[1] > 0.5:
            return None
        return _rounded(self.mean + self.deviation * float(numbers[0]))

    @property
    def expected(self) -> str:
        return f"a number (in training {self.low:g} to {self.high:g}), or null"

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": ["number", "string", "null"], "description": f"number, in training {self.low:g} to {self.high:g}"}


@dataclass(frozen=True)
class CategoryColumn(ColumnReader):
    """One of several names.

    Args:
        values: known names, in order of their indices from FIRST on.
        rare: names that are taken as one (`RARE`).
    """

    kind: ClassVar[str] = "category"
    name: str
    values: tuple[str, ...]
    rare: tuple[str, ...]

    def __post_init__(self) -> None:
        index = dict.fromkeys(self.rare, RARE) | {value: FIRST + place for place, value in enumerate(self.values)}
        object.__setattr__(self, "index", index)

    @property
    def numbers(self) -> int:
        return 0

    @property
    def categories(self) -> tuple[int, ...]:
        return (FIRST + len(self.values),)

    @classmethod
    def fit(cls, name: str, values: Sequence[Any], settings: TableSettings) -> Self:
        counts = Counter(found for found in map(cells.category, values) if found is not None)
        frequent = sorted(
            (value for value, count in counts.items() if count >= settings.rare), key=lambda value: (-counts[value], value)
        )
        kept = sorted(frequent[: settings.most_categories])
        return cls(name, tuple(kept), tuple(sorted(set(counts) - set(kept))))

    def encode(self, value: Any) -> tuple[Sequence[float], Sequence[int]]:
        found = cells.category(value)
        return (), (MISSING if found is None else self.index.get(found, UNSEEN),)  # type: ignore[attr-defined]

    def shown(self, numbers: Sequence[float], categories: Sequence[int]) -> str | None:
        place = int(categories[0]) - FIRST
        return self.values[place] if place >= 0 else None

    @property
    def expected(self) -> str:
        listed = ", ".join(map(repr, self.values[:8])) + (", …" if len(self.values) > 8 else "")
        return f"a text, a number or a truth value (in training {listed}), or null"

    @property
    def schema(self) -> dict[str, Any]:
        listed = ", ".join(self.values[:20]) + (", …" if len(self.values) > 20 else "")
        return {"type": ["string", "number", "boolean", "null"], "description": f"in training {listed}"}


@dataclass(frozen=True)
class DateColumn(ColumnReader):
    """A date or a moment: days since 1970, standardised, and where it lies in the year, the week and the day.

    Args:
        mean, deviation: of the days.
        gaps: whether training rows lacked it.
        times: whether cells carry a time of day.
    """

    kind: ClassVar[str] = "date"
    name: str
    mean: float
    deviation: float
    gaps: bool
    times: bool

    @property
    def numbers(self) -> int:
        return 2 if self.gaps else 1

    @property
    def categories(self) -> tuple[int, ...]:
        return (FIRST + 12, FIRST + 7, FIRST + 24) if self.times else (FIRST + 12, FIRST + 7)

    @classmethod
    def fit(cls, name: str, values: Sequence[Any], settings: TableSettings) -> Self:
        found = [cells.moment(value) for value in values]
        known, gaps = _known([None if one is None else _days(one) for one in found])
        return cls(name, *_moments(known), gaps, any(one is not None and one.time() != datetime.time() for one in found))

    def encode(self, value: Any) -> tuple[Sequence[float], Sequence[int]]:
        found = cells.moment(value)
        scaled = 0.0 if found is None else min(LIMIT, max(-LIMIT, (_days(found) - self.mean) / self.deviation))
        numbers = (scaled, 1.0 if found is None else 0.0) if self.gaps else (scaled,)
        if found is None:
            return numbers, (MISSING,) * len(self.categories)
        places = (FIRST + found.month - 1, FIRST + found.weekday(), FIRST + found.hour)
        return numbers, places[: len(self.categories)]

    def shown(self, numbers: Sequence[float], categories: Sequence[int]) -> str | None:
        if int(categories[0]) < FIRST:
            return None
        days = round(self.mean + self.deviation * float(numbers[0]))
        return (_EPOCH + datetime.timedelta(days=min(max(days, -700_000), 2_900_000))).date().isoformat()

    @property
    def expected(self) -> str:
        return "a date like 2026-05-31 or a moment like 2026-05-31T14:30, or null"

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "null"], "description": "date or moment, ISO 8601"}


def _days(moment: datetime.datetime) -> float:
    return (moment - _EPOCH).total_seconds() / _DAY


def _known(values: Sequence[float | None]) -> tuple[np.ndarray, bool]:
    known = np.array([value for value in values if value is not None], np.float64)
    return known, len(known) < len(values)


def _moments(known: np.ndarray) -> tuple[float, float]:
    """Mean and deviation that stay finite even for the largest numbers; the deviation is never 0."""
    scale = float(np.abs(known).max()) or 1.0
    mean, deviation = float((known / scale).mean()) * scale, float((known / scale).std()) * scale
    return mean, deviation if deviation > 0 else 1.0


def _rounded(value: float) -> float:
    """Six digits: what 32 bits kept of it."""
    return float(f"{value:.6g}")


def read_json(content: Mapping[str, Any]) -> ColumnReader:
    """What `as_json` gave.

    Raises:
        KeyError, TypeError, ValueError: it did not.
    """
    from modelwright.tasks.table.texts import TextColumn

    kinds: dict[str, Any] = {one.kind: one for one in (NumberColumn, CategoryColumn, DateColumn, TextColumn)}
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in content.items() if name != "kind"}
    return kinds[content["kind"]](**given)
