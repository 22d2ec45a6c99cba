"""Question 8: how much money by when, from whom, for how much of the company, and what everyone gets in the end.

`finance` joins the `financing:` section (exact arithmetic in `rounds` and `returns`) with the plan's cash paths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.spec.financing import Financing
from modelwright.venture.funding import one_currency
from modelwright.venture.returns import exits
from modelwright.venture.rounds import History, Step, history

_STATED = "the founders' terms in financing:"
_RULES = (
    "shares are exact fractions and are rounded down once, for display; options count as exercised for nothing; unissued "
    "options get nothing at an exit; anti-dilution counts everything there was before the round, fully diluted"
)


def finance(
    settings: Financing | None,
    *,
    currency: str,
    cash: Mapping[str, Sequence[float]] | None = None,
    cash_start: float | None = None,
) -> dict[str, Any]:
    """Ownership by round, returns by exit, the need and the runway.

    Args:
        settings: None: nothing is stated; the answer then holds the need only.
        currency: of the plan.
        cash: the plan's fan of cash at the end of each month ("p10", "p50", "p90"), without new money; None: there is no
            plan.
        cash_start: money before the first month.

    Returns:
        {"currency", "basis", "note", "steps", "classes", "exits", "need", "money_in", "cash", "figures", "missing"};
        JSON as it is. `need[quantile]` is None where the cash lasts.

    Raises:
        SpecError: two currencies, or terms that leave no positive price.
    """
    one_currency(settings, currency)
    chosen = settings or None
    found: dict[str, Any] = {
        "currency": currency,
        "basis": "assumed",
        "note": _RULES,
        "steps": [],
        "classes": [],
        "exits": [],
        "need": {},
        "money_in": [],
        "cash": {},
        "figures": [],
        "missing": [],
    }
    buffer, lead = (chosen.buffer_months, chosen.months_to_raise) if chosen else (3.0, 6)
    if cash and cash_start is not None:
        found["buffer_months"], found["months_to_raise"] = buffer, lead
        found["need"] = {name: need(path, cash_start, buffer, lead) for name, path in cash.items()}
    else:
        found["missing"].append("venture")
    if chosen is None:
        found["missing"].append("financing")
        found["figures"] = _figures(found, currency)
        return found
    known = history(chosen)
    found["steps"] = [_step(step, before) for step, before in zip(known.steps, (None, *known.steps), strict=False)]
    found["classes"] = _classes(known)
    found["exits"] = exits(chosen)
    if cash and cash_start is not None:
        found["cash"] = {name: _with_money(path, known) for name, path in cash.items()}
        found["money_in"] = _runway(known, cash["p50"], cash_start)
    for key in ("rounds", "exits"):
        if not getattr(chosen, key):
            found["missing"].append(f"financing.{key}")
    found["figures"] = _figures(found, currency)
    return found


def need(path: Sequence[float], start: float, buffer_months: float, months_to_raise: int) -> dict[str, Any] | None:
    """When the cash falls below the buffer, and how much is missing at the worst point of the plan.

    Args:
        path: cash at the end of each month, without new money.
        buffer_months: cash to keep, in months of that month's burn.

    Returns:
        {"month": money must be there, "start_month": asking must begin (1 at the earliest), "late": whether that has gone by,
        "amount", "empty_month": the cash would be gone, None: not in the plan}; None: nothing is needed.
    """
    before = [start, *path[:-1]]
    short = [buffer_months * max(0.0, old - new) - new for old, new in zip(before, path, strict=True)]
    month = next((place for place, missing in enumerate(short, 1) if missing > 0), None)
    if month is None:
        return None
    return {
        "month": month,
        "start_month": max(1, month - months_to_raise),
        "late": month - months_to_raise < 1,
        "amount": max(short),
        "empty_month": next((place for place, money in enumerate(path, 1) if money < 0), None),
    }


def _inflows(known: History) -> list[tuple[int, str, float]]:
    """(month, from whom, money) that comes in during the plan, in order; month 0 is in the cash at the start already."""
    return sorted((month, name, float(money)) for name, month, money in known.paid if month > 0)


def _with_money(path: Sequence[float], known: History) -> list[float]:
    return [cash + sum(money for month, _, money in _inflows(known) if month <= place) for place, cash in enumerate(path, 1)]


def _lasts(path: Sequence[float], start: float) -> float | None:
    """Months until the cash is gone, linear inside the month; None if it outlasts the plan."""
    before = start
    for place, cash in enumerate(path):
        if cash < 0:
            return place + (before / (before - cash) if before > 0 else 0.0)
        before = cash
    return None


def _runway(known: History, path: Sequence[float], start: float) -> list[dict[str, Any]]:
    """What each month's money adds to the runway of the middle path, with all earlier money in."""
    rows: list[dict[str, Any]] = []
    months = sorted({month for month, _, _ in _inflows(known)})
    here = list(path)
    for month in months:
        arrived = [(name, money) for when, name, money in _inflows(known) if when == month]
        amount, before = sum(money for _, money in arrived), _lasts(here, start)
        here = [cash + (amount if place >= month else 0.0) for place, cash in enumerate(here, 1)]
        after = _lasts(here, start)
        rows.append(
            {
                "month": month,
                "from": [name for name, _ in arrived],
                "amount": amount,
                "runway_before": before,
                "runway_after": after,
                "months_added": None if before is None or after is None else after - before,
                "months_added_at_least": None if before is None else (after if after is not None else len(path)) - before,
                "in_time": before is None or before >= month,
            }
        )
    return rows


def _step(step: Step, before: Step | None) -> dict[str, Any]:
    table, whole = step.table, step.table.whole()
    holders = [
        {
            "holder": name,
            "shares": int(whole.holders[name]),
            "share": float(table.share(name)),
            "before": float(before.table.share(name)) if before else None,
            "paid": float((step.money or {}).get(name, 0)) or None,
            "added": float((step.added or {}).get(name, 0)) or None,
        }
        for name in table.holders
    ]
    return {
        "name": step.name,
        "month": step.month,
        "price": None if step.price is None else float(step.price),
        "pre_money": None if step.pre_money is None else float(step.pre_money),
        "raised": float(step.raised),
        "post_money": None if step.price is None else float(step.price * table.total),
        "holders": holders,
        "unissued": int(whole.unissued),
        "unissued_share": float(table.unissued / table.total),
        "total": int(whole.total),
        "converted": [
            {"holder": name, "money": float(money), "shares": int(shares), "price": float(money / shares)}
            for name, money, shares in step.converted
        ],
        "pool_increase": int(step.pool_increase),
        "protected": {name: int(count) for name, count in (step.protected or {}).items()},
    }


def _classes(known: History) -> list[dict[str, Any]]:
    return [
        {
            "name": one.name,
            "round": one.terms.name,
            "shares": float(one.shares),
            "invested": float(one.invested),
            "price_paid": float(one.paid),
            "conversion_price": float(one.price),
            "multiple": one.terms.preference,
            "participating": one.terms.participating,
            "most": one.terms.most,
            "rank": one.rank,
            "holders": {name: float(count) for name, count in one.holders.items()},
        }
        for one in known.classes
    ]


def _figures(found: Mapping[str, Any], currency: str) -> list[dict[str, Any]]:
    """The few numbers for the first page, as `plan.json` lists figures."""
    made: list[dict[str, Any]] = []

    def figure(name: str, value: float, unit: str, basis: str, note: str) -> None:
        made.append({"name": name, "value": value, "low": None, "high": None, "unit": unit, "basis": basis, "note": note})

    middle = found["need"].get("p50")
    if middle is not None:
        figure("money-needed", middle["amount"], currency, "assumed", "at the worst point of the middle path, with the buffer")
        figure("money-needed-by", middle["month"], "month", "assumed", "when the middle path falls below the buffer")
    if len(found["steps"]) > 1:
        first = {row["holder"]: row["share"] for row in found["steps"][0]["holders"]}
        last = {row["holder"]: row["share"] for row in found["steps"][-1]["holders"]}
        kept = sum(last[name] for name in first)
        figure("kept-by-the-first-owners", kept, "1", "assumed", f"fully diluted, after all rounds; {_STATED}")
    return made
