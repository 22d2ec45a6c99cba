"""Which route do we take? Conditions first, then quality, then what the project prefers among equals.

1. Conditions (floor of the metric, ceilings of latency and cost) are judged on the validation split. A figure that is missing
   can't meet a condition.
2. Of the routes that meet them, the best on validation is found; those not significantly worse (paired test, `compare`) are
   as good.
3. `prefer` decides among those.
4. If no route meets the conditions, the nearest is taken and the decision says so.

The test split decides nothing: it confirms, or it does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelwright.evaluate.intervals import Figure
from modelwright.evaluate.paired import Comparison, compare
from modelwright.evaluate.reasons import Decision, reason
from modelwright.spec.choose import Choose
from modelwright.tasks.contract import Metric

_SMALLEST_ERROR = 1e-3
"""A floor of 1.0 allows no error at all: falling short is then measured against this."""


@dataclass(frozen=True)
class Candidate:
    """One measured route.

    Args:
        validation, test: the deciding metric as {"value", "low", "high"}; `test` is None if it was not scored.
        latency_ms_p95: of one request.
        cost_per_1000: requests, in `currency`; None if it is not known. A ceiling in the settings is in the same currency.
        size_bytes: what serving must carry.
        train_seconds, train_money: what learning took; money in `currency`, None if it is not known.
    """

    route: str
    validation: Figure
    test: Figure | None
    latency_ms_p95: float | None
    cost_per_1000: float | None
    currency: str
    size_bytes: int
    train_seconds: float
    train_money: float | None = None

    @property
    def quality(self) -> float:
        """The deciding metric on validation."""
        value = self.validation["value"]
        if value is None:
            raise ValueError(f"{self.route} has no figure of the deciding metric on validation")
        return value


def choose(candidates: Sequence[Candidate], settings: Choose, metric: Metric, predictions: Mapping[str, Path]) -> dict[str, Any]:
    """Decide.

    Args:
        candidates: in the project's order, which breaks ties.
        metric: the deciding one.
        predictions: each route's evaluate folder.

    Returns:
        The content of decision.json.

    Raises:
        ValueError: there are no candidates, or the folders were not made of the same rows with the same seed.
    """
    if not candidates:
        raise ValueError("there are no routes to choose from")
    meets = {candidate.route: _meets(candidate, settings, metric) for candidate in candidates}
    passing = [candidate for candidate in candidates if _passes(meets[candidate.route], settings)]
    field = passing or list(candidates)
    best = min(field, key=lambda candidate: (_loss(candidate, metric), *_thrift(candidate)))
    against = {
        candidate.route: compare(predictions[candidate.route], predictions[best.route], "validation", metric.name)
        for candidate in candidates
        if candidate is not best
    }
    equal = [one for one in field if one is best or against[one.route].p_value > settings.significance]
    if passing:
        taken = min(equal, key=lambda candidate: _preference(candidate, settings, metric))
    else:
        taken = min(candidates, key=lambda candidate: (_excess(candidate, settings, metric), _loss(candidate, metric)))
    confirmed, rival = _confirm(taken, passing, settings, metric, predictions)
    axis = _axis(candidates, settings)
    decision = Decision(taken, best, tuple(candidates), tuple(passing), against, settings, metric, confirmed, rival)
    return {
        "route": taken.route,
        "metric": metric.name,
        "metric_better": metric.better,
        "reason": reason(decision),
        "conditions": settings.model_dump(mode="json", exclude={"metric"}),
        "conditions_met": bool(passing),
        "confirmed_on_test": confirmed,
        "best": best.route,
        "front_over": [metric.name, axis],
        "p_value_of": f"no difference from {best.route} on validation, two-sided, not corrected for the number of routes",
        "candidates": [
            {
                **_figures(candidate),
                "meets": meets[candidate.route],
                "front": _on_front(candidate, candidates, axis, metric),
                "p_value": against[candidate.route].p_value if candidate.route in against else None,
                "p_test": against[candidate.route].test if candidate.route in against else None,
                "as_good": candidate in equal,
            }
            for candidate in candidates
        ],
    }


def _figures(candidate: Candidate) -> dict[str, Any]:
    return {
        "route": candidate.route,
        "validation": dict(candidate.validation),
        "test": None if candidate.test is None else dict(candidate.test),
        "latency_ms_p95": candidate.latency_ms_p95,
        "cost_per_1000": candidate.cost_per_1000,
        "currency": candidate.currency,
        "size_bytes": candidate.size_bytes,
        "train_seconds": candidate.train_seconds,
        "train_money": candidate.train_money,
    }


def _loss(candidate: Candidate, metric: Metric) -> float:
    """Quality turned so that less is better."""
    return -candidate.quality if metric.better == "higher" else candidate.quality


def _known(figure: float | None) -> float:
    return float("inf") if figure is None else figure


def _thrift(candidate: Candidate) -> tuple[float, float]:
    return _known(candidate.cost_per_1000), _known(candidate.latency_ms_p95)


def _preference(candidate: Candidate, settings: Choose, metric: Metric) -> tuple[float, ...]:
    """Sort key among equally good routes; a missing figure comes last, and the other figures break ties."""
    loss, (cost, latency) = _loss(candidate, metric), _thrift(candidate)
    return {"quality": (loss, cost, latency), "cost": (cost, latency, loss), "latency": (latency, cost, loss)}[settings.prefer]


def reaches(value: float, floor: float, metric: Metric) -> bool:
    """Whether a figure is as good as the floor asks; for metrics of which less is better the floor is a ceiling."""
    return value >= floor if metric.better == "higher" else value <= floor


def _meets(candidate: Candidate, settings: Choose, metric: Metric) -> dict[str, bool | None]:
    """Per condition: met or not; None where there is no condition, or no figure to judge it by."""

    def under(figure: float | None, ceiling: float | None) -> bool | None:
        return None if figure is None or ceiling is None else figure <= ceiling

    floor = settings.at_least
    return {
        "at_least": None if floor is None else reaches(candidate.quality, floor, metric),
        "latency_ms_p95": under(candidate.latency_ms_p95, settings.latency_ms_p95),
        "cost_per_1000": under(candidate.cost_per_1000, _cost_ceiling(settings)),
    }


def _cost_ceiling(settings: Choose) -> float | None:
    return None if settings.cost_per_1000 is None else settings.cost_per_1000.value


def _passes(meets: Mapping[str, bool | None], settings: Choose) -> bool:
    return all(met for name, met in meets.items() if getattr(settings, name) is not None)


def _excess(candidate: Candidate, settings: Choose, metric: Metric) -> float:
    """How far conditions are missed, summed: 0.2 is 20 % more errors, milliseconds or money than allowed. A figure that is not
    known counts as 100 % over."""

    def over(figure: float | None, ceiling: float | None) -> float:
        if ceiling is None:
            return 0.0
        return 1.0 if figure is None else max(0.0, figure / max(ceiling, 1e-12) - 1)

    excess = over(candidate.latency_ms_p95, settings.latency_ms_p95) + over(candidate.cost_per_1000, _cost_ceiling(settings))
    floor = settings.at_least
    if floor is None or reaches(candidate.quality, floor, metric):
        return excess
    short = abs(floor - candidate.quality)
    allowed = 1 - floor if metric.unit == "1" and metric.better == "higher" else abs(floor)
    return excess + short / max(allowed, _SMALLEST_ERROR)


def _axis(candidates: Sequence[Candidate], settings: Choose) -> str:
    """What quality is weighed against in the front: cost where it is known of all routes, unless latency is preferred."""
    priced = all(candidate.cost_per_1000 is not None for candidate in candidates)
    return "cost_per_1000" if priced and settings.prefer != "latency" else "latency_ms_p95"


def _on_front(candidate: Candidate, candidates: Sequence[Candidate], axis: str, metric: Metric) -> bool:
    """Whether no other route is at least as good in both quality and `axis`, and better in one of them (Pareto)."""

    def place(one: Candidate) -> tuple[float, float]:
        return _loss(one, metric), _known(getattr(one, axis))

    mine = place(candidate)
    return not any(
        all(theirs <= ours for theirs, ours in zip(place(other), mine, strict=True)) and place(other) != mine
        for other in candidates
    )


def _confirm(
    taken: Candidate, passing: Sequence[Candidate], settings: Choose, metric: Metric, predictions: Mapping[str, Path]
) -> tuple[bool | None, tuple[str, Comparison] | None]:
    """Whether the test split agrees: the floor holds there, and no route that met the conditions is significantly better.

    Returns:
        None where there is nothing to confirm; and the route that speaks against the decision, if one does.
    """
    value = None if taken.test is None else taken.test["value"]
    others = [other for other in passing if other is not taken and other.test is not None]
    if value is None or not passing or (settings.at_least is None and not others):
        return None, None
    for other in others:
        found = compare(predictions[other.route], predictions[taken.route], "test", metric.name)
        better = found.difference > 0 if metric.better == "higher" else found.difference < 0
        if better and found.p_value <= settings.significance:
            return False, (other.route, found)
    return settings.at_least is None or reaches(value, settings.at_least, metric), None
