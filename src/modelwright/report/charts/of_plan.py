"""Charts of the business: fans of simulated futures, sensitivity, one customer's month."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.base.evidence import Basis
from modelwright.report.charts.style import Chart, axis, colour, layout, line_shape, named, rounds, safe, significant, ticks
from modelwright.report.numbers import SYMBOLS, Numbers
from modelwright.report.words import Words

_PLAN = ("plan/plan.json",)
_MOST_INPUTS = 8


def _basis(plan: Mapping[str, Any], name: str) -> Basis:
    """As far as the plan's figure of the same thing can be trusted; where it gives none, as far as a founder's statement."""
    return next((item["basis"] for item in plan.get("figures") or [] if item["name"] == name), "assumed")


def fan(plan: Mapping[str, Any] | None, name: str, words: Words, numbers: Numbers) -> Chart | None:
    """P10 to P90 as a band, P50 as a line; cash with the zero line.

    Args:
        name: "cash", "customers" or "revenue", as in plan.fan.
    """
    plan = plan or {}
    band, months = (plan.get("fan") or {}).get(name), plan.get("months") or []
    if not band or not months:
        return None
    place = {"cash": 0, "customers": 2, "revenue": 1}.get(name, 3)
    unit = "customers" if name == "customers" else plan["currency"]
    series = {key: [significant(value) for value in band[key]] for key in ("p10", "p50", "p90")}
    edge = {"type": "scatter", "mode": "lines", "x": months, "line": {"width": 0}, "hoverinfo": "skip"}
    middle = {
        "type": "scatter",
        "mode": "lines",
        "x": months,
        "y": series["p50"],
        "name": words.plain("chart.fan.middle"),
        "line": {"color": colour(place), "width": 2.5},
        "hoverinfo": "x+y",
    }
    filled = {
        **edge,
        "y": series["p90"],
        "fill": "tonexty",
        "fillcolor": f"@route-{place}-soft",
        "name": words.plain("chart.fan.range"),
    }
    shapes = (
        [{**line_shape(xref="paper", x0=0, x1=1, y0=0, y1=0), "line": {"color": "@ink", "width": 1.5}}] if name == "cash" else []
    )
    every = [value for values in series.values() for value in values]
    marks = rounds(min(*every, 0.0), max(every), 5)
    write = (lambda value: numbers.short_money(value, unit)) if unit in SYMBOLS else numbers.plain
    spec = {
        "data": [{**edge, "y": series["p10"], "showlegend": False}, filled, middle],
        "layout": layout(
            showlegend=True,
            xaxis=axis(words.plain("chart.month"), showgrid=False, dtick=6, range=[months[0], months[-1]]),
            yaxis=axis("", **ticks(marks, [write(value) for value in marks])),
            shapes=shapes,
        ),
    }
    last = {
        key: numbers.write(float(values[-1]) if unit != "customers" else round(values[-1]), unit)
        for key, values in series.items()
    }
    caption = words.plain("chart.fan.caption", month=months[-1], **last)
    if name == "cash":
        gone = next((month for month, value in zip(months, series["p50"], strict=True) if value < 0), None)
        key = "chart.fan.zero" if gone is not None else "chart.fan.stays"
        caption += (" " if words.language == "en" else "") + words.plain(key, month=gone, months=len(months))
    shown = [at for at, month in enumerate(months) if month % 6 == 0 or at in (0, len(months) - 1)]
    table = tuple(
        (str(months[at]), *(numbers.write(float(series[key][at]), unit) for key in ("p10", "p50", "p90"))) for at in shown
    )
    columns = (words.plain("chart.month"), "P10", "P50", "P90")
    height = 380 if name == "cash" else 300
    return Chart(
        f"fan-{name}", words.plain(f"chart.{name}"), caption, spec, height, columns, table, _PLAN, _basis(plan, f"final-{name}")
    )


def movers(plan: Mapping[str, Any] | None) -> list[tuple[str, float, float, str]]:
    """What moves the plan's final cash, strongest first: (setting, result at its P10, at its P90, currency)."""
    content = (plan or {}).get("sensitivity") or {}
    unit = content.get("unit") or (plan or {}).get("currency") or "USD"
    return [(item["key"], item["at_low"], item["at_high"], unit) for item in content.get("inputs") or []][:_MOST_INPUTS]


def tornado(plan: Mapping[str, Any] | None, words: Words, numbers: Numbers) -> Chart | None:
    """How far each uncertain setting moves the final cash, the others in the middle."""
    found = movers(plan)
    if plan is None or not found:
        return None
    base = plan["sensitivity"]["base"]
    names, unit = [key.removeprefix("venture.") for key, *_ in found], found[0][3]
    reached = [value for _, low, high, _ in found for value in (low, high)]
    marks = rounds(min(*reached, base), max(*reached, base), 5)

    def bars(column: int, title: str, place: int) -> dict[str, Any]:
        return {
            "type": "bar",
            "orientation": "h",
            "base": significant(base),
            "x": [significant(row[column] - base) for row in found],
            "y": list(range(len(found))),
            "name": words.plain(title),
            "marker": {"color": colour(place)},
            "hoverinfo": "skip",
        }

    spec = {
        "data": [bars(1, "chart.tornado.low", 1), bars(2, "chart.tornado.high", 0)],
        "layout": layout(
            showlegend=True,
            barmode="overlay",
            xaxis=axis(words.plain("chart.tornado.axis"), **ticks(marks, [numbers.short_money(value, unit) for value in marks])),
            yaxis=named(names, range=[len(found) - 0.4, -0.6]),
            shapes=[{**line_shape(yref="paper", y0=0, y1=1, x0=base, x1=base), "line": {"color": "@ink", "width": 1}}],
        ),
    }
    rows = tuple(
        (name, numbers.money(low, unit), numbers.money(high, unit))
        for name, (_, low, high, unit) in zip(names, found, strict=True)
    )
    first = words.plain("chart.tornado.one", name=rows[0][0], low=rows[0][1], high=rows[0][2])
    caption = words.plain("chart.tornado.caption", first=first, base=numbers.money(base, unit))
    columns = tuple(words.plain(f"chart.tornado.{name}") for name in ("setting", "low", "high"))
    height = 100 + 36 * len(found)
    return Chart("tornado", words.plain("chart.tornado"), caption, spec, height, columns, rows, _PLAN, _basis(plan, "final-cash"))


def unit(plan: Mapping[str, Any] | None, words: Words, numbers: Numbers) -> Chart | None:
    """Waterfall of one customer's month: revenue, less compute, less support, leaves the margin."""
    plan = plan or {}
    content = plan.get("unit") or {}
    parts = ("revenue", "compute", "support", "margin")
    if not all(content.get(part) is not None for part in parts):
        return None
    currency = plan["currency"]
    values = [content["revenue"], -content["compute"], -content["support"], content["margin"]]
    written = {part: numbers.money(content[part], currency) for part in parts}
    trace = {
        "type": "waterfall",
        "x": list(range(4)),
        "y": [significant(value) for value in values],
        "measure": ["absolute", "relative", "relative", "total"],
        "text": [safe(text) for text in written.values()],
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "skip",
        "connector": {"line": {"color": "@rule", "width": 1}},
        "increasing": {"marker": {"color": "@route-4"}},
        "decreasing": {"marker": {"color": "@route-1"}},
        "totals": {"marker": {"color": "@route-0"}},
    }
    names = [words.plain(f"chart.unit.{part}") for part in parts]
    top = max(abs(value) for value in values) or 1
    room = [min(0.0, content["margin"]) * 1.2, top * 1.18]
    spec = {
        "data": [trace],
        "layout": layout(xaxis=named(names), yaxis=axis("", tickprefix=SYMBOLS.get(currency, ""), nticks=5, range=room)),
    }
    caption = words.plain("chart.unit.caption", **written)
    rows = tuple(zip(names, written.values(), strict=True))
    columns = (words.plain("chart.unit.item"), words.plain("chart.value"))
    return Chart(
        "unit", words.plain("chart.unit"), caption, spec, 320, columns, rows, _PLAN, _basis(plan, "contribution-per-customer")
    )
