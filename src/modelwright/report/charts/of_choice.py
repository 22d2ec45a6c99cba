"""The chart that decides: quality against the cost of a request, the front, the route taken."""

from __future__ import annotations

from collections.abc import Mapping
from math import log10
from typing import Any

from modelwright.base.evidence import Basis
from modelwright.report.charts.style import BASES, Chart, axis, decades, layout, line_shape, marker, safe, soft, ticks
from modelwright.report.numbers import Numbers
from modelwright.report.read import Run
from modelwright.report.words import Words


def pareto(run: Run, words: Words, numbers: Numbers) -> Chart | None:
    """Quality with its interval against the cost of 1,000 requests (latency where no cost is known); the front and the route
    taken are marked."""
    decision = run.decision or {}
    costs = all((item.get("cost_per_1000") or 0) > 0 for item in decision.get("candidates", []))
    field = "cost_per_1000" if costs else "latency_ms_p95"
    shown = [item for item in decision.get("candidates", []) if (item.get(field) or 0) > 0 and item.get("validation")]
    if not shown:
        return None
    metric = words.get(f"name.{decision['metric']}", decision["metric"])
    currency = shown[0].get("currency") or "USD"
    unit = currency if costs else "ms"
    front = sorted((item[field], item["validation"]["value"]) for item in shown if item.get("front"))
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [x for x, _ in front],
            "y": [y for _, y in front],
            "line": {"color": "@muted", "width": 1.5, "dash": "dash"},
            "hoverinfo": "skip",
        }
    ]
    for item in shown:
        traces.append(_candidate(item, field, run, words))
    floor = (decision.get("conditions") or {}).get("at_least")
    shapes, notes = [], []
    if floor is not None:
        shapes = [line_shape(xref="paper", x0=0, x1=1, y0=floor, y1=floor)]
        place = {"xref": "paper", "x": 1, "xanchor": "right", "y": floor, "yanchor": "bottom", "showarrow": False}
        notes = [
            {**place, "text": words.plain("chart.pareto.floor", limit=f"{floor:g}"), "font": {"color": "@muted", "size": 12}}
        ]
    title = words.plain("chart.pareto.cost", currency=currency) if costs else words.plain("chart.pareto.ms")
    places = [item[field] for item in shown]
    reach = max(2.2, (max(places) / min(places)) ** 0.28)
    low, high = min(places) / reach, max(places) * reach
    marks = decades(low, high)
    written = [numbers.short_money(place, unit) if costs else numbers.write(place, unit) for place in marks]
    spec = {
        "data": traces,
        "layout": layout(
            xaxis=axis(title, type="log", range=[log10(low), log10(high)], **ticks(marks, written)),
            yaxis=axis(metric),
            shapes=shapes,
            annotations=notes,
        ),
    }
    rows = []
    for item in shown:
        figure = item["validation"]
        ends = numbers.interval(figure["low"], figure["high"], "1") if _bounded(figure) else "–"
        rows.append((item["route"], numbers.ratio(figure["value"]), ends, numbers.write(item[field], unit)))
    one = [words.plain("chart.pareto.route", route=row[0], metric=metric, value=row[1], cost=row[3]) for row in rows]
    caption = words.plain("chart.pareto.caption", list=("；" if words.language == "zh" else "; ").join(one))
    columns = (
        words.plain("chart.route"),
        metric,
        words.plain("chart.interval"),
        words.plain("chart.cost" if costs else "chart.latency"),
    )
    heading = words.plain("chart.pareto" if costs else "chart.pareto.latency")
    return Chart(
        "pareto",
        heading,
        caption,
        spec,
        380,
        columns,
        tuple(rows),
        ("choose/decision.json",),
        _cost_basis(run) if costs else "measured",
    )


def _cost_basis(run: Run) -> Basis:
    """The weakest basis among the routes' costs."""
    found = [
        record.basis for name, record in run.evidence.items() if name.startswith("evaluate/") and name.endswith("/cost-per-1000")
    ]
    return max(found, key=BASES.index, default="estimated")


def _candidate(item: Mapping[str, Any], field: str, run: Run, words: Words) -> dict[str, Any]:
    figure, taken = item["validation"], item["route"] == run.chosen
    place = run.routes.index(item["route"]) if item["route"] in run.routes else 0
    text = words.plain("chart.pareto.chosen", route=safe(item["route"])) if taken else safe(item["route"])
    look = {**marker(place, 15 if taken else 10), "line": {"color": "@ink", "width": 2 if taken else 0}}
    bars = {}
    if _bounded(figure):
        above, below = figure["high"] - figure["value"], figure["value"] - figure["low"]
        bars = {
            "error_y": {"type": "data", "array": [above], "arrayminus": [below], "color": soft(place), "thickness": 3, "width": 0}
        }
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [item[field]],
        "y": [figure["value"]],
        "text": [f"<b>{text}</b>" if taken else text],
        "textposition": "bottom right",
        "textfont": {"color": "@ink", "size": 13},
        "marker": look,
        "hoverinfo": "x+y",
        "cliponaxis": False,
        **bars,
    }


def _bounded(figure: Mapping[str, Any]) -> bool:
    return figure.get("low") is not None and figure.get("high") is not None
