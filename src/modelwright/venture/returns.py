"""What each holder gets when the company is sold, against what they paid, and the return per year.

Options count as exercised for nothing: their exercise prices are not stated. Unissued options get nothing. An instrument that
no round has converted takes the better of its money and its shares at the cap; one with a discount only is owed its money
divided by (1 − discount), which is what shares at that discount are worth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from modelwright.base.errors import SpecError
from modelwright.spec.financing import Exit, Financing
from modelwright.venture.exact import exact
from modelwright.venture.rounds import History, history, owed
from modelwright.venture.waterfall import Preferred, distribute

_HIGHEST = 1e9


def irr(flows: Sequence[tuple[float, float]]) -> float | None:
    """The rate r with Σ money / (1 + r)^time = 0.

    Args:
        flows: (time, money); the money paid comes first and is negative, and its sign changes once.

    Returns:
        Per unit of time; −1 if nothing comes back; None if nothing was paid, no time passes, or the rate is beyond measure.
    """
    paid, got = sum(money for _, money in flows if money < 0), sum(money for _, money in flows if money > 0)
    if not paid or len({time for time, _ in flows}) < 2:
        return None
    if not got:
        return -1.0

    def value(rate: float) -> float:
        return sum(money * (1 + rate) ** -time for time, money in flows)

    low, high = -1 + 1e-9, 1.0
    while value(high) > 0:
        high *= 4
        if high > _HIGHEST:
            return None
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if value(middle) > 0 else (low, middle)
    return (low + high) / 2


def claims(known: History, month: int) -> tuple[list[Preferred], dict[str, Mapping[str, Fraction]]]:
    """Every class that has a claim at a sale, unconverted instruments included, and the holders of each and of common."""
    classes = [
        Preferred(
            one.name,
            one.shares,
            one.invested,
            exact(one.terms.preference),
            one.terms.participating,
            None if one.terms.most is None else exact(one.terms.most),
            one.rank,
        )
        for one in known.classes
    ]
    owners: dict[str, Mapping[str, Fraction]] = {one.name: one.holders for one in known.classes}
    for one, holder in _waiting(known, month):
        classes.append(one)
        owners[one.name] = {holder: Fraction(1)}
    owners["common"] = known.common
    return classes, owners


def payouts(known: History, proceeds: Fraction, month: int) -> tuple[dict[str, Fraction], dict[str, Fraction]]:
    """(class → money, holder → money) of a sale; both add up to the proceeds exactly."""
    classes, owners = claims(known, month)
    by_class = distribute(proceeds, sum(known.common.values(), Fraction(0)), classes)
    by_holder: dict[str, Fraction] = {}
    for name, money in by_class.items():
        whole = sum(owners[name].values(), Fraction(0))
        for holder, part in owners[name].items():
            by_holder[holder] = by_holder.get(holder, Fraction(0)) + money * part / whole
    return by_class, by_holder


def _waiting(known: History, month: int) -> list[tuple[Preferred, str]]:
    """Unconverted instruments as classes: SAFEs beside the highest class, notes before it."""
    base = known.table.total - known.table.unissued
    of_all, fixed = Fraction(0), Fraction(0)
    for item in known.waiting:
        if item.cap is not None and item.kind == "post-money-safe":
            of_all += owed(item, month) / exact(item.cap.value)
        elif item.cap is not None:
            fixed += owed(item, month) * base / exact(item.cap.value)
    if of_all >= 1:
        raise SpecError(
            f"post-money SAFEs own {float(of_all):.0%} of the company at their caps",
            expected="less than all of it",
            where="financing.instruments",
            remedy="Raise the caps or lower the amounts.",
        )
    highest = max((one.rank for one in known.classes), default=0)
    made = []
    for number, item in enumerate(known.waiting, 1):
        money = owed(item, month)
        if item.cap is None:
            shares, multiple = Fraction(0), 1 / (1 - exact(item.discount))
        else:
            whole = (base + fixed) / (1 - of_all) if item.kind == "post-money-safe" else base
            shares, multiple = money / exact(item.cap.value) * whole, Fraction(1)
        rank = highest + (item.kind == "note")
        made.append((Preferred(f"{item.kind}-{number}", shares, money, multiple, rank=rank), item.holder))
    return made


def exits(settings: Financing) -> list[dict[str, Any]]:
    """Every exit of the settings: by class and by holder, with the multiple and the return per year."""
    return [_exit(settings, item) for item in settings.exits]


def _exit(settings: Financing, item: Exit) -> dict[str, Any]:
    known = history(settings, item.month)
    last = item.month if item.month is not None else max((step.month for step in known.steps), default=0)
    proceeds = exact(item.proceeds.value)
    by_class, by_holder = payouts(known, proceeds, last)
    classes, owners = claims(known, last)
    rows = []
    for holder, money in by_holder.items():
        paid = [(month, amount) for name, month, amount in known.paid if name == holder]
        invested = sum((amount for _, amount in paid), Fraction(0))
        flows = [(month / 12, -float(amount)) for month, amount in paid] + [(last / 12, float(money))]
        rows.append(
            {
                "holder": holder,
                "amount": float(money),
                "share": float(money / proceeds),
                "invested": float(invested) if invested else None,
                "multiple": float(money / invested) if invested else None,
                "per_year": irr(flows) if invested and item.month is not None else None,
            }
        )
    return {
        "proceeds": float(proceeds),
        "month": item.month,
        "classes": {name: float(money) for name, money in by_class.items()},
        "common_shares": float(sum(known.common.values(), Fraction(0))),
        "holders": rows,
        "terms": [_terms(one) for one in classes],
        "owners": {name: {holder: float(part) for holder, part in parts.items()} for name, parts in owners.items()},
    }


def _terms(one: Preferred) -> dict[str, Any]:
    return {
        "name": one.name,
        "shares": float(one.shares),
        "invested": float(one.invested),
        "multiple": float(one.multiple),
        "participating": one.participating,
        "most": None if one.most is None else float(one.most),
        "rank": one.rank,
    }
