"""Chart of recommendations: what the first places of a list are worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.report.charts.style import Chart, axis, colour, layout, marker, significant
from modelwright.report.numbers import Numbers
from modelwright.report.words import Words

_LINES = ("hit_rate", "recall", "ndcg")


def places(evaluation: Mapping[str, Any], source: str, words: Words, numbers: Numbers) -> Chart | None:
    """Hit rate, recall and NDCG by the number of places that are looked at."""
    found = evaluation.get("ranking") or {}
    count = list(found.get("places") or [])
    if not count:
        return None
    names = [words.plain(f"chart.places.{line}") for line in _LINES]
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": count,
            "y": [significant(value) for value in found[line]],
            "line": {"color": colour(number), "width": 2},
            "marker": marker(number, 7),
            "hoverinfo": "x+y+name",
            "cliponaxis": False,
        }
        for number, (line, name) in enumerate(zip(_LINES, names, strict=True))
    ]
    metrics = evaluation["splits"]["test"]["metrics"]
    coverage, novelty = ((metrics.get(name) or {}).get("value") for name in ("coverage@10", "novelty@10"))
    caption = words.plain(
        "chart.places.caption",
        places=count[-1],
        hits=numbers.percent(found["hit_rate"][-1]),
        rows=numbers.plain(found["rows"]),
        cold=numbers.plain(found["without_history"]),
    )
    if coverage is not None and novelty is not None:
        share, bits = numbers.percent(coverage), f"{novelty:.1f}"
        caption += " " + words.plain("chart.places.variety", coverage=share, novelty=bits)
    top = max(max(found[line]) for line in _LINES)
    spec = {
        "data": data,
        "layout": layout(
            xaxis=axis(words.plain("chart.places.axis"), dtick=1),
            yaxis=axis("", rangemode="tozero", range=[0, min(1.03, top * 1.15)]),
            showlegend=True,
        ),
    }
    rows = tuple(
        (numbers.plain(place), *(numbers.ratio(found[line][number]) for line in _LINES)) for number, place in enumerate(count)
    )
    columns = (words.plain("chart.places.axis"), *names)
    return Chart("places", words.plain("chart.places"), caption, spec, 340, columns, rows, (source,))
