"""Charts of the market: funnel, who stays, cohorts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.report.charts.style import Chart, axis, colour, layout, named, significant, ticks
from modelwright.report.numbers import Numbers
from modelwright.report.words import Words

_PLAN = ("plan/plan.json",)
_STAGES = ("visits", "signups", "trials", "customers")
_MOST_COHORTS = 18


def funnel(plan: Mapping[str, Any] | None, words: Words, numbers: Numbers) -> Chart | None:
    """A month's people from visit to paying customer, over all channels that count visits."""
    content = (plan or {}).get("funnel") or {}
    counted = [item for item in content.get("channels") or [] if item.get("visits") is not None]
    if not counted:
        return None
    values = [sum(item[stage] for item in counted) for stage in _STAGES]
    names = [words.plain(f"funnel.{stage}") for stage in _STAGES]
    top = values[0] or 1.0
    texts = [f"{numbers.plain(round(value, 1))} · {numbers.percent(value / top)}" for value in values]
    bar = {
        "type": "bar",
        "orientation": "h",
        "y": list(range(len(values))),
        "x": [significant(value) for value in values],
        "text": texts,
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "skip",
        "marker": {"color": [f"@route-0{'' if at in (0, 3) else '-soft'}" for at in range(4)]},
    }
    spec = {
        "data": [bar],
        "layout": layout(
            xaxis=axis("", visible=False, range=[0, top * 1.3]), yaxis=named(names, autorange="reversed"), bargap=0.2
        ),
    }
    unit = (plan or {})["currency"]
    spend = sum(item["spend"] for item in counted)
    each = numbers.money(spend / values[-1], unit) if values[-1] else "–"
    caption = words.plain(
        "chart.funnel.caption", visits=numbers.plain(round(values[0])), customers=numbers.plain(round(values[-1], 1)), each=each
    )
    rows = tuple(
        (name, numbers.plain(round(value, 1)), numbers.percent(value / top)) for name, value in zip(names, values, strict=True)
    )
    columns = tuple(words.plain(f"chart.funnel.{key}") for key in ("stage", "people", "share"))
    return Chart("funnel", words.plain("chart.funnel"), caption, spec, 240, columns, rows, _PLAN, content.get("basis", "assumed"))  # fmt: skip


def survival(plan: Mapping[str, Any] | None, words: Words, numbers: Numbers) -> Chart | None:
    """The share of customers who are still there after so many months: expected, and measured where there are records."""
    content = (plan or {}).get("cohorts") or {}
    band, months = content.get("survival") or {}, content.get("months") or []
    if not band or not months:
        return None
    edge = {"type": "scatter", "mode": "lines", "x": months, "line": {"width": 0}, "hoverinfo": "skip"}
    cut = {key: [significant(value) for value in band[key]] for key in ("p10", "p50", "p90")}
    traces = [
        {**edge, "y": cut["p10"], "showlegend": False},
        {**edge, "y": cut["p90"], "fill": "tonexty", "fillcolor": "@route-0-soft", "name": words.plain("chart.fan.range")},
        {**edge, "y": cut["p50"], "line": {"color": colour(0), "width": 2.5}, "hoverinfo": "x+y", "name": words.plain("chart.survival.expected")},
    ]  # fmt: skip
    seen = content.get("kaplan_meier")
    if seen:
        step = {"color": colour(1), "width": 2.5, "shape": "hv"}
        traces.append({**edge, "x": seen["months"], "y": [significant(value) for value in seen["share"]], "line": step, "hoverinfo": "x+y", "name": words.plain("chart.survival.measured")})  # fmt: skip
    law = content.get("law")
    if law:
        traces.append({**edge, "y": [significant(value) for value in law["survival"][: len(months)]], "line": {"color": colour(2), "width": 2, "dash": "dot"}, "name": words.plain("chart.survival.law")})  # fmt: skip
    marks = [0.0, 0.25, 0.5, 0.75, 1.0]
    spec = {
        "data": traces,
        "layout": layout(
            showlegend=True,
            xaxis=axis(words.plain("chart.survival.months"), showgrid=False, dtick=6),
            yaxis=axis("", range=[0, 1.02], **ticks(marks, [numbers.percent(mark) for mark in marks])),
        ),
    }
    at = min(12, len(months) - 1)
    caption = words.plain(
        "chart.survival.caption", month=months[at], p50=numbers.percent(band["p50"][at]), p10=numbers.percent(band["p10"][at]), p90=numbers.percent(band["p90"][at])
    )  # fmt: skip
    if seen:
        caption += (" " if words.language == "en" else "") + words.plain("chart.survival.records", customers=numbers.plain(seen["customers"]), departures=numbers.plain(seen["departures"]))  # fmt: skip
    shown = [place for place, month in enumerate(months) if month % 3 == 0]
    rows = tuple((str(months[place]), *(numbers.percent(band[key][place]) for key in ("p10", "p50", "p90"))) for place in shown)
    columns = (words.plain("chart.survival.months"), "P10", "P50", "P90")
    return Chart("survival", words.plain("chart.survival"), caption, spec, 300, columns, rows, _PLAN, content.get("basis", "assumed"))  # fmt: skip


def cohorts(plan: Mapping[str, Any] | None, words: Words, numbers: Numbers) -> Chart | None:
    """Heat map: of those who joined in a month, the share left at each age."""
    content = (plan or {}).get("cohorts") or {}
    found = [row for row in content.get("rows") or [] if row["joined"] > 0][:_MOST_COHORTS]
    if not found:
        return None
    ages = max(len(row["left"]) for row in found)
    heat = [
        [significant(value / row["joined"], 3) for value in row["left"]] + [None] * (ages - len(row["left"])) for row in found
    ]
    names = [words.plain("chart.cohorts.row", month=row["month"], joined=numbers.plain(round(row["joined"], 1))) for row in found]
    trace = {
        "type": "heatmap",
        "z": heat,
        "zmin": 0,
        "zmax": 1,
        "x": list(range(ages)),
        "y": list(range(len(found))),
        "colorscale": [[0, "@heat-0"], [0.5, "@heat-1"], [1, "@heat-2"]],
        "showscale": True,
        "colorbar": {"thickness": 10, "outlinewidth": 0, "len": 0.9, **ticks([0, 0.5, 1], [numbers.percent(mark) for mark in (0, 0.5, 1)])},
        "xgap": 1,
        "ygap": 1,
        "hoverinfo": "skip",
    }  # fmt: skip
    spec = {
        "data": [trace],
        "layout": layout(
            xaxis=axis(words.plain("chart.cohorts.age"), showgrid=False, dtick=3, zeroline=False),
            yaxis=named(names, autorange="reversed"),
        ),
    }
    first = found[0]
    caption = words.plain(
        "chart.cohorts.caption",
        joined=numbers.plain(round(first["joined"], 1)),
        month=first["month"],
        left=numbers.plain(round(first["left"][-1], 1)),
        age=len(first["left"]) - 1,
    )
    shown = [age for age in (0, 1, 3, 6, 12, 18, 24) if age < ages]
    rows = tuple(
        (name, *("–" if age >= len(row["left"]) else numbers.percent(row["left"][age] / row["joined"]) for age in shown))
        for name, row in zip(names, found, strict=True)
    )
    columns = (words.plain("chart.cohorts.joined"), *(words.plain("chart.cohorts.after", age=age) for age in shown))
    return Chart("cohorts", words.plain("chart.cohorts"), caption, spec, 90 + 20 * len(found), columns, rows, _PLAN, content.get("basis", "assumed"))  # fmt: skip
