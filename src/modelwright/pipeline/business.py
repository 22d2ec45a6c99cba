"""What the plan step computes beside the plan, each part only where it is stated: capacity, build or buy, financing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from modelwright.base.evidence import Evidence
from modelwright.pipeline import costs
from modelwright.spec.compute import Api
from modelwright.spec.project import Project
from modelwright.spec.quantities import Money
from modelwright.venture import capacity, financing, learning, route_choice
from modelwright.venture.figures import Figure

SECONDS_PER_MONTH = 365.25 / 12 * 86400


def families(project: Project, route: str) -> tuple[str, ...]:
    """Families of the chosen route, for the skills it needs; a route that the project no longer has needs none."""
    chosen = project.routes.get(route)
    if chosen is None:
        return ()
    return (chosen.kind, "checkpoint") if chosen.reads == "checkpoint" else (chosen.kind,)


def correlations(project: Project) -> list[tuple[str, str, float]]:
    """Of uncertain inputs, as the founders stated them."""
    return [(*tied.between, tied.value) for tied in project.risk.correlations] if project.risk else []


def servers(project: Project, levels: Sequence[Mapping[str, Any]], plan: Mapping[str, Any]) -> dict[str, Any]:
    """Servers for the demand at the plan's end, and for 10 and 100 times that; {} with what to state where it is unknown."""
    demand = demand_per_month(plan)
    asked = [] if project.choose.latency_ms_p95 else ["choose.latency_ms_p95"]
    asked += [] if project.compute.peak_to_mean else ["compute.peak_to_mean"]
    asked += [] if demand else ["venture.customers"]
    if project.choose.latency_ms_p95 is None or project.compute.peak_to_mean is None or not demand:
        return {"currency": costs.currency(project), "missing": asked}
    target, peak = project.choose.latency_ms_p95, project.compute.peak_to_mean
    return capacity.plan(levels, demand, target, costs.hour(project), peak_to_mean=peak)


def build_or_buy(
    project: Project, decision: Mapping[str, Any], records: Mapping[str, Evidence], plan: Mapping[str, Any], today: date
) -> dict[str, Any]:
    """The measured routes beside a bought model, at equal measured quality; {} with what to state where none is priced."""
    api, demand = project.compute.api, demand_per_month(plan)
    raced = any(route.kind == "bought" for route in project.routes.values())
    if (api is None and not raced) or not demand:
        asked = [*([] if api or raced else ["compute.api"]), *([] if demand else ["venture.customers"])]
        return {"currency": costs.currency(project), "missing": asked}
    ways = [_own(name, project, decision["metric"], records) for name in project.routes]
    if api is not None:
        ways.append(_stated(api, project, today))
    return route_choice.choose(ways, demand, len(plan["months"]))


def _stated(api: Api, project: Project, today: date) -> route_choice.Way:
    """A model that could be bought, as the founders state it: nobody has asked it."""
    quality = None
    if api.quality is not None:
        error = api.quality_error
        low, high = (None, None) if error is None else (api.quality - error, api.quality + error)
        quality = Figure(api.quality, "1", "assumed", low, high, source="compute.api.quality")
    price = route_choice.api_cost_per_1000(api, costs.currency(project), project.venture, today)
    fall = api.price_fall.value if api.price_fall else 0.0
    nothing = Figure(0.0, costs.currency(project), "assumed")
    return route_choice.Way(api.name, "buy", quality, nothing, price, fall)


def _own(name: str, project: Project, metric: str, records: Mapping[str, Evidence]) -> route_choice.Way:
    def figure(record: Evidence) -> Figure:
        return Figure(float(record.value), record.unit, record.basis, record.low, record.high, record.note, record.name)

    route = project.routes[name]
    kind: route_choice.Kind = "buy" if route.kind == "bought" else "fine-tune" if route.reads == "checkpoint" else "build"
    quality, fixed, each = (
        figure(records[key])
        for key in (f"evaluate/{name}/test/{metric}", f"train/{name}/money", f"evaluate/{name}/cost-per-1000")
    )
    return route_choice.Way(name, kind, quality, fixed, each)


def more_data(project: Project, route: str, curves: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What twice the rows would bring (learning.json), from the measured curve of the chosen route, else of the first that has one.

    Args:
        curves: train/<route>/learning.json by route.

    Returns:
        {"missing": […]} where no curve was measured, with what kept parts out of it; what was not stated is "asked" for.
    """
    usable = {name: found for name, found in curves.items() if len(found["points"]) >= 3 and _best(found) is not None}
    if not usable:
        left_out = [{"route": name, **part} for name, found in curves.items() for part in found["left_out"]]
        return {"missing": ["train.learning_curve"], "left_out": left_out}
    name = route if route in usable else next(iter(usable))
    found, stated = usable[name], project.venture.data if project.venture else None
    prices = {key: None if stated is None else getattr(stated, key) for key in ("cost_per_row", "worth_per_point")}
    return {
        "route": name,
        **learning.more_data(
            [(point["rows"], point["score"]) for point in found["points"]],
            found["metric"],
            best_possible=_best(found) or 0.0,
            better=found["better"],
            price_per_row=_price(project, prices["cost_per_row"], "cost_per_row"),
            worth_per_point=_price(project, prices["worth_per_point"], "worth_per_point"),
        ),
        "asked": [f"venture.data.{key}" for key, price in prices.items() if price is None],
    }


def _best(found: Mapping[str, Any]) -> float | None:
    """The best score there can be: 1 of a ratio, 0 of an error; nobody knows of a metric without an upper end."""
    return 0.0 if found["better"] == "lower" else 1.0 if found["unit"] == "1" else None


def _price(project: Project, stated: Money | None, key: str) -> Figure | None:
    if stated is None:
        return None
    return Figure(costs.in_currency(project, stated), costs.currency(project), "assumed", source=f"venture.data.{key}")


def demand_per_month(plan: Mapping[str, Any]) -> float:
    """Requests in the plan's last month at P50; 0 where the plan does not know."""
    customers = plan["fan"].get("customers", {}).get("p50") or [0.0]
    return customers[-1] * (plan["unit"].get("requests") or 0.0)


def money(project: Project, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Need, ownership and returns (financing.json)."""
    venture = project.venture
    return financing.finance(
        project.financing,
        currency=plan["currency"],
        cash=plan["fan"].get("cash"),
        cash_start=venture.cash if venture else None,
    )
