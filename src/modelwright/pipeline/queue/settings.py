"""What founders state of the queue: a small YAML file beside it (`queue.yaml` beside `queue.sqlite`). Without it: one job at a time.

slots: 2
budget: 50 USD
timezone: Asia/Shanghai
reservations:
  - {project: news-desk, slots: 1, from: "09:00", until: "18:00", days: [mon, tue, wed, thu, fri]}
  - {project: own-chat, slots: 2, from: 2026-12-01T00:00:00+08:00, until: 2026-12-03T00:00:00+08:00}
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from modelwright.base import machine
from modelwright.base.errors import SpecError
from modelwright.pipeline.queue.policy import Reservation, Rules, overbooked
from modelwright.spec.quantities import MoneyField
from modelwright.spec.section import Section
from modelwright.spec.tree import Places, parse

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _moment(raw: Any) -> Any:
    """`18:00` without quotes is a number of minutes to YAML 1.1 (base 60)."""
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw < 24 * 60:
        return time(*divmod(raw, 60))
    if isinstance(raw, str):
        try:
            return time.fromisoformat(raw)
        except ValueError:
            pass  # then it is a moment, or wrong: pydantic says which
    return raw


Moment = Annotated[datetime | time, BeforeValidator(_moment)]


class Reserved(Section):
    """Slots that one project owns in a window of time."""

    project: str = Field(min_length=1, description="the project's name")
    slots: int = Field(1, ge=1, description="how many slots")
    from_: Moment = Field(alias="from", description='a time of day like "09:00", or a moment like 2026-12-01T09:00:00+08:00')
    until: Moment = Field(description="of the same kind; a time of day before `from` lies on the next day")
    days: tuple[Day, ...] = Field(
        ("mon", "tue", "wed", "thu", "fri", "sat", "sun"), min_length=1, description="days on which a time of day counts"
    )

    @model_validator(mode="after")
    def _same_kind(self) -> Self:
        if isinstance(self.from_, datetime) != isinstance(self.until, datetime):
            raise ValueError("from and until of one kind: two times of day, or two moments")
        if self.from_ == self.until:
            raise ValueError("an until that differs from its from")
        return self


class QueueSettings(Section):
    """The queue's own settings; projects say nothing of it."""

    slots: int = Field(1, ge=1, description="runs side by side; each gets its share of the cores")
    budget: MoneyField | None = Field(None, description="money for all jobs together, like '50 USD'; runs beyond it wait")
    aging_hours: float = Field(24.0, gt=0, description="hours of waiting that weigh as much as one step of priority")
    crashes: int = Field(3, ge=1, description="give a job up when its process was killed so often")
    timezone: str | None = Field(None, description="of times without one, like Asia/Shanghai; default: this machine's")
    reservations: tuple[Reserved, ...] = Field((), description="windows in which slots belong to one project")
    language: Literal["en", "zh"] = Field("en", description="of what is printed")

    @field_validator("budget")
    @classmethod
    def _with_currency(cls, budget: Any) -> Any:
        if budget is not None and budget.currency is None:
            raise ValueError("an amount with its currency, like '50 USD'")
        return budget

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        try:
            ZoneInfo(name or "UTC")
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("a time zone by its name, like Asia/Shanghai or UTC") from error
        return name

    @property
    def zone(self) -> tzinfo:
        if self.timezone is not None:
            return ZoneInfo(self.timezone)
        local = datetime.now().astimezone().tzinfo
        assert local is not None
        return local

    @property
    def currency(self) -> str:
        """In which the queue counts money."""
        return (self.budget.currency if self.budget else None) or "USD"

    def rules(self) -> Rules:
        """As the policy reads them."""
        return Rules(
            slots=self.slots,
            budget=self.budget.value if self.budget else None,
            aging_hours=self.aging_hours,
            crashes=self.crashes,
            reservations=tuple(self._reservation(item) for item in self.reservations),
        )

    def _reservation(self, item: Reserved) -> Reservation:
        starts, ends = (_with_zone(moment, self.zone) for moment in (item.from_, item.until))
        return Reservation(item.project, item.slots, starts, ends, item.days, self.zone)


def _with_zone(moment: datetime | time, zone: tzinfo) -> datetime | time:
    return moment.replace(tzinfo=zone) if isinstance(moment, datetime) and moment.tzinfo is None else moment


@dataclass(frozen=True)
class Place:
    """Where a queue lies: one file, and what stands beside it."""

    file: Path

    @property
    def settings(self) -> Path:
        return self.file.with_suffix(".yaml")

    @property
    def locks(self) -> Path:
        return self.file.with_suffix(".locks")

    @property
    def logs(self) -> Path:
        return self.file.with_suffix(".logs")


def place(named: Path | None, environment: Mapping[str, str] = os.environ) -> Place:
    """The queue that was named; else `$XDG_DATA_HOME/modelwright/queue.sqlite`, else that in `~/.local/share`."""
    if named is not None:
        if named.suffix == ".yaml":
            raise SpecError(
                f"{named.name} is the name of a queue's settings",
                expected="the queue's own file, like queue.sqlite",
                where="--queue",
                remedy=f"Give {named.with_suffix('.sqlite').name}; its settings are read from {named.name} beside it.",
            )
        return Place(named.expanduser().absolute())
    home = Path(environment["XDG_DATA_HOME"]) if environment.get("XDG_DATA_HOME") else Path.home() / ".local" / "share"
    return Place(home / "modelwright" / "queue.sqlite")


def read(where: Place, now: float, cores: int | None = None) -> QueueSettings:
    """The settings beside a queue; the defaults where there are none.

    Raises:
        SpecError: with file and line: an unknown key, a wrong value, more slots than cores, more reserved than there are.
    """
    file = where.settings
    if not file.exists():
        return QueueSettings()
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(f"the settings can't be read: {error}", "a UTF-8 file", str(file)) from error
    tree, lines = parse(text, file)
    places = Places(file, lines)
    try:
        settings = QueueSettings.model_validate(tree)
    except ValidationError as error:
        raise _translated(error, places) from error
    cores = cores or machine.describe().cores
    if settings.slots > cores:
        raise _wrong(f"slots is {settings.slots}", f"at most this machine's {cores} cores", places.of(("slots",)))
    found = overbooked(settings.rules(), now)
    if found is not None:
        moment, wanted = found
        when = datetime.fromtimestamp(moment, settings.zone).isoformat(timespec="minutes")
        came = f"{wanted} slots are reserved from {when} on"
        raise _wrong(came, f"at most the queue's {settings.slots} at a time", places.of(("reservations",)))
    return settings


def _translated(error: ValidationError, places: Places) -> SpecError:
    problems = error.errors(include_url=False)
    first = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    path = tuple(first["loc"])
    key = ".".join(str(part) for part in path) or "the file"
    if first["type"] == "extra_forbidden":
        section = Reserved if len(path) > 1 else QueueSettings
        known = sorted(field.alias or name for name, field in section.model_fields.items())
        return _wrong(f"{key} is not a setting", f"one of: {', '.join(known)}", places.of(path))
    if first["type"] == "missing":
        return _wrong(f"{key} is missing", "it, beside the others", places.of(path))
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return _wrong(f"{key} is set to {first['input']!r}", message, places.of(path))


def _wrong(came: str, expected: str, where: str) -> SpecError:
    return SpecError(came, expected=expected, where=where, remedy="Mend the line; all settings: docs/queue.md")


def moment(text: str, zone: tzinfo) -> float:
    """`--not-before` as seconds since 1970.

    Raises:
        SpecError: no moment.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise SpecError(
            f"{text!r} is no moment",
            expected="a day and time like 2026-12-01T09:00 or 2026-12-01T09:00:00+08:00",
            where="--not-before",
            remedy="Write it like that.",
        ) from error
    return (found if found.tzinfo else found.replace(tzinfo=zone)).timestamp()
