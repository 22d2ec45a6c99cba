"""Demand: the funnel from visits to paying customers, and how a month's customers come and go. `_p` one value per path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelwright.venture.assumptions import Assumptions
from modelwright.venture.draws import Input

STEPS = ("signup", "trial", "paid")
_PART = {"spend": "spend", "visits": "visits", "visit-cost": "cost_per_visit", "channel-cost": "acquisition_cost"}


@dataclass(frozen=True)
class Funnel:
    """One month of the funnel, the same every month.

    Args:
        visits, customers, spend: per channel, in order; visits are None where a channel sells customers directly.
        people: sales and marketing beyond the channels' spend.
    """

    visits: tuple[np.ndarray | None, ...]
    customers: tuple[np.ndarray, ...]
    spend: tuple[np.ndarray, ...]
    people: np.ndarray

    @property
    def joining(self) -> np.ndarray:
        return sum(self.customers, np.zeros(1))

    @property
    def cost(self) -> np.ndarray:
        return sum(self.spend, self.people)


def funnel(assumptions: Assumptions, inputs: Mapping[str, np.ndarray]) -> Funnel | None:
    """Visits · sign-up · trial · paid, and spend / cost of a customer; None where no funnel is stated."""
    if not assumptions.channels:
        return None
    visits: list[np.ndarray | None] = []
    customers, spend = [], []
    paying = inputs["signup"] * inputs["trial"] * inputs["paid"]
    for number in range(len(assumptions.channels)):
        paid = inputs[f"spend/{number}"]
        spend.append(paid)
        if assumptions.inputs[f"channel-cost/{number}"].said:
            visits.append(None)
            customers.append(paid / inputs[f"channel-cost/{number}"])
            continue
        bought = assumptions.inputs[f"visit-cost/{number}"].said
        seen = paid / inputs[f"visit-cost/{number}"] if bought else inputs[f"visits/{number}"]
        visits.append(seen)
        customers.append(seen * paying)
    return Funnel(tuple(visits), tuple(customers), tuple(spend), inputs["marketing-people"])


def listed_funnel(assumptions: Assumptions) -> dict[str, Any]:
    """plan.json's "funnel": one month at the middle of every input.

    Returns:
        {"channels": [{"name", "visits", "signups", "trials", "customers", "spend", "cost_per_customer", "share"}],
        "steps": [{"name", "value"}], "people", "customers", "cost", "cost_per_customer", "basis", "sources"}; empty without a
        funnel. What a channel does not have is None.
    """
    middle = {name: np.array([item.middle]) for name, item in assumptions.inputs.items()}
    found = funnel(assumptions, middle)
    if found is None or any(key.startswith("venture.marketing") for key in assumptions.missing):
        return {}
    joining, cost = float(found.joining[0]), float(found.cost[0])
    channels = []
    for number, name in enumerate(assumptions.channels):
        visits, customers = found.visits[number], float(found.customers[number][0])
        spend = float(found.spend[number][0])
        signups = None if visits is None else float(visits[0]) * middle["signup"][0]
        channels.append(
            {
                "name": name,
                "visits": None if visits is None else float(visits[0]),
                "signups": signups,
                "trials": None if signups is None else signups * middle["trial"][0],
                "customers": customers,
                "spend": spend,
                "cost_per_customer": spend / customers if customers else None,
                "share": customers / joining if joining else None,
            }
        )
    return {
        "channels": channels,
        "steps": [{"name": name, "value": assumptions.inputs[name].middle} for name in STEPS if assumptions.inputs[name].said],
        "people": float(found.people[0]),
        "customers": joining,
        "cost": cost,
        "cost_per_customer": cost / joining if joining else None,
        "basis": "assumed",
        "sources": [item.key for item in _parts(assumptions)],
        "note": "a month at the middle of every input; the whole funnel's cost per customer counts people",
    }


def _parts(assumptions: Assumptions) -> list[Input]:
    families = {*_PART, *STEPS, "marketing-people"}
    return [item for name, item in assumptions.inputs.items() if name.split("/")[0] in families and item.said]
