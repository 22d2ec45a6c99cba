"""The decision in one sentence and its four cards; which records stand for the shipped model's quality and cost."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from modelwright.report.figures import Figures
from modelwright.report.read import Run


def shown_route(run: Run) -> str | None:
    """The route whose quality is shown: the one taken, else the first with an evaluation."""
    if run.chosen in run.evaluations:
        return run.chosen
    return next(iter(run.evaluations), None)


def quality_record(run: Run) -> str | None:
    """The record of the shipped model's quality on held-out rows: the compressed variant's, else the route's."""
    names = []
    if run.variants and run.metric:
        names.append(f"compress/{run.variants.get('chosen')}/test/{run.metric}")
    route = shown_route(run)
    if route and run.metric:
        names.append(f"evaluate/{route}/test/{run.metric}")
    return next((name for name in names if name in run.evidence), None)


def interval_record(run: Run) -> str | None:
    """As `quality_record`, or the route's own where the shipped variant was measured without an interval."""
    names = (quality_record(run), f"evaluate/{shown_route(run)}/test/{run.metric}")
    found = (
        name
        for name in names
        if name and (record := run.evidence.get(name)) and record.low is not None and record.high is not None
    )
    return next(found, None)


def cost_record(run: Run) -> str | None:
    names = ["rehearse/cost-per-1000", f"evaluate/{run.chosen}/cost-per-1000"]
    return next((name for name in names if name in run.evidence), None)


def headline(run: Run, figures: Figures) -> dict[str, Any]:
    """The decision in one sentence, and the four cards."""
    words = figures.words
    if run.decision is None:
        title = words("headline.undecided")
    elif run.chosen is None:
        title = words("headline.none")
    else:
        title = words("headline.take", route=run.chosen)
    cards = [
        _quality_card(run, figures),
        _card(figures, words("card.cost"), cost_record(run)),
        _card(figures, words("card.margin"), "plan/gross-margin"),
        _card(figures, words("card.runway"), "plan/runway"),
    ]
    reason = (run.decision or {}).get("reason") or {}
    return {
        "title": title,
        "reason": _without_name(reason.get(words.language) or reason.get("en") or "", run.chosen),
        "cards": cards,
        "task": run.info.get("task") or run.project.get("task") or "–",
        "created": str(run.info.get("created") or "–"),
    }


def _without_name(reason: str, route: str | None) -> str:
    """The title names the route already."""
    for colon in (": ", "："):
        if route and reason.startswith(route + colon):
            rest = reason.removeprefix(route + colon)
            return rest[:1].upper() + rest[1:] if rest[1:2].islower() and rest.split(" ")[0].isalpha() else rest
    return reason


def _quality_card(run: Run, figures: Figures) -> dict[str, Any]:
    words, name, bounds = figures.words, quality_record(run), interval_record(run)
    label = words("card.quality", metric=figures.name(run.metric)) if run.metric else words("card.quality.none")
    card = _card(figures, label, name)
    if name and bounds and name != bounds:
        ends = figures.interval(run.evidence[bounds])
        text = words("card.interval-before", variant=(run.variants or {}).get("chosen"), interval=ends)
        card["range"] = figures.linked(bounds, text)
    return card


def _card(figures: Figures, label: str, name: str | None) -> dict[str, Any]:
    words = figures.words
    record = figures.run.evidence.get(name) if name else None
    if record is None:
        return {"label": label, "value": figures.missing(), "range": words("card.missing"), "basis": ""}
    ends = figures.interval(record)
    return {
        "label": label,
        "value": figures.figure(record.name),
        "range": figures.linked(record.name, words("card.interval", interval=ends)) if ends else words("card.no-interval"),
        "basis": Markup("{}{}").format(figures.mark(record.basis, silent=True), words(f"basis.{record.basis}")),
    }
