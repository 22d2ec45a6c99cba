"""The steps of a series: which period a moment falls into, and when a period begins.

A grid numbers the periods of one frequency, so that "the next step" is "+1" for months of unequal length as well as for hours.

| name | period |
|---|---|
| `s`, `min`, `H`, `D`, with a count before it (`15min`) | of equal length, counted from 1970 (UTC) |
| `B` | Monday to Friday |
| `W-MON` … `W-SUN` | a week that begins on that day |
| `M`, `Q`, `Y` | calendar months, quarters, years |
| `N` | whole numbers: no calendar |
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

SECONDS = {"s": 1, "min": 60, "H": 3600, "D": 86_400}
DAY = 86_400
DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
NAME = re.compile(r"(?P<count>[1-9]\d{0,4})?(?P<unit>s|min|H|D)|B|W(-(?P<day>MON|TUE|WED|THU|FRI|SAT|SUN))?|M|Q|Y|N")
_MONTHS = {"M": 1, "Q": 3, "Y": 12}
_NUMBERED = 1e8
"""Whole numbers one apart, all smaller than this, are steps of no calendar: as seconds since 1970 they would end in 1973."""
_THURSDAY = 3  # 1970-01-01, counted from Monday
_EARLIEST, _LATEST = -30_610_224_000.0, 221_845_392_000.0  # the years 1000 to 8999


@dataclass(frozen=True)
class Grid:
    """The periods of one frequency, numbered.

    Args:
        name: see the table above.
    """

    name: str

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no frequency")

    @property
    def step(self) -> int | None:
        """Seconds of a period, where all are equal."""
        found = NAME.fullmatch(self.name)
        if found is None or not found["unit"]:
            return None
        return int(found["count"] or 1) * SECONDS[found["unit"]]

    @property
    def dated(self) -> bool:
        """Whether its moments are seconds since 1970."""
        return self.name != "N"

    def holds(self, moments: np.ndarray) -> np.ndarray:
        """Whether each moment lies in some period: bool [n]. Only weekends (B) and moments outside the years 1000 to 8999 do not."""
        inside = (moments >= _EARLIEST) & (moments <= _LATEST)
        if self.name == "B":
            inside &= (np.floor(moments / DAY) + _THURSDAY) % 7 < 5
        return inside

    def positions(self, moments: np.ndarray) -> np.ndarray:
        """The number of each moment's period: float64 [n] → int64 [n]."""
        if self.name == "N":
            return np.rint(moments).astype(np.int64)
        if self.step is not None:
            return np.floor(moments / self.step).astype(np.int64)
        days = np.floor(moments / DAY).astype(np.int64)
        if self.name == "B":
            return np.busday_count("1970-01-01", days.astype("datetime64[D]")).astype(np.int64)
        if self.name.startswith("W"):
            return (days + _THURSDAY - self._weekday) // 7
        return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) // _MONTHS[self.name]

    def moments(self, positions: np.ndarray) -> np.ndarray:
        """When each period begins: int64 [n] → float64 [n]."""
        if self.name == "N":
            return positions.astype(np.float64)
        if self.step is not None:
            return positions.astype(np.float64) * self.step
        if self.name == "B":
            days = np.busday_offset(np.datetime64("1970-01-01", "D"), positions).astype("datetime64[D]").astype(np.int64)
        elif self.name.startswith("W"):
            days = positions * 7 - _THURSDAY + self._weekday
        else:
            months = (positions * _MONTHS[self.name]).astype("datetime64[M]")
            days = months.astype("datetime64[D]").astype(np.int64)
        return days.astype(np.float64) * DAY

    def position(self, moment: float) -> int:
        return int(self.positions(np.array([moment]))[0])

    def moment(self, position: int) -> float:
        return float(self.moments(np.array([position]))[0])

    def label(self, position: int) -> str:
        """A period's beginning, as people and JSON write it: 2024-03-01, 2024-03 (M), 2024-03-01T06:00, 17 (N)."""
        if not self.dated:
            return str(position)
        moment = datetime.fromtimestamp(self.moment(position), UTC)
        if self.name == "M":
            return moment.strftime("%Y-%m")
        if self.step is None or self.step % DAY == 0:
            return moment.strftime("%Y-%m-%d")
        return moment.strftime("%Y-%m-%dT%H:%M" if self.step % 60 == 0 else "%Y-%m-%dT%H:%M:%S")

    @property
    def _weekday(self) -> int:
        found = NAME.fullmatch(self.name)
        return DAYS.index((found["day"] if found else None) or "MON")

    @property
    def season(self) -> int:
        """Steps after which such series most often repeat themselves; 1 where none suggests itself."""
        if self.step is not None and self.step < DAY:
            steps = DAY // self.step
            return steps if steps * self.step == DAY and steps <= 288 else 3600 // self.step if 3600 % self.step == 0 else 1
        if self.name.startswith("W"):
            return 52
        return {"D": 7, "B": 5, "M": 12, "Q": 4}.get(self.name, 1)

    def calendar(self, positions: np.ndarray) -> np.ndarray:
        """Where each period lies in its day, week and year, as sine and cosine: float64 [n, k]; k is 0 without a calendar."""
        if not self.dated:
            return np.zeros((len(positions), 0))
        moments = self.moments(positions)
        turns = []
        if self.step is not None and self.step < DAY:
            turns.append(moments % DAY / DAY)
        if self.name == "B" or (self.step is not None and self.step <= DAY):
            turns.append((np.floor(moments / DAY) + _THURSDAY) % 7 / 7)
        if self.name != "Y":
            days = np.floor(moments / DAY).astype(np.int64).astype("datetime64[D]")
            turns.append((days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.float64) / 365.25)
        waves = [wave(2 * np.pi * turn) for turn in turns for wave in (np.sin, np.cos)]
        return np.stack(waves, 1) if waves else np.zeros((len(positions), 0))


def infer(moments: Sequence[np.ndarray]) -> Grid | None:
    """The frequency that most steps of the series have; None if no series has two different moments.

    Args:
        moments: of each series, float64 [n], in any order.
    """
    gaps: Counter[str] = Counter()
    everything = np.concatenate([np.asarray(one, np.float64) for one in moments]) if len(moments) else np.zeros(0)
    numbered = bool(len(everything)) and bool((everything == np.rint(everything)).all()) and everything.max() < _NUMBERED
    for one in moments:
        for gap, count in zip(*np.unique(np.diff(np.unique(one)), return_counts=True), strict=True):
            gaps[_name(float(gap), numbered)] += int(count)
    if not gaps:
        return None
    name = min(gaps, key=lambda found: (-gaps[found], found))
    if name == "W":
        first = int(np.floor(everything.min() / DAY))
        return Grid(f"W-{DAYS[(first + _THURSDAY) % 7]}")
    if name == "D" and len(everything) >= 10 and Grid("B").holds(everything).all():
        return Grid("B")
    return Grid(name)


def _name(gap: float, numbered: bool) -> str:
    """What a gap in seconds is called. Months, quarters and years come in several lengths."""
    days = gap / DAY
    if gap == 1 and numbered:
        return "N"
    if days == 7:
        return "W"
    for name, low, high in (("M", 28, 31), ("Q", 89, 92), ("Y", 365, 366)):
        if low <= days <= high:
            return name
    seconds = max(1, round(gap))
    unit = next(name for name in ("D", "H", "min", "s") if seconds % SECONDS[name] == 0)
    count = seconds // SECONDS[unit]
    return unit if count == 1 else f"{min(count, 99_999)}{unit}"
