"""Live figures of a running service, and the alarms that they raise: `modelwright alarms`.

Read: the server's request log (`serve.log`), the records of customers (`venture.records`), and the months that founders keep
(`risk.alarms.months`: a CSV with the column month, counted from the plan's first, and any of customers, revenue, net_burn, cash).
Compared with: what was promised (`choose`), rehearsed (`rehearse`) and planned (`plan`) by the newest run.
Written: `live/alarms.json`, and every figure into `live/evidence.jsonl`, where the plan's risk register and checklist find them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from modelwright.base import machine
from modelwright.base.errors import DataError, MachineError, SpecError
from modelwright.base.evidence import Evidence, Ledger, Source
from modelwright.base.store import file_hash, read_json, write_json
from modelwright.pipeline import costs, usage
from modelwright.pipeline.context import EVIDENCE
from modelwright.pipeline.traffic import DAYS_A_MONTH, FILE, FOLDER, Traffic, figures_of, read_log
from modelwright.pipeline.whatif import locate
from modelwright.spec.load import Loaded
from modelwright.spec.risk import Alarms
from modelwright.venture.alarms import watch
from modelwright.venture.figures import Figure
from modelwright.venture.service_alarms import Limit, stated_or_shipped, watch_service


def limits(loaded: Loaded, run: Path, records: Mapping[str, Evidence], plan: Mapping[str, Any], month: int) -> list[Limit]:
    """What live figures may be: stated, else by what the run measured and planned, else by the shipped register.

    Args:
        month: of the plan that it is now, from 1.
    """
    stated = (loaded.project.risk.alarms if loaded.project.risk else None) or Alarms()

    def of(key: str) -> tuple[float, Any, str]:
        return stated_or_shipped(key, getattr(stated, key))

    errors, silent, share, times = of("error_share"), of("silent_days"), of("load_share"), of("cost_times")
    found = [
        Limit("operate/error-share", None, errors[0], errors[1], errors[2]),
        Limit("operate/silent-days", None, silent[0], silent[1], silent[2], "warning"),
    ]
    promised = loaded.project.choose.latency_ms_p95
    if promised is not None:
        found.append(Limit("operate/latency-p95", None, promised, "assumed", "choose.latency_ms_p95"))
    rehearsed = records.get("rehearse/throughput")
    if rehearsed is not None:
        source = f"{share[0]:g} × rehearse/throughput; {share[2]}"
        found.append(Limit("operate/peak-throughput", None, share[0] * float(rehearsed.value), share[1], source))
    cost = records.get("rehearse/cost-per-1000")
    if cost is not None and cost.unit == costs.currency(loaded.project):
        source = f"{times[0]:g} × rehearse/cost-per-1000; {times[2]}"
        found.append(Limit("operate/cost-per-1000", None, times[0] * float(cost.value), times[1], source, "warning"))
    each, fan = (plan.get("unit") or {}).get("requests"), (plan.get("fan") or {}).get("customers")
    if each and fan and month <= len(fan["p50"]):
        low, high = fan["p10"][month - 1] * each, fan["p90"][month - 1] * each
        source = f"P10–P90 of the plan's customers in month {month} × requests of one"
        found.append(Limit("operate/requests-per-month", low, high, "assumed", source, "warning"))
    return found


def live_months(loaded: Loaded, start: date, today: date) -> list[dict[str, float]]:
    """The plan's months so far, from the records of customers and from the founders' own table: only months that are over.

    Args:
        start: the plan's first day.

    Raises:
        DataError: a line of the table that is no month.
    """
    over = int((today - start).days / DAYS_A_MONTH)
    months: dict[int, dict[str, float]] = {}
    customers = usage.customers(loaded)
    if customers:
        for month in range(1, over + 1):
            begin, end = (DAYS_A_MONTH * (month - 1), DAYS_A_MONTH * month)
            there = [(came, left) for came, left in _days(customers, start) if came < begin and (left is None or left >= begin)]
            gone = sum(left is not None and left < end for _, left in there)
            months[month] = {"month": month, "customers": _at(customers, start, end)}
            if there:
                months[month]["venture.customers.churn"] = gone / len(there)
    for row in _table(loaded):
        months.setdefault(int(row["month"]), {"month": row["month"]}).update(row)
    return [months[month] for month in sorted(months)]


def _days(customers: Sequence[tuple[date, date | None, float | None]], start: date) -> list[tuple[int, int | None]]:
    return [((came - start).days, None if left is None else (left - start).days) for came, left, _ in customers]


def _at(customers: Sequence[tuple[date, date | None, float | None]], start: date, day: float) -> int:
    return sum(came <= day and (left is None or left > day) for came, left in _days(customers, start))


def _table(loaded: Loaded) -> Iterator[dict[str, float]]:
    """The founders' own months."""
    named = loaded.project.risk.alarms.months if loaded.project.risk and loaded.project.risk.alarms else None
    if named is None:
        return
    path = loaded.folder / named
    form = "columns month (1 is the plan's first) and any of customers, revenue, net_burn, cash; numbers, or empty if not known"
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise MachineError(
            f"the months can't be read: {error}",
            expected=f"a UTF-8 CSV with {form}",
            where="risk.alarms.months",
            remedy="Name a file relative to the project's folder, or leave it out.",
        ) from error
    for number, row in enumerate(rows, 2):
        try:
            known = {str(key): float(value) for key, value in row.items() if key is not None and value not in (None, "")}
            yield {**known, "month": int(known["month"])}
        except (KeyError, ValueError, TypeError) as error:
            raise DataError(
                f"the line is no month: {error}", expected=form, where=f"{path}:{number}", remedy="Mend it."
            ) from error


def alarms(where: str, log: Path | None, days: float, now: datetime, command: str) -> tuple[dict[str, Any], str]:
    """Read the live figures of a project, compare, write and return alarms.json, and the project's language.

    Args:
        where: a project's folder or file, or a run.
        log: the request log; None: `serve.log`, where the project names one.
        days: of the log that count.

    Returns:
        {"run", "time", "days", "month": of the plan, "figures": {name: {…}}, "alarms": […], worst first, "quiet": […],
        "missing": [figures without a measurement], "asked": [settings or files that would give them], "unreadable": lines}.

    Raises:
        DataError: no run was rehearsed and planned yet.
        MachineError: a file can't be read.
    """
    from modelwright.spec.load import load
    from modelwright.tasks.contract import TASKS

    if not days > 0:
        raise SpecError(f"--days {days:g}", expected="more than 0", where="--days", remedy="For example: --days 7")
    file, run = locate(where)
    loaded = load(file, TASKS)
    if not (run / "plan" / "plan.json").is_file():
        raise DataError(
            "this run has no plan",
            expected="a run that got as far as `plan`: alarms compare live figures with it",
            where=str(run),
            remedy="Run it to its end: modelwright run PROJECT",
        )
    folder = run.parent.parent
    plan, records = read_json(run / "plan" / "plan.json"), Ledger(run / EVIDENCE).latest()
    start = date.fromisoformat(read_json(run / "run.json")["created"][:10])
    month = int((now.date() - start).days / DAYS_A_MONTH) + 1
    path = log or _log_of(loaded, folder)
    moment, since = now.timestamp(), now.timestamp() - days * 86400
    traffic = read_log(path, since) if path is not None else Traffic()
    figures = figures_of(traffic, since, moment, costs.hour(loaded.project))
    service = watch_service(figures, limits(loaded, run, records, plan, month))
    business = _business(loaded, plan, start, now.date())
    asked = [*(["serve.log"] if path is None else []), *([] if usage.identity(loaded) else ["venture.records"])]
    asked += (
        [] if loaded.project.risk and loaded.project.risk.alarms and loaded.project.risk.alarms.months else ["risk.alarms.months"]
    )
    found = {
        "run": run.name,
        "time": now.isoformat(timespec="seconds"),
        "days": days,
        "month": month,
        "figures": {name: figure.as_json(name) for name, figure in figures.items()},
        "alarms": sorted((*service["alarms"], *business["alarms"]), key=lambda item: _ORDER.index(item["level"])),
        "quiet": service["quiet"],
        "missing": [*service["missing"], *business["unknown"]],
        "asked": asked,
        "unreadable": traffic.unreadable,
    }
    source = Source(
        run.name, "live", command, machine.describe().line, found["time"], file_hash(path) if path is not None else ""
    )
    _keep(folder, found, figures, source)
    return found, loaded.project.language


_ORDER = ("alarm", "warning", "better")


def _log_of(loaded: Loaded, folder: Path) -> Path | None:
    """Where the server writes: relative to where it was started, most often the project's folder."""
    named = loaded.project.serve.log
    if not named:
        return None
    return next((path for path in (folder / named, Path(named)) if path.exists()), folder / named)


def _business(loaded: Loaded, plan: Mapping[str, Any], start: date, today: date) -> dict[str, Any]:
    """Live months against the plan's fan, and rates against what the founders stated."""
    live = [month for month in live_months(loaded, start, today) if month["month"] in plan["months"]]
    stated = (loaded.project.risk.alarms if loaded.project.risk else None) or Alarms()
    runway, _, _ = stated_or_shipped("runway_months", stated.runway_months)
    customers = loaded.project.venture.customers if loaded.project.venture else None
    ranges = []
    if customers is not None and customers.churn is not None:
        each = 12 if customers.churn.period == "year" else 1
        low, high = ((customers.churn.value + sign * customers.churn.spread) / each for sign in (-1, 1))
        ranges.append({"key": "venture.customers.churn", "low": max(0.0, low), "high": high})
    # what founders stated, and not the ranges of the plan: those may rest on these very records
    return watch({**plan, "sensitivity": {"inputs": ranges}}, live, runway)


def _keep(folder: Path, found: Mapping[str, Any], figures: Mapping[str, Figure], source: Source) -> None:
    write_json(folder / FOLDER / FILE, dict(found))
    ledger = Ledger(folder / FOLDER / EVIDENCE, source)
    for name, figure in figures.items():
        ledger.record(name, figure.value, figure.unit, figure.basis, low=figure.low, high=figure.high, note=figure.note)


def lines(found: Mapping[str, Any], language: str) -> list[str]:
    """For people."""
    zh = language == "zh"
    marks = {"alarm": ("ALARM", "告警"), "warning": ("warning", "预警"), "better": ("better", "好于计划")}
    about = (
        f"计划第 {found['month']} 个月 · 运行 {found['run']}"
        if zh
        else f"month {found['month']} of the plan · run {found['run']}"
    )
    rows = [about]
    for alarm in found["alarms"]:
        rows.append(f"  {marks[alarm['level']][zh]:<8} {alarm['text']['zh' if zh else 'en']}")
    if not found["alarms"]:
        rows.append("  没有告警" if zh else "  no alarm")
    for name, key in (
        (("quiet", "正常")[zh], "quiet"),
        (("not measured", "未测量")[zh], "missing"),
        (("state", "需填写")[zh], "asked"),
    ):
        if found[key]:
            rows.append(f"  {name}: {', '.join(found[key])}")
    if found["unreadable"]:
        rows.append(f"  {'无法读取的行' if zh else 'unreadable lines'}: {found['unreadable']:,}")
    return rows
