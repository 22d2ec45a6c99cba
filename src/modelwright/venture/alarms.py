"""Early warning: do the service's own figures still run inside the plan?

`watch` compares live months with the plan's P10–P90 fan and with the ranges of its assumptions, and returns

    {"months": 3, "alarms": [{"figure": "churn key or fan name", "month": 3, "level": "alarm" | "warning" | "better",
                              "value", "low", "high", "unit", "text": {"en","zh"}}], "unknown": ["figure …"]}

warning: outside on the bad side for one month. alarm: for the latest two months on end, or less runway than agreed. better:
outside on the good side: the plan is too dark, compute it again with these figures. Worst first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from modelwright.base.errors import DataError

Level = Literal["alarm", "warning", "better"]
_LEVELS: tuple[Level, ...] = ("alarm", "warning", "better")
_BAD_WHEN_HIGH = ("net_burn", "venture.customers.churn", "venture.other_costs", "venture.customers.acquisition_cost")
_BAD_WHEN_HIGH_STARTS = (
    "rehearse/",
    "train/",
    "venture.team",
    "venture.payroll",
    "venture.support",
    "venture.customers.requests",
)
_TEXT = {
    "low": (
        "{figure} in month {month} is {value}, below {low}, which nine of ten futures exceed",
        "第 {month} 个月的 {figure} 为 {value}，低于 {low}（十种情形中有九种高于此值）",
    ),
    "high": (
        "{figure} in month {month} is {value}, above {high}, which nine of ten futures stay below",
        "第 {month} 个月的 {figure} 为 {value}，高于 {high}（十种情形中有九种低于此值）",
    ),
    "runway": (
        "at this month's burn the cash lasts {value} months; at least {low} were agreed",
        "按本月消耗，现金仅可维持 {value} 个月；约定至少 {low} 个月",
    ),
}


def watch(plan: Mapping[str, Any], live: Sequence[Mapping[str, float]], runway_months: float = 6.0) -> dict[str, Any]:
    """Compare live months with the plan.

    Args:
        plan: plan.json: its `fan` by month, and `sensitivity.inputs` for the ranges of assumptions.
        live: one mapping a month: "month" (1 is the plan's first) and any of customers, revenue, net_burn, cash, or an
            assumption's key ("venture.customers.churn": 0.06). A figure that was not measured is left out, not 0.
        runway_months: cash / net burn below this raises an alarm.

    Raises:
        DataError: a month that is missing, twice or beyond the plan.
    """
    months = _ordered(plan, live)
    ranges = {row["key"]: (row["low"], row["high"]) for row in (plan.get("sensitivity") or {}).get("inputs", [])}
    alarms: list[dict[str, Any]] = []
    unknown: list[str] = []
    for figure in dict.fromkeys(name for month in months for name in month if name != "month"):
        if figure not in plan.get("fan", {}) and figure not in ranges:
            unknown.append(figure)
            continue
        alarms += _figure(figure, months, plan, ranges)
    alarms += _runway(months, runway_months, str(plan.get("currency", "")))
    alarms.sort(key=lambda alarm: _LEVELS.index(alarm["level"]))
    return {"months": len(months), "alarms": alarms, "unknown": unknown}


def _ordered(plan: Mapping[str, Any], live: Sequence[Mapping[str, float]]) -> list[Mapping[str, float]]:
    known = plan.get("months", [])
    numbers = [month.get("month") for month in live]
    if any(number not in known for number in numbers) or len(set(numbers)) != len(numbers):
        raise DataError(
            f"live figures of the months {', '.join(map(str, numbers))}",
            expected=f"each with a month of the plan, 1 to {len(known)}, once",
            where="live figures",
            remedy="Count months from the plan's first, and give one line a month.",
        )
    return sorted(live, key=lambda month: month["month"])


def _figure(
    figure: str, months: Sequence[Mapping[str, float]], plan: Mapping[str, Any], ranges: Mapping[str, tuple[float, float]]
) -> Iterable[dict[str, Any]]:
    """At most one alarm a figure: of its newest month."""
    sides = []
    for month in (month for month in months if figure in month):
        low, high = _range(figure, int(month["month"]), plan, ranges)
        value = month[figure]
        sides.append((("low" if value < low else "high" if value > high else ""), month, low, high))
    side, month, low, high = sides[-1]
    if not side:
        return []
    bad = "high" if figure in _BAD_WHEN_HIGH or figure.startswith(_BAD_WHEN_HIGH_STARTS) else "low"
    lasting = len(sides) > 1 and sides[-2][0] == side and sides[-2][1]["month"] == month["month"] - 1
    level: Level = "better" if side != bad else "alarm" if lasting else "warning"
    unit = (
        str(plan.get("currency", ""))
        if figure in ("revenue", "net_burn", "cash")
        else "customers"
        if figure == "customers"
        else ""
    )
    return [_alarm(level, side, figure, int(month["month"]), month[figure], low, high, unit)]


def _range(figure: str, month: int, plan: Mapping[str, Any], ranges: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    if figure in ranges:
        return ranges[figure]
    band = plan["fan"][figure]
    return band["p10"][month - 1], band["p90"][month - 1]


def _runway(months: Sequence[Mapping[str, float]], agreed: float, currency: str) -> Iterable[dict[str, Any]]:
    newest = months[-1] if months else {}
    if not {"cash", "net_burn"} <= newest.keys() or newest["net_burn"] <= 0:
        return []
    left = max(newest["cash"], 0.0) / newest["net_burn"]
    return [_alarm("alarm", "runway", "runway", int(newest["month"]), left, agreed, None, "month")] if left < agreed else []


def _alarm(
    level: Level, words: str, figure: str, month: int, value: float, low: float, high: float | None, unit: str
) -> dict[str, Any]:
    shown = {"figure": figure, "month": month, "value": f"{value:,.4g}", "low": f"{low:,.4g}", "high": f"{high or 0:,.4g}"}
    text = {language: line.format(**shown) for language, line in zip(("en", "zh"), _TEXT[words], strict=True)}
    return {
        "figure": figure,
        "month": month,
        "level": level,
        "value": value,
        "low": low,
        "high": high,
        "unit": unit,
        "text": text,
    }
