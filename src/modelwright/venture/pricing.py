"""What could be charged: argued from cost, from value, from competitors and from what people said they would pay.

    cost         cost of a customer's month / (1 − support share − target margin)
    value        what the customer saves · the share of it that the price may take
    competitors  the lowest to the highest list price
    willingness  the price p that earns most: max p · share(p), shares joined by straight lines between those asked

The suggested range begins at cost and ends at value where both are known; competitors and willingness stand beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np

from modelwright.base.evidence import Basis
from modelwright.spec.quantities import Uncertain
from modelwright.spec.venture import Venture
from modelwright.venture.assumptions import Assumptions
from modelwright.venture.draws import Input
from modelwright.venture.figures import weakest
from modelwright.venture.offer import month_of
from modelwright.venture.reading import Reader
from modelwright.venture.tables import STALE_MONTHS

_ENDS = np.array([0.1, 0.5, 0.9])


def pricing(venture: Venture, assumptions: Assumptions, values: Mapping[str, np.ndarray], today: date) -> dict[str, Any]:
    """plan.json's "pricing".

    Args:
        values: drawn inputs, for the cost of a customer's month.

    Returns:
        {"current", "ways": [{"name", "value", "low", "high", "unit", "basis", "note", "source"}], "suggested": {"low", "high",
        "note"} or None, "competitors": [...], "willingness": [{"price", "share", "revenue"}], "asked": [keys]}; a way whose
        inputs are not stated is not there, and its keys are asked for.
    """
    asked: list[str] = []
    stated, money = venture.pricing, assumptions.currency
    reader = Reader(venture, today)
    ways = [_cost(stated.target_margin if stated else None, assumptions, values, asked)]
    ways.append(_value(reader, stated.customer_saving if stated else None, stated.value_share if stated else None, asked))
    rivals = []
    for number, rival in enumerate(stated.competitors if stated else ()):
        price = reader.money(f"venture.pricing.competitors.{number}.price", rival.price)
        old = rival.as_of is not None and _months(rival.as_of, today) > STALE_MONTHS
        rivals.append(
            {
                "name": rival.name,
                "price": price.middle,
                "as_of": rival.as_of.isoformat() if rival.as_of else None,
                "source": rival.source or price.source,
                "stale": old,
            }
        )
    ways.append(_competitors(rivals, asked))
    points = [(point.price, point.share) for point in stated.willingness] if stated else []
    ways.append(_willingness(points, asked))
    known = [{**way, "unit": money} for way in ways if way is not None]
    return {
        "current": float(np.median(month_of(assumptions.offer, values).plan))
        if "venture.price.plan" not in _gone(assumptions)
        else None,
        "ways": known,
        "suggested": _suggested({way["name"]: way for way in known}),
        "competitors": rivals,
        "willingness": [{"price": price, "share": share, "revenue": price * share} for price, share in points],
        "asked": asked,
    }


def _gone(assumptions: Assumptions) -> set[str]:
    return set(assumptions.missing)


def _months(then: date, today: date) -> int:
    return (today.year - then.year) * 12 + today.month - then.month


def _cost(
    target: float | None, assumptions: Assumptions, values: Mapping[str, np.ndarray], asked: list[str]
) -> dict[str, Any] | None:
    if target is None:
        asked.append("venture.pricing.target_margin")
        return None
    if {"rehearse/cost-per-1000", "venture.customers.requests"} & _gone(assumptions):
        return None
    one = month_of(assumptions.offer, values)
    left = 1 - values["support"] - target
    if (left <= 0).any():
        return None
    low, middle, high = np.quantile(one.requests * values["cost"] / 1000 / left, _ENDS)
    used = [
        item.basis
        for name, item in assumptions.inputs.items()
        if name.split("/")[0] in ("cost", "requests", "support") and item.said
    ]
    note = f"lowest price at which gross margin reaches {target:.0%}, computing and support in the cost of revenue; P10–P90"
    return _way("cost", middle, low, high, weakest("assumed", *used), note, "venture.pricing.target_margin")


def _value(reader: Reader, saving: Uncertain | None, share: float | None, asked: list[str]) -> dict[str, Any] | None:
    if saving is None or share is None:
        named = (("venture.pricing.customer_saving", saving), ("venture.pricing.value_share", share))
        asked.extend(key for key, value in named if value is None)
        return None
    worth: Input = reader.money("venture.pricing.customer_saving", saving)
    low, middle, high = worth.quantiles(_ENDS) * share
    note = f"{share:.0%} of what a customer saves in a month; P10–P90"
    return _way("value", middle, low, high, worth.basis, note, f"{worth.source}, venture.pricing.value_share")


def _competitors(rivals: list[dict[str, Any]], asked: list[str]) -> dict[str, Any] | None:
    if not rivals:
        asked.append("venture.pricing.competitors")
        return None
    prices = [rival["price"] for rival in rivals]
    old = [rival["name"] for rival in rivals if rival["stale"]]
    undated = [rival["name"] for rival in rivals if rival["as_of"] is None]
    note = f"median and range of {len(prices)} stated list prices"
    note += f"; stale (over {STALE_MONTHS} months): {', '.join(old)}" if old else ""
    note += f"; without a date: {', '.join(undated)}" if undated else ""
    return _way("competitors", float(np.median(prices)), min(prices), max(prices), "assumed", note, "venture.pricing.competitors")


def _willingness(points: list[tuple[float, float]], asked: list[str]) -> dict[str, Any] | None:
    if not points:
        asked.append("venture.pricing.willingness")
        return None
    price, share = best_price(points)
    note = f"earns most per person asked: {share:.0%} would pay it; range: where it earns at least 95 % of that"
    low, high = _flat(points, price * share)
    return _way("willingness", price, low, high, "assumed", note, "venture.pricing.willingness")


def best_price(points: list[tuple[float, float]]) -> tuple[float, float]:
    """(price, share) with the highest price · share on the straight lines between the points.

    On a line share = a − b·p, p·share has its peak at a/(2b); else the best lies at an end. Nothing is said beyond the points.
    """
    found = list(points)
    for (p1, s1), (p2, s2) in pairwise(points):
        fall = (s1 - s2) / (p2 - p1)
        if fall > 0:
            peak = (s1 + fall * p1) / (2 * fall)
            if p1 < peak < p2:
                found.append((peak, s1 - fall * (peak - p1)))
    return max(found, key=lambda point: point[0] * point[1])


def _flat(points: list[tuple[float, float]], best: float) -> tuple[float, float]:
    prices = np.unique(np.concatenate([np.linspace(points[0][0], points[-1][0], 1001), [price for price, _ in points]]))
    earned = prices * np.interp(prices, [price for price, _ in points], [share for _, share in points])
    good = prices[earned >= 0.95 * best]
    return (float(good.min()), float(good.max())) if good.size else (points[0][0], points[-1][0])


def _way(name: str, value: float, low: float, high: float, basis: Basis, note: str, source: str) -> dict[str, Any]:
    low, high = min(float(low), float(value)), max(float(high), float(value))
    return {"name": name, "value": float(value), "low": low, "high": high, "basis": basis, "note": note, "source": source}


def _suggested(ways: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """From the floor (cost) to the ceiling (value; else the dearest competitor; else what people would pay)."""
    ceiling = next((ways[name] for name in ("value", "competitors", "willingness") if name in ways), None)
    if ceiling is None:
        return None
    top = ceiling["value"] if ceiling["name"] == "value" else ceiling["high"]
    if "cost" not in ways:
        return {
            "low": ceiling["low"],
            "high": ceiling["high"],
            "basis": "assumed",
            "note": f"by {ceiling['name']} alone; no floor from cost",
        }
    floor = ways["cost"]["value"]
    if floor > top:
        note = f"no price covers the cost and stays under {ceiling['name']}: the floor {floor:.4g} lies above {top:.4g}"
        return {"low": None, "high": None, "basis": weakest(ways["cost"]["basis"], ceiling["basis"]), "note": note}
    inside = [
        ways[name]["value"] for name in ("competitors", "willingness") if name in ways and floor <= ways[name]["value"] <= top
    ]
    low = min(inside) if inside else floor
    note = f"not below cost-plus ({floor:.4g}), not above {ceiling['name']} ({top:.4g})"
    if inside:
        note += "; from the lowest of competitors and willingness between them"
    return {"low": low, "high": top, "basis": weakest(ways["cost"]["basis"], ceiling["basis"]), "note": note}


def price_figures(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The prices that were argued, as figures."""
    return [
        {
            "name": f"price-from-{way['name']}",
            **{part: way[part] for part in ("value", "low", "high", "unit", "basis")},
            "note": f"a month; {way['note']}; from {way['source']}",
        }
        for way in found["ways"]
    ]
