"""The chart of the service under load: throughput and latency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.report.charts.style import (
    Chart,
    axis,
    colour,
    layout,
    marker,
    named,
    significant,
)
from modelwright.report.numbers import Numbers
from modelwright.report.words import Words


def load(content: Mapping[str, Any] | None, words: Words, numbers: Numbers) -> Chart | None:
    """Throughput above, latency percentiles below, over the number of connections."""
    levels = (content or {}).get("levels") or []
    if not levels:
        return None
    places, names = list(range(len(levels))), [numbers.plain(level["connections"]) for level in levels]
    bar = {
        "type": "bar",
        "x": places,
        "y": [significant(level["throughput"]) for level in levels],
        "text": [numbers.plain(level["throughput"]) for level in levels],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": "@route-4"},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    lines = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": places,
            "y": [significant(level[f"{name}_ms"]) for level in levels],
            "yaxis": "y2",
            "name": name,
            "line": {"color": colour(place), "width": 2},
            "marker": marker(place, 8),
            "hoverinfo": "y+name",
            "cliponaxis": False,
        }
        for place, name in enumerate(("p50", "p95", "p99"))
    ]
    highest = max(level["throughput"] for level in levels)
    spec = {
        "data": [bar, *lines],
        "layout": layout(
            showlegend=True,
            xaxis=named(names, words.plain("chart.load.connections"), anchor="y2", range=[-0.5, len(levels) - 0.5]),
            yaxis=axis(words.plain("chart.load.throughput"), domain=[0.58, 1], range=[0, (highest or 1) * 1.25], nticks=4),
            yaxis2=axis(words.plain("chart.load.latency"), domain=[0, 0.46], rangemode="tozero", nticks=5),
        ),
    }
    best = (content or {}).get("best") or max(levels, key=lambda level: level["throughput"])
    caption = words.plain(
        "chart.load.caption",
        throughput=numbers.plain(best["throughput"]),
        connections=best["connections"],
        p95=numbers.write(best["p95_ms"], "ms"),
        errors=numbers.plain(sum(level.get("errors") or 0 for level in levels)),
    )
    table = tuple(
        (
            name,
            numbers.plain(level["throughput"]),
            *(numbers.write(level[f"{key}_ms"], "ms") for key in ("p50", "p95", "p99")),
            str(level.get("errors", 0)),
        )
        for name, level in zip(names, levels, strict=True)
    )
    columns = (
        words.plain("chart.load.connections"),
        words.plain("chart.load.throughput"),
        "p50",
        "p95",
        "p99",
        words.plain("chart.load.errors"),
    )
    return Chart("load", words.plain("chart.load"), caption, spec, 420, columns, table, ("rehearse/load.json",))
