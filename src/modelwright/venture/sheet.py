"""The plan with every input at its middle, as plain data from which a spreadsheet can compute it again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from modelwright.venture.assumptions import Assumptions
from modelwright.venture.ledger import DAYS_A_MONTH, PREPAID_MONTHS
from modelwright.venture.paths import simulate

_CHECKED = (
    "plan",
    "overage",
    "advertising",
    "licences",
    "compute",
    "support",
    "acquisition",
    "people",
    "other",
    "training",
    "tax",
)


def model(assumptions: Assumptions, months: int) -> dict[str, Any]:
    """Inputs, terms, and the path they make.

    Returns:
        {"currency", "months", "inputs": [{"name", "key", "value", "basis", "said", "source"}], "terms": {…}, "team": [{"count",
        "start", "salary", "load"}] (the last two name inputs), "tiers", "channels", "licences", "path": {line: [of each
        month]}}; JSON as it is. `path` is what a spreadsheet must come to; it is not the P50 of the simulated futures.
    """
    middle = {name: np.array([item.middle]) for name, item in assumptions.inputs.items()}
    found = simulate(assumptions, middle, months, detail=True)
    path = {
        "customers": found.customers_mp[:, 0],
        "revenue": found.revenue_mp[:, 0],
        "costs": found.costs_mp[:, 0],
        "cash": found.cash_mp[:, 0],
        **{name: found.lines[name][:, 0] for name in _CHECKED},
    }
    offer = assumptions.offer
    return {
        "currency": assumptions.currency,
        "months": months,
        "inputs": [
            {"name": name, "key": item.key, "value": item.middle, "basis": item.basis, "said": item.said, "source": item.source}
            for name, item in assumptions.inputs.items()
        ],
        "terms": {
            "start": assumptions.start,
            "cash": assumptions.cash,
            "market": assumptions.market if np.isfinite(assumptions.market) else None,
            "machine_requests": assumptions.machine_requests,
            "prepaid_months": PREPAID_MONTHS,
            "days_a_month": DAYS_A_MONTH,
            **asdict(assumptions.accounting),
        },
        "team": [
            {
                "count": count,
                "start": first,
                "salary": f"salary/{number}",
                "load": f"load/{number}" if f"load/{number}" in assumptions.inputs else "load",
            }
            for number, (count, first) in enumerate(assumptions.team)
        ],
        "tiers": [asdict(tier) for tier in offer.tiers],
        "advertising": offer.advertising,
        "free_users": offer.free_users,
        "licences": asdict(offer.licences) if offer.licences else None,
        "channels": [
            {"name": name, "sells": _sells(assumptions, number), "number": number}
            for number, name in enumerate(assumptions.channels)
        ],
        "path": {name: [float(value) for value in line] for name, line in path.items()},
    }


def _sells(assumptions: Assumptions, number: int) -> str:
    """How a channel brings customers: each at a cost, visits at a cost, or visits as stated."""
    if assumptions.inputs[f"channel-cost/{number}"].said:
        return "customers"
    return "bought visits" if assumptions.inputs[f"visit-cost/{number}"].said else "visits"
