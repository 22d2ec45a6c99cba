"""Charts of the data: label balance, lengths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.report.charts.style import Chart, axis, layout, named
from modelwright.report.numbers import Numbers
from modelwright.report.words import Words

_MOST_LABELS = 20
_CARD = ("data/card.json",)


def labels(card: Mapping[str, Any] | None, words: Words, numbers: Numbers) -> Chart | None:
    """Rows of each label, most frequent first; rare ones beyond the twentieth are drawn together."""
    counts = dict((card or {}).get("labels") or {})
    if not counts:
        return None
    kept = max(1, (card or {}).get("rows_kept") or sum(counts.values()))
    names, values = list(counts), list(counts.values())
    first, last = names[0], names[-1]
    caption = words.plain(
        "chart.labels.caption",
        first=first,
        first_rows=numbers.plain(values[0]),
        first_share=numbers.percent(values[0] / kept),
        last=last,
        last_rows=numbers.plain(values[-1]),
    )
    table = tuple((name, numbers.plain(count), numbers.percent(count / kept)) for name, count in counts.items())
    if len(names) > _MOST_LABELS:
        rest = values[_MOST_LABELS - 1 :]
        names = [*names[: _MOST_LABELS - 1], words.plain("chart.others", count=len(rest))]
        values = [*values[: _MOST_LABELS - 1], sum(rest)]
    bar = {
        "type": "bar",
        "orientation": "h",
        "x": values,
        "y": list(range(len(names))),
        "text": [f"{numbers.plain(value)} · {numbers.percent(value / kept)}" for value in values],
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "skip",
        "marker": {"color": "@route-0"},
        "textfont": {"color": "@muted", "size": 12},
    }
    spec = {
        "data": [bar],
        "layout": layout(
            xaxis=axis(words.plain("chart.rows"), visible=False, range=[0, max(values) * 1.3]),
            yaxis=named(names, autorange="reversed"),
        ),
    }
    columns = tuple(words.plain(f"chart.{name}") for name in ("label", "rows", "share"))
    return Chart("labels", words.plain("chart.labels"), caption, spec, 60 + 34 * len(names), columns, table, _CARD)


def lengths(card: Mapping[str, Any] | None, words: Words, numbers: Numbers) -> Chart | None:
    """The 5th, 50th and 95th percentile and the longest row on a logarithmic axis, in words and in characters."""
    known = (card or {}).get("lengths") or {}
    units = [unit for unit in ("words", "characters") if all(known.get(unit, {}).get(key) for key in ("p5", "p50", "p95", "max"))]
    if not units:
        return None
    traces: list[dict[str, Any]] = []
    for place, unit in enumerate(units):
        size = known[unit]
        thin = {"type": "scatter", "mode": "lines", "hoverinfo": "skip", "y": [place, place]}
        traces.append({**thin, "x": [size["p95"], size["max"]], "line": {"color": "@rule", "width": 2}})
        traces.append({**thin, "x": [size["p5"], size["p95"]], "line": {"color": "@route-0-soft", "width": 14}})
        traces.append(
            {
                "type": "scatter",
                "mode": "markers+text",
                "x": [size["p5"], size["p50"], size["p95"], size["max"]],
                "y": [place] * 4,
                "text": [numbers.plain(size[key]) for key in ("p5", "p50", "p95", "max")],
                "textposition": "top center",
                "textfont": {"color": "@muted", "size": 12},
                "hoverinfo": "skip",
                "cliponaxis": False,
                "marker": {
                    "color": ["@route-0", "@route-0", "@route-0", "@muted"],
                    "size": [7, 12, 7, 6],
                    "opacity": 1,
                    "line": {"width": 0},
                },
            }
        )
    spec = {
        "data": traces,
        "layout": layout(
            xaxis=axis(type="log", dtick=1, showticklabels=False),
            yaxis=named([words.plain(f"chart.{unit}") for unit in units], range=[len(units) - 0.4, -0.7]),
        ),
    }
    size = known[units[0]]
    values = {key: numbers.plain(size[key]) for key in ("p5", "p50", "p95", "max")}
    caption = words.plain("chart.lengths.caption", unit=words.plain(f"chart.{units[0]}"), **values)
    table = tuple(
        (words.plain(f"chart.{unit}"), *(numbers.plain(known[unit][key]) for key in ("p5", "p50", "p95", "max")))
        for unit in units
    )
    columns = tuple(words.plain(f"chart.{name}") for name in ("length", "p5", "p50", "p95", "max"))
    return Chart("lengths", words.plain("chart.lengths"), caption, spec, 70 + 70 * len(units), columns, table, _CARD)
