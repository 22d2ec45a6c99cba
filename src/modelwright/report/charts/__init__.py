"""The page's charts: from artefacts to plotly's JSON, each with its text alternative."""

from __future__ import annotations

from modelwright.report.charts import (
    of_choice,
    of_data,
    of_items,
    of_market,
    of_offer,
    of_owners,
    of_plan,
    of_quality,
    of_risk,
    of_routes,
    of_scale,
    of_series,
    of_service,
    of_tables,
    of_team,
    of_tuning,
)
from modelwright.report.charts.style import Chart
from modelwright.report.numbers import Numbers
from modelwright.report.read import Run
from modelwright.report.words import Words


def draw(run: Run, words: Words, numbers: Numbers, route: str | None, metric: str | None) -> dict[str, Chart | None]:
    """Every chart by its place on the page; None where its artefacts are not there, or hold nothing to draw.

    Args:
        route: whose quality is drawn; metric: of its slices.
    """
    drawn: dict[str, Chart | None] = {
        "labels": of_data.labels(run.card, words, numbers),
        "lengths": of_data.lengths(run.card, words, numbers),
        "curves": of_routes.curves(run, words, numbers),
        "forecast": of_routes.forecast(run, words, numbers),
        "pareto": of_choice.pareto(run, words, numbers),
        "variants": of_routes.variants(run, words, numbers),
        "load": of_service.load(run.load, words, numbers),
        "cash": of_plan.fan(run.plan, "cash", words, numbers),
        "customers": of_plan.fan(run.plan, "customers", words, numbers),
        "revenue": of_plan.fan(run.plan, "revenue", words, numbers),
        "tornado": of_plan.tornado(run.plan, words, numbers),
        "unit": of_plan.unit(run.plan, words, numbers),
        "payroll": of_team.payroll(run.plan, words, numbers),
        "ways": of_scale.ways(run.ways, words, numbers),
        "learning": of_scale.learning(run.learning, words, numbers),
        "scale": of_scale.scale(run.capacity, words, numbers),
        "flow": of_offer.flow(run.plan, words, numbers),
        "pricing": of_offer.pricing(run.plan, words, numbers),
        "money": of_owners.money(run.plan, run.financing, words, numbers),
        "ownership": of_owners.ownership(run.financing, words, numbers),
        "exits": of_owners.exits(run.financing, words, numbers),
        "funnel": of_market.funnel(run.plan, words, numbers),
        "survival": of_market.survival(run.plan, words, numbers),
        "cohorts": of_market.cohorts(run.plan, words, numbers),
        "matrix": of_risk.matrix(run.risks, words, numbers),
        "responses": of_risk.responses(run.risks, words, numbers),
        "confusion": None,
        "reliability": None,
        "slices": None,
    }
    for name, search in run.searches.items():
        drawn[f"trials-{name}"] = of_tuning.trials(name, search, words, numbers)
        drawn[f"importance-{name}"] = of_tuning.importance(name, search, words, numbers)
    if route is not None and route in run.evaluations:
        evaluation, source = run.evaluations[route], f"evaluate/{route}/evaluation.json"
        drawn["confusion"] = of_quality.confusion(evaluation, source, words, numbers)
        drawn["reliability"] = of_quality.reliability(evaluation, source, words, numbers)
        if evaluation.get("ranking"):
            drawn["places"] = of_items.places(evaluation, source, words, numbers)
        drawn |= of_series.draw(evaluation, source, words, numbers)
        drawn |= of_tables.draw(evaluation, source, words, numbers)
        drawn["slices"] = of_quality.slices(evaluation, metric or "", source, words, numbers)
    return drawn
