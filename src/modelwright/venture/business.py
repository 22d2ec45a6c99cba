"""The business model's table: what each plan earns, what migration between plans costs, and how many customers pay for it all."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

import numpy as np

from modelwright.venture.assumptions import Assumptions
from modelwright.venture.figures import weakest
from modelwright.venture.offer import month_of


def tiers(assumptions: Assumptions) -> list[dict[str, Any]]:
    """plan.json's "tiers": one customer's month in each plan, and one contract's, at the middle of every input.

    Returns:
        [{"name", "kind" ("plan", "usage", "advertising", "licence"), "share", "share_before", "price", "included", "requests",
        "revenue", "compute", "support", "margin" (money), "gross_margin" (share), "unit", "basis", "note"}]; revenue =
        compute + support + margin. A licence's share is None.
    """
    middle = {name: item.middle for name, item in assumptions.inputs.items()}
    support, each = middle["support"], middle["cost"] / 1000
    rows = []
    for tier in assumptions.offer.tiers:
        requests, price = middle[tier.requests], middle[tier.price]
        over = max(requests - tier.included, 0.0) * middle[tier.overage]
        if len(assumptions.offer.tiers) == 1 and not price and not middle[tier.overage]:
            continue
        names = (tier.price, tier.overage, tier.requests)
        row = _row(tier.name, "usage" if tier.name == "usage" else "plan", price + over, requests, support, each)
        rows.append(
            {
                **row,
                "share": tier.share,
                "share_before": tier.before,
                "price": price,
                "included": tier.included,
                "basis": _basis(assumptions, *names, "cost", "support"),
                "note": "a month of one customer",
            }
        )
    rows.extend(_beside(assumptions, middle, support, each))
    return [{**row, "unit": assumptions.currency} for row in rows]


def _beside(assumptions: Assumptions, middle: dict[str, float], support: float, each: float) -> list[dict[str, Any]]:
    """Advertising and licences."""
    rows = []
    offer = assumptions.offer
    if offer.advertising:
        one = month_of(offer, {name: np.array([value]) for name, value in middle.items()})
        seen = middle["free-users"] * middle["free-requests"] if offer.free_users else 0.0
        row = _row("advertising", "advertising", float(one.advertising[0]), seen, support, each)
        who = "the free users who come with one customer" if offer.free_users else "one customer, whose requests the plan counts"
        note = f"a month of {who}"
        basis = _basis(assumptions, "impressions", "rpm", "free-users", "free-requests", "cost", "support")
        rows.append({**row, "share": 1.0, "share_before": 1.0, "price": 0.0, "included": 0.0, "basis": basis, "note": note})
    if offer.licences is not None:
        value = middle["contract-value"]
        row = _row("licence", "licence", value, middle["contract-requests"], support, each)
        basis = _basis(assumptions, "contract-value", "contract-requests", "cost", "support")
        note = "a month of one contract"
        rows.append({**row, "share": None, "share_before": None, "price": value, "included": None, "basis": basis, "note": note})
    return rows


def _row(name: str, kind: str, revenue: float, requests: float, support: float, each: float) -> dict[str, Any]:
    compute, helped = requests * each, revenue * support
    margin = revenue - compute - helped
    return {
        "name": name,
        "kind": kind,
        "requests": requests,
        "revenue": revenue,
        "compute": compute,
        "support": helped,
        "margin": margin,
        "gross_margin": margin / revenue if revenue else None,
    }


def _basis(assumptions: Assumptions, *names: str) -> str:
    return weakest(
        *(assumptions.inputs[name].basis for name in names if name in assumptions.inputs and assumptions.inputs[name].said)
    )


def cannibalised(assumptions: Assumptions, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Contribution lost per customer and month because customers move between tiers; negative where moving up wins."""

    def contribution(migrated: bool) -> np.ndarray:
        one = month_of(assumptions.offer, values, migrated)
        return one.revenue * (1 - values["support"]) - one.requests * values["cost"] / 1000

    return contribution(False) - contribution(True)


def break_even_customers(assumptions: Assumptions, values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Customers whose contribution pays for people, other costs and one machine, without winning new ones; inf where none do.

    With whole machines the first machine is a fixed cost and computing beyond it costs each customer's requests.
    """
    one = month_of(assumptions.offer, values)
    people = sum(
        (
            count * values[f"salary/{number}"] * (1 + values.get(f"load/{number}", values["load"]))
            for number, (count, _) in enumerate(assumptions.team)
        ),
        np.zeros(1),
    )
    fixed = people + values["other"] + values.get("marketing-people", 0.0)
    serving = one.requests * values["cost"] / 1000
    kept = one.revenue * (1 - values["support"])
    with np.errstate(divide="ignore", invalid="ignore"):
        count = np.where(kept - serving > 0, fixed / (kept - serving), inf)
        if assumptions.machine_requests is not None:
            machine = assumptions.machine_requests * values["cost"] / 1000
            alone = np.where(kept > 0, (fixed + machine) / kept, inf)  # as long as one machine is enough
            count = np.where(alone * one.requests <= assumptions.machine_requests, alone, np.maximum(count, alone))
    return count
