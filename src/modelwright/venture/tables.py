"""The shipped default tables (`defaults/*.yaml`): every entry with source, date and whether anybody confirmed it.

A figure taken from here is a fallback. It says so, says its date, and says when that date is too old.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import yaml

from modelwright.venture.figures import Figure

STALE_MONTHS = 12
_OWN = ("value", "low", "high", "unit", "source", "as_of", "confirmed")


@dataclass(frozen=True)
class Entry:
    """One line of a table.

    Args:
        key: its name in the table.
        as_of: the day the numbers were true.
        confirmed: False (†): from memory or a secondary source.
        more: the entry's other numbers, by name ("tflops", "memory_gib_per_core").
    """

    key: str
    source: str
    as_of: date
    confirmed: bool
    unit: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    more: Mapping[str, float] = field(default_factory=dict)

    def months_old(self, today: date) -> int:
        return (today.year - self.as_of.year) * 12 + today.month - self.as_of.month

    def stale(self, today: date | None, months: int = STALE_MONTHS) -> bool:
        """Whether the entry is older than `months`; without a date nobody can say, and it counts as fresh."""
        return today is not None and self.months_old(today) > months

    def figure(self, today: date | None = None, *, name: str | None = None, unit: str = "") -> Figure:
        """The entry's value, or its number called `name`, as a fallback that tells its date.

        Raises:
            KeyError: the entry has no such number.
        """
        value = self.value if name is None else self.more.get(name)
        if value is None:
            raise KeyError(f"{self.key} has no {name or 'value'}")
        mark = "" if self.confirmed else " †"  # † as in the tables: nobody has checked it against the original
        note = f"default {self.key} of {self.as_of.isoformat()}{mark}"
        if today is not None and self.stale(today):
            note += f" (stale: {self.months_old(today)} months old)"
        low, high = (self.low, self.high) if name is None else (None, None)
        return Figure(value, unit or self.unit, "fallback", low, high, note=note, source=self.source)


@cache
def table(name: str) -> Mapping[str, Entry]:
    """The table `defaults/<name>.yaml`, in its order.

    Raises:
        FileNotFoundError: no such table is shipped.
        ValueError: an entry without source, date or mark (a mistake of ours).
    """
    text = files("modelwright.venture").joinpath("defaults", f"{name}.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    common = {key: value for key, value in content.items() if key != "entries"}
    return MappingProxyType({key: _entry(name, str(key), {**common, **entry}) for key, entry in content["entries"].items()})


def _entry(name: str, key: str, fields: dict[str, Any]) -> Entry:
    own = {part: fields[part] for part in _OWN if part in fields}
    more = {part: float(value) for part, value in fields.items() if part not in _OWN}
    if not own.get("source") or not isinstance(own.get("as_of"), date) or not isinstance(own.get("confirmed"), bool):
        raise ValueError(f"defaults/{name}.yaml: {key} needs source, as_of and confirmed")
    return Entry(key=key, more=MappingProxyType(more), **own)


def table_names() -> tuple[str, ...]:
    """Every shipped table."""
    folder = files("modelwright.venture").joinpath("defaults")
    return tuple(sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml")))
