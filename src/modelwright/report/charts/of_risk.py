"""Charts of risk: likelihood against impact, and what each response buys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.report.charts.style import Chart, axis, colour, layout, line_shape, named, rounds, safe, significant, ticks
from modelwright.report.numbers import Numbers
from modelwright.report.words import Words

_SOURCE = ("plan/risks.json",)
_MOST_NAMED = 3


def matrix(content: Mapping[str, Any] | None, words: Words, numbers: Numbers) -> Chart | None:
    """Risks by likelihood and impact; the number in a field is how many stand there, red-framed where one is triggered."""
    risks = (content or {}).get("risks") or []
    if not risks:
        return None
    fields: dict[tuple[int, int], list[Mapping[str, Any]]] = {}
    for risk in risks:
        fields.setdefault((risk["likelihood"], risk["impact"]), []).append(risk)
    scale = list(range(1, 6))
    heat = {
        "type": "heatmap",
        "x": scale,
        "y": scale,
        "z": [[likelihood * impact for impact in scale] for likelihood in scale],
        "zmin": 0,
        "zmax": 25,
        "colorscale": [[0, "@heat-0"], [0.5, "@heat-1"], [1, "@route-1-soft"]],
        "showscale": False,
        "hoverinfo": "skip",
        "xgap": 2,
        "ygap": 2,
    }
    dots = {
        "type": "scatter",
        "mode": "markers+text",
        "x": [impact for _, impact in fields],
        "y": [likelihood for likelihood, _ in fields],
        "text": [str(len(found)) for found in fields.values()],
        "textfont": {"color": "@paper", "size": 13},
        "marker": {
            "size": 26,
            "opacity": 1,
            "color": [colour(1) if any(one["state"] == "triggered" for one in found) else colour(0) for found in fields.values()],
        },
        "hoverinfo": "skip",
        "cliponaxis": False,
    }
    spec = {
        "data": [heat, dots],
        "layout": layout(
            xaxis=axis(words.plain("chart.matrix.impact"), dtick=1, showgrid=False, range=[0.5, 5.5]),
            yaxis=axis(words.plain("chart.matrix.likelihood"), dtick=1, showgrid=False, range=[0.5, 5.5]),
        ),
    }
    worst = sorted(risks, key=lambda risk: -risk["score"])[:_MOST_NAMED]
    listed = ("; " if words.language == "en" else "；").join(risk["title"][words.language] for risk in worst)
    triggered = sum(risk["state"] == "triggered" for risk in risks)
    caption = words.plain("chart.matrix.caption", count=len(risks), list=listed, triggered=triggered)
    rows = tuple(
        (risk["title"][words.language], str(risk["likelihood"]), str(risk["impact"]), str(risk["score"])) for risk in risks
    )
    columns = tuple(words.plain(f"chart.matrix.{key}") for key in ("risk", "likelihood", "impact", "score"))
    basis = "fallback" if any(risk["basis"] == "fallback" for risk in risks) else "assumed"
    return Chart("matrix", words.plain("chart.matrix"), caption, spec, 340, columns, rows, _SOURCE, basis)  # type: ignore[arg-type]


def responses(content: Mapping[str, Any] | None, words: Words, numbers: Numbers) -> Chart | None:
    """What each response does to the cash at the plan's end, the best first."""
    found = []
    for row in (content or {}).get("responses") or []:
        gap = (row.get("figures") or {}).get("final-cash") or {}
        if row.get("applies") and gap.get("difference") is not None:
            found.append((row["title"][words.language], gap["difference"], gap["unit"]))
    if not found:
        return None
    found.sort(key=lambda item: -item[1])
    unit = found[0][2]
    reached = [value for _, value, _ in found]
    low, high = min(*reached, 0.0), max(*reached, 0.0)
    marks = rounds(low, high, 4) if high > low else [0.0]
    bar = {
        "type": "bar",
        "orientation": "h",
        "x": [significant(value) for value in reached],
        "y": list(range(len(found))),
        "text": [_signed(value, unit, numbers) for value in reached],
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "skip",
        "marker": {"color": [colour(2 if value >= 0 else 1) for value in reached]},
    }
    room = (high - low or 1.0) * 0.28
    spec = {
        "data": [bar],
        "layout": layout(
            xaxis=axis(
                words.plain("chart.responses.axis"),
                range=[low - (room if low < 0 else 0), high + room],
                **ticks(marks, [numbers.short_money(mark, unit) for mark in marks]),
            ),
            yaxis=named([safe(name, 34) for name, _, _ in found], autorange="reversed", longest=34),
            shapes=[{**line_shape(yref="paper", y0=0, y1=1, x0=0, x1=0), "line": {"color": "@ink", "width": 1}}],
        ),
    }
    best = found[0]
    caption = words.plain("chart.responses.caption", best=best[0], amount=_signed(best[1], unit, numbers))
    rows = tuple((name, _signed(value, unit, numbers)) for name, value, _ in found)
    columns = tuple(words.plain(f"chart.responses.{key}") for key in ("response", "axis"))
    return Chart(
        "responses", words.plain("chart.responses"), caption, spec, 80 + 38 * len(found), columns, rows, _SOURCE, "assumed"
    )


def _signed(value: float, unit: str, numbers: Numbers) -> str:
    return ("+" if value > 0 else "") + numbers.money(value, unit)
