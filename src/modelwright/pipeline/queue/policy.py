"""Which job comes next, and may it start? Pure: jobs, settings and the time come in, an answer goes out.

Times are seconds since 1970 (UTC); money is in the budget's currency.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any, Literal

State = Literal["waiting", "running", "finished", "failed", "cancelled"]
Reason = Literal["", "not-before", "project-busy", "no-slot", "reserved", "over-budget"]
"""Why a job does not start now; "" if it may."""

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Job:
    """One run that was asked for.

    Args:
        id: in the order of asking.
        project, folder: its name and where it lies; two jobs of one folder never run side by side.
        overrides: settings that win over the file's.
        priority: higher comes first.
        added, not_before: when it was asked for; when it may start at the earliest.
        forecast_seconds, forecast_money: of its trainings, from its own forecast stage; None until that has run.
        trains: routes that were still to be trained at that time.
        admitted: its forecast fitted the budget; it may start again without being asked again.
        started: when it first got a slot.
        claimed: when it got the slot that it holds now.
        crashes: how often its process was killed from outside.
        money, money_basis: spent, and whether measured or estimated; None until it has ended.
    """

    id: int
    project: str
    folder: str
    overrides: tuple[str, ...] = ()
    priority: float = 0.0
    added: float = 0.0
    not_before: float | None = None
    state: State = "waiting"
    forecast_seconds: float | None = None
    forecast_money: float | None = None
    trains: tuple[str, ...] = ()
    admitted: bool = False
    started: float | None = None
    claimed: float | None = None
    finished: float | None = None
    crashes: int = 0
    money: float | None = None
    money_basis: str = ""
    worker: str = ""
    run: str = ""
    error: Mapping[str, Any] | None = None
    cancel: bool = False

    @property
    def ready(self) -> float:
        """From when on it has been waiting for a slot."""
        return max(self.added, self.not_before or 0.0)


@dataclass(frozen=True)
class Reservation:
    """Slots that a project owns in a window of time.

    Args:
        project: by name.
        slots: how many.
        starts, ends: two moments, or two times of day (an end before the start lies on the next day).
        days: of the week on which a time of day counts, "mon" … "sun".
        zone: of the times of day.
    """

    project: str
    slots: int
    starts: datetime | time
    ends: datetime | time
    days: tuple[str, ...] = _DAYS
    zone: tzinfo = UTC

    def windows(self, since: float, until: float) -> Iterator[tuple[float, float]]:
        """Every (start, end) that overlaps [since, until]."""
        if isinstance(self.starts, datetime) and isinstance(self.ends, datetime):
            pairs = [(self.starts, self.ends)]
        else:
            pairs = list(self._daily(since, until))
        for start, end in ((one.timestamp(), two.timestamp()) for one, two in pairs):
            if start <= until and end > since:
                yield start, end

    def _daily(self, since: float, until: float) -> Iterator[tuple[datetime, datetime]]:
        assert isinstance(self.starts, time)
        assert isinstance(self.ends, time)
        day = datetime.fromtimestamp(since, self.zone).date() - timedelta(days=1)
        while day <= datetime.fromtimestamp(until, self.zone).date():
            if _DAYS[day.weekday()] in self.days:
                ends = day if self.ends > self.starts else day + timedelta(days=1)
                yield datetime.combine(day, self.starts, self.zone), datetime.combine(ends, self.ends, self.zone)
            day += timedelta(days=1)

    def active(self, now: float) -> bool:
        return any(start <= now < end for start, end in self.windows(now, now))


@dataclass(frozen=True)
class Rules:
    """What decides.

    Args:
        slots: jobs that run side by side.
        budget: money for all jobs together; None: no limit.
        aging_hours: so many hours of waiting weigh as much as one step of priority, so that nothing waits for ever.
        crashes: a job whose process was killed so often is given up.
        reservations: slots that belong to projects.
    """

    slots: int
    budget: float | None = None
    aging_hours: float = 24.0
    crashes: int = 3
    reservations: tuple[Reservation, ...] = ()


def spent(jobs: Sequence[Job]) -> float:
    """What ended jobs cost."""
    return sum(job.money or 0.0 for job in jobs)


def committed(jobs: Sequence[Job], without: int | None = None) -> float:
    """What admitted jobs that have not ended are forecast to cost."""
    return sum(
        job.forecast_money or 0.0 for job in jobs if job.admitted and job.state in ("waiting", "running") and job.id != without
    )


def left(jobs: Sequence[Job], rules: Rules, without: int | None = None) -> float | None:
    """Money that can still be promised; None without a budget."""
    return None if rules.budget is None else rules.budget - spent(jobs) - committed(jobs, without)


def in_order(jobs: Sequence[Job], rules: Rules, now: float) -> list[Job]:
    """Waiting jobs, the next first: by priority, which grows with the time waited; then by age."""

    def weight(job: Job) -> float:
        return job.priority + max(0.0, now - job.ready) / 3600 / rules.aging_hours

    return sorted((job for job in jobs if job.state == "waiting"), key=lambda job: (-weight(job), job.added, job.id))


def verdict(job: Job, jobs: Sequence[Job], rules: Rules, now: float) -> Reason:
    """May `job` start (or, if it is running its forecast, go on to train)?"""
    others = [other for other in jobs if other.state == "running" and other.id != job.id]
    if job.not_before is not None and now < job.not_before:
        return "not-before"
    if any(other.folder == job.folder for other in others):
        return "project-busy"
    if len(others) >= rules.slots:
        return "no-slot"
    if not job.admitted and not _affordable(job, jobs, rules):
        return "over-budget"
    return "" if _unreserved(job, others, rules, now) else "reserved"


def next_job(jobs: Sequence[Job], rules: Rules, now: float) -> Job | None:
    """The job that should start now; None where none may. One that can't start lets the next one pass."""
    return next((job for job in in_order(jobs, rules, now) if not verdict(job, jobs, rules, now)), None)


def _affordable(job: Job, jobs: Sequence[Job], rules: Rules) -> bool:
    rest = left(jobs, rules, without=job.id)
    if rest is None:
        return True
    if job.forecast_money is None:  # its forecast costs next to nothing, but with an empty purse it would be for nothing
        return rest > 0
    return job.forecast_money <= rest


def _unreserved(job: Job, others: Sequence[Job], rules: Rules, now: float) -> bool:
    """Is there a slot for the job now and until its forecast end, beside what other projects own in that time?"""
    end = now + (job.forecast_seconds or 0.0)
    moments = {now}
    for reservation in rules.reservations:
        if reservation.project != job.project:
            moments |= {start for start, _ in reservation.windows(now, end) if start > now}
    return all(_free(job.project, others, rules, moment, now) >= 1 for moment in moments)


def _free(project: str, others: Sequence[Job], rules: Rules, moment: float, now: float) -> int:
    """Slots that a job of `project` could have at `moment`."""
    holding = [other.project for other in others if moment == now or _until(other) > moment]
    owned: dict[str, int] = {}
    for reservation in rules.reservations:
        if reservation.project != project and reservation.active(moment):
            owned[reservation.project] = owned.get(reservation.project, 0) + reservation.slots
    unused = sum(max(0, slots - holding.count(owner)) for owner, slots in owned.items())
    return rules.slots - len(holding) - unused


def _until(job: Job) -> float:
    """When a running job is forecast to end; never, as long as nobody knows."""
    if job.forecast_seconds is None or job.claimed is None:
        return float("inf")
    return job.claimed + job.forecast_seconds


def overbooked(rules: Rules, since: float, days: int = 8) -> tuple[float, int] | None:
    """The first moment of the coming days (or of a dated window) at which more slots are reserved than there are, and how many."""
    horizon = since + days * 86400
    for reservation in rules.reservations:
        if isinstance(reservation.ends, datetime):
            horizon = max(horizon, reservation.ends.timestamp())
    moments = sorted({start for reservation in rules.reservations for start, _ in reservation.windows(since, horizon)})
    for moment in moments:
        wanted = sum(reservation.slots for reservation in rules.reservations if reservation.active(moment))
        if wanted > rules.slots:
            return moment, wanted
    return None
