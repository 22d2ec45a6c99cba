"""Charts of what more would cost or bring: more demand, more data, somebody else's model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.base.evidence import Basis
from modelwright.report.charts.style import (
    BASES,
    Chart,
    axis,
    colour,
    decades,
    layout,
    line_shape,
    named,
    safe,
    significant,
    ticks,
)
from modelwright.report.numbers import Numbers
from modelwright.report.words import Words

KINDS = {"build": 0, "fine-tune": 2, "buy": 1}
"""Colour of each kind of way."""


def ways(content: Mapping[str, Any] | None, words: Words, numbers: Numbers) -> Chart | None:
    """Build, fine-tune or buy: what each costs in all over the months compared."""
    rows = [row for row in (content or {}).get("ways") or [] if row.get("total") is not None]
    if content is None or not rows:
        return None
    unit, totals = content["currency"], [row["total"] for row in rows]
    log = min(totals) > 0 and max(totals) / min(totals) > 20
    marks = decades(min(totals) / 2, max(totals) * 2)
    names = [f"{row['name']} ({words.plain('way.' + row['kind'])})" for row in rows]
    bar = {
        "type": "bar",
        "orientation": "h",
        "y": list(range(len(rows))),
        "x": [significant(value) for value in totals],
        "text": [numbers.money(value, unit) for value in totals],
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "skip",
        "marker": {"color": [colour(KINDS[row["kind"]]) for row in rows]},
    }
    scale: dict[str, Any] = {"rangemode": "tozero", "nticks": 5}
    if log:
        scale = {"type": "log", **ticks(marks, [numbers.short_money(value, unit) for value in marks])}
    spec = {
        "data": [bar],
        "layout": layout(
            xaxis=axis(words.plain("chart.ways.axis"), **scale),
            yaxis=named(names, autorange="reversed"),
            margin={"l": 8, "r": 70, "t": 8, "b": 8, "autoexpand": True},
        ),
    }
    caption = words.plain(
        "chart.ways.caption",
        requests=numbers.plain(content["requests_per_month"]),
        months=content["months"],
        cheapest=min(rows, key=lambda row: row["total"])["name"],
    )
    table = tuple(
        (name, numbers.money(row["fixed"]["value"], unit), numbers.money(row["per_1000"]["value"], unit), numbers.money(row["total"], unit))
        for name, row in zip(names, rows, strict=True)
    )  # fmt: skip
    columns = tuple(words.plain(f"chart.ways.{key}") for key in ("way", "fixed", "per-1000", "total"))
    basis = weakest_of(*(row[part]["basis"] for row in rows for part in ("fixed", "per_1000")))
    return Chart(
        "ways", words.plain("chart.ways"), caption, spec, 90 + 46 * len(rows), columns, table, ("plan/route.json",), basis
    )


def _measured(content: Mapping[str, Any], words: Words) -> list[dict[str, Any]]:
    """The points that the curve goes through."""
    points = content.get("points") or []
    if not points:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [point["rows"] for point in points],
            "y": [significant(point["score"]) for point in points],
            "marker": {"size": 9, "color": colour(2)},
            "name": words.plain("chart.learning.measured"),
        }
    ]


def learning(content: Mapping[str, Any] | None, words: Words, numbers: Numbers) -> Chart | None:
    """Score over rows: the fitted band through what was measured, and beyond it."""
    curve = (content or {}).get("curve") or {}
    if content is None or not curve.get("rows"):
        return None
    sizes, band = curve["rows"], {key: [significant(value) for value in curve[key]] for key in ("p10", "p50", "p90")}
    edge = {
        "type": "scatter",
        "mode": "lines",
        "x": [significant(size) for size in sizes],
        "line": {"width": 0},
        "hoverinfo": "skip",
    }
    marks = decades(sizes[0], sizes[-1])
    spec = {
        "data": [
            {**edge, "y": band["p10"], "showlegend": False},
            {**edge, "y": band["p90"], "fill": "tonexty", "fillcolor": "@route-2-soft", "name": words.plain("chart.fan.range")},
            {**edge, "y": band["p50"], "line": {"color": colour(2), "width": 2.5}, "hoverinfo": "x+y", "name": words.plain("chart.fan.middle")},
            *_measured(content, words),
        ],
        "layout": layout(
            showlegend=True,
            xaxis=axis(words.plain("chart.learning.rows"), type="log", **ticks(marks, [numbers.plain(mark) for mark in marks])),
            yaxis=axis(content["metric"]),
            shapes=[line_shape(yref="paper", y0=0, y1=1, x0=content["rows"], x1=content["rows"])],
        ),
    }  # fmt: skip
    caption = words.plain(
        "chart.learning.caption",
        rows=numbers.plain(content["rows"]),
        more=numbers.plain(content["rows_more"]),
        now=numbers.ratio(content["now"][1]),
        then=numbers.ratio(content["then"][1]),
        low=numbers.ratio(content["then"][0]),
        high=numbers.ratio(content["then"][2]),
    )
    table = tuple(
        (numbers.plain(round(size)), *(numbers.ratio(band[key][at]) for key in ("p10", "p50", "p90"))) for at, size in enumerate(sizes)
    )  # fmt: skip
    columns = (words.plain("chart.learning.rows"), "P10", "P50", "P90")
    return Chart(
        "learning", words.plain("chart.learning"), caption, spec, 320, columns, table, ("plan/learning.json",), "estimated"
    )


def scale(content: Mapping[str, Any] | None, words: Words, numbers: Numbers) -> Chart | None:
    """Money a month at once, ten and a hundred times the demand, with the servers it takes."""
    levels = (content or {}).get("scale") or []
    if content is None or not levels:
        return None
    unit, costs = content["currency"], [level["cost_per_month"] for level in levels]
    names = [words.plain("chart.scale.times", factor=level["factor"]) for level in levels]
    written = [words.plain("chart.scale.bar", cost=numbers.money(level["cost_per_month"], unit), replicas=level["replicas"]) for level in levels]  # fmt: skip
    bar = {
        "type": "bar",
        "x": list(range(len(levels))),
        "y": [significant(value) for value in costs],
        "text": [safe(text, 48) for text in written],
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "skip",
        "marker": {"color": colour(0)},
    }
    marks = decades(max(min(costs), 1e-9) / 3, max(costs) * 3)
    spec = {
        "data": [bar],
        "layout": layout(
            xaxis=named(names, words.plain("chart.scale.demand")),
            yaxis=axis("", type="log", **ticks(marks, [numbers.short_money(mark, unit) for mark in marks])),
            margin={"l": 8, "r": 16, "t": 34, "b": 8, "autoexpand": True},
        ),
    }
    first, last = levels[0], levels[-1]
    caption = words.plain(
        "chart.scale.caption",
        target=numbers.write(content["target_ms"], "ms"),
        share=numbers.percent(content.get("share", 0.95)),
        first=numbers.money(first["cost_per_1000"], unit),
        last=numbers.money(last["cost_per_1000"], unit),
        factor=last["factor"],
    )
    table = tuple(
        (
            name,
            numbers.plain(level["requests_per_s"]),
            str(level["replicas"]),
            numbers.write(level["response_ms"], "ms"),
            numbers.percent(level["utilisation_mean"]),
            numbers.money(level["cost_per_month"], unit),
            numbers.money(level["cost_per_1000"], unit),
        )
        for name, level in zip(names, levels, strict=True)
    )
    columns = tuple(words.plain(f"chart.scale.{key}") for key in ("demand", "busiest", "replicas", "response", "utilisation", "month", "per-1000"))  # fmt: skip
    return Chart("scale", words.plain("chart.scale"), caption, spec, 320, columns, table, ("plan/capacity.json",), weakest_of(*(level["basis"] for level in levels)))  # fmt: skip


def weakest_of(*bases: str) -> Basis:
    """What is computed from several is no better than the least trusted of them."""
    return max((basis for basis in BASES if basis in bases), key=BASES.index, default="assumed")
