"""Charts of tables: what columns are worth, predicted against true numbers, and how right the surest answers are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.report.charts.style import Chart, axis, layout, line_shape, named, significant
from modelwright.report.numbers import Numbers
from modelwright.report.words import Words

_MOST_COLUMNS = 20


def draw(evaluation: Mapping[str, Any], source: str, words: Words, numbers: Numbers) -> dict[str, Chart]:
    """Those charts that the task's answers give."""
    found = {"columns": columns, "residuals": residuals, "coverage": coverage}
    drawn = {name: chart(evaluation, source, words, numbers) for name, chart in found.items()}
    return {name: chart for name, chart in drawn.items() if chart is not None}


def columns(evaluation: Mapping[str, Any], source: str, words: Words, numbers: Numbers) -> Chart | None:
    """Bars of what the metric loses without each column, the most useful first."""
    found = evaluation.get("importance") or {}
    listed = (found.get("columns") or [])[:_MOST_COLUMNS]
    if not listed:
        return None
    metric = words.get(f"name.{found['metric']}", found["metric"])
    names = [item["column"] for item in listed]
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [significant(item["drop"]) for item in listed],
        "y": list(range(len(listed))),
        "marker": {"color": "@route-0"},
        "error_x": {
            "type": "data",
            "array": [significant(item["high"] - item["drop"]) for item in listed],
            "arrayminus": [significant(item["drop"] - item["low"]) for item in listed],
            "color": "@muted",
            "thickness": 1,
            "width": 3,
        },
        "hoverinfo": "x",
    }
    spec = {
        "data": [bars],
        "layout": layout(
            xaxis=axis(words.plain("chart.columns.axis", metric=metric)), yaxis=named(names, range=[len(listed) - 0.4, -0.6])
        ),
    }
    caption = words.plain(
        "chart.columns.caption",
        metric=metric,
        first=names[0],
        drop=numbers.ratio(listed[0]["drop"]),
        shuffles=found["shuffles"],
        rows=numbers.plain(found["rows"]),
    )
    if found.get("left_out"):
        comma = ", " if words.language == "en" else "，"
        gone = comma.join(f"{name} ({words.get(f'left-out.{why}', why)})" for name, why in found["left_out"].items())
        caption += " " + words.plain("chart.columns.left-out", names=gone)
    reasons = any(item.get("contribution") is not None for item in listed)
    table = tuple(
        (
            item["column"],
            numbers.ratio(item["drop"]),
            f"{numbers.ratio(item['low'])}–{numbers.ratio(item['high'])}",
            *((numbers.ratio(item["contribution"]),) if reasons else ()),
        )
        for item in listed
    )
    heads = [words.plain("chart.column"), words.plain("chart.columns.drop", metric=metric), words.plain("chart.interval")]
    if reasons:
        caption += " " + words.plain("chart.columns.reasons")
        heads.append(words.plain("chart.columns.contribution"))
    return Chart("columns", words.plain("chart.columns"), caption, spec, 90 + 28 * len(listed), tuple(heads), table, (source,))


def residuals(evaluation: Mapping[str, Any], source: str, words: Words, numbers: Numbers) -> Chart | None:
    """Predicted against true numbers; on the diagonal they are equal."""
    found = evaluation.get("residuals") or {}
    points = found.get("points") or []
    if not points:
        return None
    low, high = min(map(min, points)), max(map(max, points))
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": [significant(predicted) for _, predicted in points],
        "y": [significant(true) for true, _ in points],
        "marker": {"color": "@route-0", "size": 5, "opacity": 0.55},
        "hoverinfo": "x+y",
    }
    spec = {
        "data": [dots],
        "layout": layout(
            xaxis=axis(words.plain("chart.residuals.predicted")),
            yaxis=axis(words.plain("chart.residuals.true")),
            shapes=[line_shape(x0=low, y0=low, x1=high, y1=high)],
        ),
    }
    quantiles = found["quantiles"]
    caption = words.plain(
        "chart.residuals.caption",
        p5=numbers.plain(significant(quantiles["p5"], 3)),
        p50=numbers.plain(significant(quantiles["p50"], 3)),
        p95=numbers.plain(significant(quantiles["p95"], 3)),
    )
    table = tuple(
        tuple(numbers.plain(significant(item[key], 4)) for key in ("predicted", "true", "error", "rows"))
        for item in found["groups"]
    )
    heads = (*(words.plain(f"chart.residuals.{key}") for key in ("predicted", "true", "error")), words.plain("chart.rows"))
    return Chart("residuals", words.plain("chart.residuals"), caption, spec, 360, heads, table, (source,))


def coverage(evaluation: Mapping[str, Any], source: str, words: Words, numbers: Numbers) -> Chart | None:
    """Accuracy of the surest answers over their share of all rows; drawn where the project leaves answers to people."""
    found = evaluation.get("coverage") or {}
    curve, floor = found.get("curve") or [], found.get("floor")
    if not curve or floor is None:
        return None
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [item["share"] for item in curve],
        "y": [significant(item["accuracy"]) for item in curve],
        "line": {"color": "@route-0", "width": 1.5},
        "marker": {"color": "@route-0", "size": 6},
        "hoverinfo": "x+y",
    }
    lowest = min(item["accuracy"] for item in curve)
    spec = {
        "data": [line],
        "layout": layout(
            xaxis=axis(words.plain("chart.coverage.share"), range=[0, 1.03], tickformat=".0%"),
            yaxis=axis(words.plain("chart.accuracy"), range=[max(0, lowest - 0.05), 1.01], tickformat=".0%"),
            shapes=[line_shape(yref="paper", y0=0, y1=1, x0=floor["share"], x1=floor["share"])],
        ),
    }
    caption = words.plain(
        "chart.coverage.caption",
        floor=numbers.percent(floor["probability"]),
        share=numbers.percent(floor["share"]),
        accuracy="–" if floor["accuracy"] is None else numbers.percent(floor["accuracy"]),
        all=numbers.percent(curve[0]["accuracy"]),
    )
    table = tuple(
        (
            numbers.percent(item["share"]),
            numbers.percent(item["accuracy"]),
            numbers.percent(item["probability"]),
            numbers.plain(item["rows"]),
        )
        for item in curve
    )
    heads = tuple(words.plain(f"chart.{name}") for name in ("coverage.share", "accuracy", "coverage.probability", "rows"))
    return Chart("coverage", words.plain("chart.coverage"), caption, spec, 320, heads, table, (source,))
