"""Charts of owners: who owns how much after each round, who gets what at a sale, and the cash with the new money in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.report.charts.style import Chart, axis, colour, layout, line_shape, named, rounds, safe, significant, ticks
from modelwright.report.numbers import Numbers
from modelwright.report.words import Words

_SOURCE = ("plan/financing.json",)


def ownership(content: Mapping[str, Any] | None, words: Words, numbers: Numbers) -> Chart | None:
    """Fully diluted shares after each step, one column a step."""
    steps = (content or {}).get("steps") or []
    if not steps:
        return None
    holders = list(dict.fromkeys(row["holder"] for step in steps for row in step["holders"]))
    shares = [{row["holder"]: row["share"] for row in step["holders"]} for step in steps]
    lines = [(holder, [step.get(holder, 0.0) for step in shares]) for holder in holders]
    lines.append((words.plain("chart.ownership.pool"), [step["unissued_share"] for step in steps]))
    spec = _stack(lines, [_when(step, words) for step in steps], words, numbers)
    founders = [row["holder"] for row in steps[0]["holders"]]
    kept = sum(shares[-1].get(name, 0.0) for name in founders)
    caption = words.plain(
        "chart.ownership.caption", first=", ".join(founders), kept=numbers.percent(kept), step=steps[-1]["name"]
    )
    rows = tuple((name, *(numbers.percent(value) for value in values)) for name, values in lines)
    columns = (words.plain("chart.ownership.holder"), *(_when(step, words) for step in steps))
    return Chart("ownership", words.plain("chart.ownership"), caption, spec, 380, columns, rows, _SOURCE, "assumed")


def exits(content: Mapping[str, Any] | None, words: Words, numbers: Numbers) -> Chart | None:
    """Who gets what share of the proceeds, one column an exit."""
    found, unit = (content or {}).get("exits") or [], (content or {}).get("currency") or "USD"
    if not found:
        return None
    known = [row["holder"] for step in (content or {}).get("steps") or [] for row in step["holders"]]  # the same colours as there
    holders = list(dict.fromkeys([*known, *(row["holder"] for one in found for row in one["holders"])]))
    money = [{row["holder"]: row["amount"] for row in one["holders"]} for one in found]
    lines = [(name, [paid.get(name, 0.0) / one["proceeds"] for paid, one in zip(money, found, strict=True)]) for name in holders]
    names = [numbers.short_money(one["proceeds"], unit) for one in found]
    spec = _stack(lines, names, words, numbers, words.plain("chart.exits.axis"))
    low = money[0]
    best = max(low, key=lambda name: low[name])
    caption = words.plain(
        "chart.exits.caption",
        proceeds=numbers.money(found[0]["proceeds"], unit),
        holder=best,
        amount=numbers.money(low[best], unit),
    )
    rows = tuple((name, *(numbers.money(paid.get(name, 0.0), unit) for paid in money)) for name in holders)
    columns = (words.plain("chart.ownership.holder"), *(numbers.money(one["proceeds"], unit) for one in found))
    return Chart("exits", words.plain("chart.exits"), caption, spec, 380, columns, rows, _SOURCE, "assumed")


def _when(step: Mapping[str, Any], words: Words) -> str:
    month = step.get("month")
    return step["name"] if not month else words.plain("chart.ownership.step", name=step["name"], month=month)


def _stack(
    lines: list[tuple[str, list[float]]], names: list[str], words: Words, numbers: Numbers, title: str = ""
) -> dict[str, Any]:
    """Columns of shares that add up to one; a part is labelled where there is room for it."""
    bars = [
        {
            "type": "bar",
            "x": list(range(len(names))),
            "y": [significant(value) for value in values],
            "name": safe(name, 24),
            "text": [numbers.percent(value) if value >= 0.045 else "" for value in values],
            "textposition": "inside",
            "insidetextanchor": "middle",
            "textangle": 0,
            "hoverinfo": "skip",
            "marker": {"color": colour(place), "line": {"color": "@paper", "width": 1}, "opacity": 1 if place < 6 else 0.55},
        }
        for place, (name, values) in enumerate(lines)
    ]
    marks = [0.0, 0.25, 0.5, 0.75, 1.0]
    return {
        "data": bars,
        "layout": layout(
            barmode="stack",
            showlegend=True,
            xaxis=named(names, title),
            yaxis=axis("", range=[0, 1], **ticks(marks, [numbers.percent(mark) for mark in marks])),
        ),
    }


def money(run_plan: Mapping[str, Any] | None, content: Mapping[str, Any] | None, words: Words, numbers: Numbers) -> Chart | None:
    """The middle future's cash without and with the money of the rounds, and the month by which money must be there."""
    band = ((run_plan or {}).get("fan") or {}).get("cash") or {}
    months, unit = (run_plan or {}).get("months") or [], (content or {}).get("currency") or "USD"
    if content is None or not band or not months:
        return None
    with_money = (content.get("cash") or {}).get("p50")
    paths = [("chart.money.without", band["p50"], 1, "dash")]
    if with_money:
        paths.append(("chart.money.with", with_money, 2, "solid"))
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": months,
            "y": [significant(value) for value in values],
            "name": words.plain(key),
            "line": {"color": colour(place), "width": 2.5, "dash": dash},
            "hoverinfo": "x+y",
        }
        for key, values, place, dash in paths
    ]
    every = [value for _, values, _, _ in paths for value in values]
    marks = rounds(min(*every, 0.0), max(every), 5)
    shapes = [{**line_shape(xref="paper", x0=0, x1=1, y0=0, y1=0), "line": {"color": "@ink", "width": 1.5}}]
    needed = (content.get("need") or {}).get("p50")
    if needed:
        shapes.append(line_shape(yref="paper", y0=0, y1=1, x0=needed["month"], x1=needed["month"]))
    spec = {
        "data": traces,
        "layout": layout(
            showlegend=True,
            xaxis=axis(words.plain("chart.month"), showgrid=False, dtick=6, range=[months[0], months[-1]]),
            yaxis=axis("", **ticks(marks, [numbers.short_money(mark, unit) for mark in marks])),
            shapes=shapes,
        ),
    }
    if needed:
        caption = words.plain("chart.money.caption", amount=numbers.money(needed["amount"], unit), month=needed["month"])
    else:
        caption = words.plain("chart.money.lasts", months=len(months))
    shown = [at for at, month in enumerate(months) if month % 6 == 0 or at in (0, len(months) - 1)]
    rows = tuple((str(months[at]), *(numbers.money(values[at], unit) for _, values, _, _ in paths)) for at in shown)
    columns = (words.plain("chart.month"), *(words.plain(key) for key, *_ in paths))
    sources = ("plan/financing.json", "plan/plan.json")
    return Chart("money", words.plain("chart.money"), caption, spec, 340, columns, rows, sources, "assumed")
