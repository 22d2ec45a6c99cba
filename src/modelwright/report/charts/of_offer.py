"""Charts of the offer: where a unit of revenue goes, and what a price can be argued from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.report.charts.of_scale import weakest_of
from modelwright.report.charts.style import Chart, axis, colour, layout, line_shape, named, rounds, significant, ticks
from modelwright.report.numbers import Numbers
from modelwright.report.words import Words

SALES = ("plan", "overage", "advertising", "licences")
COSTS = ("compute", "support", "acquisition", "people", "other", "training", "tax")
_PLAN = ("plan/plan.json",)


def flow(plan: Mapping[str, Any] | None, words: Words, numbers: Numbers) -> Chart | None:
    """Sankey of the last year's revenue: what brought it, what it paid for. A loss comes in from the cash."""
    made = (plan or {}).get("statements") or {}
    income = made.get("income") or {}
    if not income.get("revenue"):
        return None
    sums = {name: sum(values[-12:]) for name, values in income.items()}
    revenue, unit = sums["revenue"], made["currency"]
    if revenue <= 0:
        return None
    came = [(name, sums[name]) for name in SALES if sums.get(name, 0) > 0]
    went = [(name, sums[name]) for name in COSTS if sums.get(name, 0) > 0]
    left = revenue - sum(value for _, value in went)
    came, went = (came, [*went, ("left", left)]) if left >= 0 else ([*came, ("from-cash", -left)], went)
    names = [*(name for name, _ in came), "all", *(name for name, _ in went)]
    middle = len(came)
    written = {name: numbers.money(value / revenue, unit) for name, value in (*came, *went)}
    labels = [words.plain(f"flow.{name}") + ("" if name == "all" else f" {written[name]}") for name in names]
    places = {"compute": 0, "support": 4, "people": 1, "left": 2, "from-cash": 1}
    colours = [colour(places.get(name, 5 if at > middle else 0)) for at, name in enumerate(names)]
    spec = {
        "data": [
            {
                "type": "sankey",
                "arrangement": "fixed",
                "hoverinfo": "skip",
                "textfont": {"size": 12.5, "color": "@ink"},
                "node": {
                    "label": labels,
                    "color": colours,
                    "pad": 16,
                    "thickness": 12,
                    "line": {"width": 0},
                    "hoverinfo": "skip",
                },
                "link": {
                    "source": [*range(len(came)), *([middle] * len(went))],
                    "target": [*([middle] * len(came)), *range(middle + 1, len(names))],
                    "value": [significant(value) for _, value in (*came, *went)],
                    "color": "@grid",
                    "hoverinfo": "skip",
                },
            }
        ],
        "layout": layout(margin={"l": 4, "r": 4, "t": 10, "b": 10}),
    }
    biggest = max((item for item in went if item[0] != "left"), key=lambda item: item[1], default=went[0])[0]
    caption = words.plain(
        "chart.flow.caption",
        one=numbers.money(1, unit),
        biggest=words.plain(f"flow.{biggest}"),
        amount=written[biggest],
        months=min(12, len(income["revenue"])),
        revenue=numbers.money(revenue, unit),
    )
    rest = words.plain(
        "chart.flow.left" if left >= 0 else "chart.flow.lacks", amount=written["left" if left >= 0 else "from-cash"]
    )
    caption += (" " if words.language == "en" else "") + rest
    rows = tuple((words.plain(f"flow.{name}"), numbers.money(value, unit), written[name]) for name, value in (*came, *went))
    columns = tuple(words.plain(f"chart.flow.{key}") for key in ("item", "money", "share"))
    basis = made.get("basis", "assumed")
    return Chart("flow", words.plain("chart.flow"), caption, spec, 340, columns, rows, _PLAN, basis)


def pricing(plan: Mapping[str, Any] | None, words: Words, numbers: Numbers) -> Chart | None:
    """Each way to argue a price as a range with its middle; the price as it stands as a line."""
    content = (plan or {}).get("pricing") or {}
    found = content.get("ways") or []
    if not found:
        return None
    unit, current = found[0]["unit"], content.get("current")
    traces: list[dict[str, Any]] = []
    for place, way in enumerate(found):
        low, high = (way[end] if way[end] is not None else way["value"] for end in ("low", "high"))
        line = {"color": f"@route-{place % 6}-soft", "width": 14}
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": [significant(low), significant(high)],
                "y": [place] * 2,
                "line": line,
                "hoverinfo": "skip",
            }
        )
        traces.append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "x": [significant(way["value"])],
                "y": [place],
                "text": [numbers.money(way["value"], unit)],
                "textposition": "top center",
                "textfont": {"color": "@muted", "size": 12},
                "marker": {"color": colour(place), "size": 11},
                "cliponaxis": False,
                "hoverinfo": "skip",
            }
        )  # fmt: skip
    names = [words.plain(f"price.{way['name']}") for way in found]
    ends = [value for way in found for value in (way["low"], way["value"], way["high"]) if value is not None] + [current or 0.0]
    marks = rounds(0.0, max(ends), 5)
    shapes = (
        []
        if current is None
        else [{**line_shape(yref="paper", y0=0, y1=1, x0=current, x1=current), "line": {"color": "@ink", "width": 1.5}}]
    )
    spec = {
        "data": traces,
        "layout": layout(
            xaxis=axis(words.plain("chart.pricing.axis"), range=[0, max(ends) * 1.08], **ticks(marks, [numbers.short_money(mark, unit) for mark in marks])),
            yaxis=named(names, range=[len(found) - 0.5, -0.8]),
            shapes=shapes,
        ),
    }  # fmt: skip
    suggested = content.get("suggested") or {}
    parts = []
    if current is not None:
        parts.append(words.plain("chart.pricing.current", price=numbers.money(current, unit)))
    if suggested.get("low") is not None:
        ends_text = numbers.interval(suggested["low"], suggested["high"], unit)
        parts.append(words.plain("chart.pricing.suggested", range=ends_text))
    elif suggested:
        parts.append(words.plain("chart.pricing.impossible"))
    caption = (" " if words.language == "en" else "").join(parts) or words.plain("chart.pricing")
    rows = tuple(
        (name, numbers.money(way["value"], unit), "–" if way["low"] is None else numbers.interval(way["low"], way["high"], unit))
        for name, way in zip(names, found, strict=True)
    )
    columns = tuple(words.plain(f"chart.{key}") for key in ("pricing.way", "value", "interval"))
    basis = weakest_of(*(way["basis"] for way in found))
    return Chart("pricing", words.plain("chart.pricing"), caption, spec, 90 + 56 * len(found), columns, rows, _PLAN, basis)
