"""What the queue looks like: for scripts (`state`) and for people (`lines`, `listed`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, time
from typing import Any
from unicodedata import east_asian_width

from modelwright.base.console import amount, duration
from modelwright.pipeline.queue import policy
from modelwright.pipeline.queue.policy import Job, Reservation, Rules
from modelwright.pipeline.queue.settings import QueueSettings
from modelwright.pipeline.queue.store import Store
from modelwright.pipeline.queue.usage import Usage, usage
from modelwright.pipeline.queue.words import say

_BARS = "▁▂▃▄▅▆▇█"
_MOST_LISTED = 20  # of ended jobs


def state(store: Store, settings: QueueSettings, now: float, days: float) -> dict[str, Any]:
    """The whole of it.

    Returns:
        {"queue", "settings", "slots", "busy", "workers", "currency", "budget", "spent", "spent_estimated", "committed", "left",
        "reservations", "usage": {…}, "jobs": […]}; times ISO 8601 UTC, durations in seconds; null where nobody knows.
    """
    store.reclaim()
    jobs, rules = store.jobs(), settings.rules()
    return {
        "queue": str(store.where.file),
        "settings": str(store.where.settings) if store.where.settings.exists() else None,
        "slots": settings.slots,
        "busy": sum(job.state == "running" for job in jobs),
        "workers": store.present(),
        "currency": settings.currency,
        "budget": rules.budget,
        "spent": policy.spent(jobs),
        "spent_estimated": policy.spent([job for job in jobs if job.money_basis == "estimated"]),
        "committed": policy.committed(jobs),
        "left": policy.left(jobs, rules),
        "reservations": [_reservation(item, now) for item in rules.reservations],
        "usage": _usage(store, jobs, settings.slots, now, days),
        "jobs": listed(jobs, rules, now),
    }


def _reservation(item: Reservation, now: float) -> dict[str, Any]:
    ends = {"from": item.starts.isoformat(), "until": item.ends.isoformat()}
    days = list(item.days) if isinstance(item.starts, time) else None
    return {"project": item.project, "slots": item.slots, **ends, "days": days, "active": item.active(now)}


def _usage(store: Store, jobs: Sequence[Job], slots: int, now: float, days: float) -> dict[str, Any]:
    workers, stays = store.spans(now)
    found: Usage = usage(workers, stays, jobs, slots, now - days * 86400, now)
    started, median, longest = found.waits
    waiting, longest_now = found.waiting
    return {
        "days": days,
        "busy_slot_seconds": found.busy_s,
        "available_slot_seconds": found.available_s,
        "utilisation": found.utilisation,
        "waits": {"started": started, "median_s": median, "longest_s": longest, "waiting": waiting, "longest_now_s": longest_now},
        "parts": [
            {"from": _iso(start), "busy_slot_seconds": busy, "available_slot_seconds": available}
            for start, busy, available in found.hours
        ],
    }


def listed(jobs: Sequence[Job], rules: Rules, now: float) -> list[dict[str, Any]]:
    """Jobs as a list for scripts: running, then waiting in the order in which they will start, then ended, newest first."""
    running = [job for job in jobs if job.state == "running"]
    waiting = policy.in_order(jobs, rules, now)
    ended = sorted((job for job in jobs if job.state not in ("running", "waiting")), key=lambda job: -(job.finished or 0.0))
    return [
        {
            **asdict(job),
            **{name: _iso(getattr(job, name)) for name in ("added", "not_before", "started", "claimed", "finished")},
            "reason": policy.verdict(job, jobs, rules, now) if job.state == "waiting" else "",
            "waited_s": max(0.0, (job.started or job.finished or now) - job.ready),
        }
        for job in (*running, *waiting, *ended)
    ]


def _iso(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def table(rows: Sequence[Mapping[str, Any]], settings: QueueSettings) -> list[str]:
    """The jobs as a table for people."""
    if not rows:
        return [say(settings, "no-jobs")]
    names = ("job", "state", "project", "priority", "waited", "forecast", "spent", "note")
    lines = [tuple(say(settings, f"column-{name}") for name in names)]
    ended = 0
    for row in rows:
        ended += row["state"] not in ("running", "waiting")
        if ended > _MOST_LISTED:
            break
        lines.append(_line(row, settings))
    widths = [max(_width(line[column]) for line in lines) for column in range(len(names))]
    return ["  ".join(_padded(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _line(row: Mapping[str, Any], settings: QueueSettings) -> tuple[str, ...]:
    state = say(settings, "stopping" if row["state"] == "running" and row["cancel"] else row["state"])
    note = (row["error"] or {}).get("came", "")
    if row["state"] == "waiting":
        note = say(settings, row["reason"] or "next")
    if row["state"] == "running" and not row["admitted"]:
        note = "…"
    seconds, money = row["forecast_seconds"], row["forecast_money"]
    forecast = "" if seconds is None else f"{duration(seconds)}, {amount(money)} {settings.currency}"
    paid = (
        ""
        if row["money"] is None
        else f"{'' if row['money_basis'] == 'measured' else '~'}{amount(row['money'])} {settings.currency}"
    )
    waited = duration(row["waited_s"])
    return str(row["id"]), state, row["project"], f"{row['priority']:g}", waited, forecast, paid, note[:100]


def _width(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def lines(content: Mapping[str, Any], settings: QueueSettings) -> list[str]:
    """The whole of it for people: what there is, how it was used, the jobs."""
    budget, usage_, currency = content["budget"], content["usage"], content["currency"]
    about = [
        ("queue", content["queue"]),
        ("settings", content["settings"] or say(settings, "none-yet")),
        ("slots", say(settings, "slots-are", slots=content["slots"], busy=content["busy"], workers=content["workers"])),
        (
            "budget",
            say(
                settings,
                "budget-is",
                budget=say(settings, "no-budget") if budget is None else f"{budget:,.2f} {currency}",
                spent=f"{content['spent']:,.2f}",
                estimated=f"{content['spent_estimated']:,.2f}",
                committed=f"{content['committed']:,.2f}",
                left="–" if content["left"] is None else f"{content['left']:,.2f}",
            ),
        ),
        *(("reservations", _reserved(item, settings)) for item in content["reservations"]),
        ("utilisation", _utilised(usage_, settings)),
        (
            "chart",
            say(settings, "chart-is", bars=_bars(usage_["parts"]), width=duration(usage_["days"] * 86400 / len(usage_["parts"]))),
        ),
        ("waits", _waits(usage_["waits"], settings)),
    ]
    names = [say(settings, name) for name, _ in about]
    width = max(map(_width, names))
    return [
        *(f"{_padded(name, width)}  {text}" for name, (_, text) in zip(names, about, strict=True)),
        "",
        *table(content["jobs"], settings),
    ]


def _reserved(item: Mapping[str, Any], settings: QueueSettings) -> str:
    days = f" {', '.join(item['days'])}" if item["days"] and len(item["days"]) < 7 else ""
    window, now = f"{item['from']} – {item['until']}{days}", say(settings, "now") if item["active"] else ""
    return say(settings, "reserved-for", project=item["project"], slots=item["slots"], window=window, now=now)


def _utilised(content: Mapping[str, Any], settings: QueueSettings) -> str:
    days = f"{content['days']:g}"
    if content["utilisation"] is None:
        return say(settings, "no-worker", days=days)
    hours = f"{amount(content['available_slot_seconds'] / 3600, 3)}"
    return say(settings, "utilisation-is", share=f"{content['utilisation']:.0%}", available=hours, days=days)


def _bars(parts: Sequence[Mapping[str, Any]]) -> str:
    shares = [
        part["busy_slot_seconds"] / part["available_slot_seconds"] if part["available_slot_seconds"] else None for part in parts
    ]
    return "".join("·" if share is None else _BARS[round(min(1.0, share) * (len(_BARS) - 1))] for share in shares)


def _waits(waits: Mapping[str, Any], settings: QueueSettings) -> str:
    def shown(seconds: float | None) -> str:
        return "–" if seconds is None else duration(seconds)

    return say(
        settings,
        "waits-are",
        median=shown(waits["median_s"]),
        longest=shown(waits["longest_s"]),
        count=waits["started"],
        waiting=waits["waiting"],
        now=shown(waits["longest_now_s"]),
    )
