"""What would it buy? The plan computed again with changed assumptions, next to the plan as it stands.

`compare` returns, for risks.json's "responses":

    [{"id", "title": {"en","zh"}, "origin": "shipped" | "project", "applies": bool,
      "changes": [{"key", "times", "before", "after"}],           empty if nothing of it is stated in this venture
      "figures": {"ruin-probability": {"unit", "before", "after", "difference"}, "runway": …, "gross-margin": …,
                  "break-even-month": …, "final-cash": …}}]

before and after are numbers, or texts like ">36" (beyond the plan); difference is null unless both are numbers. All plans use
the same draws, so that a difference is the response's and not the simulation's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from modelwright.base.errors import SpecError
from modelwright.spec.risk import Change, Response, RiskSection
from modelwright.spec.venture import Venture
from modelwright.venture.figures import Figure

FIGURES = ("ruin-probability", "runway", "gross-margin", "break-even-month", "final-cash")
COST = "rehearse/cost-per-1000"
PATHS = 4096
"""Futures of a comparison at most: differences under common draws settle long before quantiles do."""

Replan = Callable[[Venture, Figure | None], Mapping[str, Any]]
"""(settings, cost of 1,000 requests) → plan.json."""


@cache
def shipped() -> tuple[Response, ...]:
    """The responses that are always compared (`registers/responses.yaml`); titles hold "en" and "zh"."""
    return tuple(Response.model_validate({**entry, "title": entry["title"]["en"]}) for entry in _raw())


@cache
def _raw() -> tuple[dict[str, Any], ...]:
    text = files("modelwright.venture").joinpath("registers", "responses.yaml").read_text(encoding="utf-8")
    return tuple(yaml.safe_load(text)["responses"])


def compare(
    section: RiskSection | None, venture: Venture, cost_per_1000: Figure | None, replan: Replan, paths: int = PATHS
) -> list[dict[str, Any]]:
    """Every response's effect on the headline figures.

    Args:
        section: the founders' `risk:` with responses of their own.
        venture, cost_per_1000: as the plan has them.
        replan: computes a plan; everything but these two stays as it is.
        paths: futures of each plan at most.

    Raises:
        SpecError: a founders' response names a setting that the venture does not have.
    """
    own = section.responses if section is not None else ()
    ids = {response.id for response in own}
    titles = {entry["id"]: entry["title"] for entry in _raw()}
    venture = venture.model_copy(update={"paths": min(venture.paths, paths)})
    before = _headline(replan(venture, cost_per_1000))
    rows = []
    for response in (*own, *(item for item in shipped() if item.id not in ids)):
        mine = response.id in ids
        changed, cost, changes = apply(response.changes, venture, cost_per_1000, strict=mine)
        after = _headline(replan(changed, cost)) if changes else {}
        rows.append(
            {
                "id": response.id,
                "title": {"en": response.title, "zh": response.title} if mine else titles[response.id],
                "origin": "project" if mine else "shipped",
                "applies": bool(changes),
                "changes": changes,
                "figures": differences(before, after) if changes else {},
            }
        )
    return rows


def apply(
    changes: Sequence[Change], venture: Venture, cost: Figure | None, strict: bool = True
) -> tuple[Venture, Figure | None, list[dict[str, Any]]]:
    """The venture and the cost with every named figure multiplied, and what was changed.

    Raises:
        SpecError: with `strict`, a key that names nothing stated; always, a change that the setting does not allow.
    """
    values = venture.model_dump(mode="json", by_alias=True)
    done: list[dict[str, Any]] = []
    for change in changes:
        found = 0
        if change.key == COST and cost is not None:
            done.append(_told(change, COST, cost.value))
            bounds = [None if end is None else end * change.times for end in (cost.low, cost.high)]
            cost = replace(cost, value=cost.value * change.times, low=bounds[0], high=bounds[1])
            found = 1
        for key, holder, name in _places(values, change.key.removeprefix("venture.").split("."), "venture"):
            done.append(_told(change, key, _scale(holder, name, change.times)))
            found += 1
        if not found and strict:
            raise SpecError(
                f"{change.key} is nothing that this venture states",
                expected=f"a stated amount of `venture:`, or {COST}",
                where="risk.responses",
                remedy="Mend the key, or state the amount first.",
            )
    return Venture.model_validate(values), cost, done


def _told(change: Change, key: str, before: float) -> dict[str, Any]:
    return {"key": key, "times": change.times, "before": before, "after": before * change.times}


def _places(node: Any, path: Sequence[str], key: str) -> Iterator[tuple[str, Any, Any]]:
    """(key, container, name) of every stated amount that the path means."""
    head, rest = path[0], path[1:]
    names: Sequence[Any] = range(len(node)) if head == "*" and isinstance(node, list) else [head]
    for name in names:
        inner = node[name] if isinstance(node, list) and isinstance(name, int) else None
        if isinstance(node, dict):
            inner = node.get(name)
        if inner is None:
            continue
        here = f"{key}.{name}"
        if rest:
            yield from _places(inner, rest, here)
        elif _value(inner):
            yield here, node, name


def _value(inner: Any) -> float | None:
    """The amount; 0 counts as none, because no multiple changes it."""
    value = inner.get("value") if isinstance(inner, dict) else inner
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value else None


def _scale(holder: Any, name: Any, times: float) -> float:
    inner = holder[name]
    if isinstance(inner, dict):
        holder[name] = {**inner, "value": inner["value"] * times, "spread": inner.get("spread", 0.0) * times}
        return float(inner["value"])
    holder[name] = inner * times
    return float(inner)


def _headline(plan: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {figure["name"]: figure for figure in plan["figures"] if figure["name"] in FIGURES}


def differences(before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Figures of two plans side by side, by name; a figure that one of them lacks is None there."""
    found: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys((*before, *after)):
        one, two = (plan.get(name, {}).get("value") for plan in (before, after))
        unit = (before.get(name) or after[name])["unit"]
        gap = two - one if isinstance(one, int | float) and isinstance(two, int | float) else None
        found[name] = {"unit": unit, "before": one, "after": two, "difference": gap}
    return found
