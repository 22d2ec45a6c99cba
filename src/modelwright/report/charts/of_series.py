"""Charts of forecasts: what was said of a few windows beside what came, and how errors grow with the horizon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.report.charts.style import Chart, axis, layout, line_shape, significant
from modelwright.report.numbers import Numbers
from modelwright.report.words import Words

MOST = 4
"""Windows that are drawn."""


def draw(evaluation: Mapping[str, Any], source: str, words: Words, numbers: Numbers) -> dict[str, Chart]:
    """Charts "ahead-0" … of windows, and "steps"; none where the task does not forecast."""
    found = evaluation.get("forecasts") or {}
    windows = (found.get("windows") or [])[:MOST]
    drawn = {f"ahead-{place}": _fan(f"ahead-{place}", window, source, words, numbers) for place, window in enumerate(windows)}
    if found.get("steps"):
        drawn["steps"] = _steps(found["steps"], source, words, numbers)
    return drawn


def _fan(name: str, window: Mapping[str, Any], source: str, words: Words, numbers: Numbers) -> Chart:
    """History, truth, median and the 80 % interval of one window."""
    times, past = list(window["times"]), [_number(value) for value in window["history"]]
    before, ahead = list(range(-len(past), 0)), list(range(len(times)))
    low, middle, high = ([significant(value) for value in window["quantiles"][level]] for level in ("0.1", "0.5", "0.9"))
    truth = [_number(value) for value in window["truth"]]
    joined = [-1, *ahead] if past and past[-1] is not None else ahead
    truth_line = [past[-1], *truth] if len(joined) > len(ahead) else truth
    hidden = {"type": "scatter", "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    data = [
        {**hidden, "x": ahead, "y": low},
        {
            **hidden,
            "x": ahead,
            "y": high,
            "fill": "tonexty",
            "fillcolor": "@route-0-soft",
            "name": words.plain("chart.ahead.interval"),
            "showlegend": True,
        },
        _line(before, past, words.plain("chart.ahead.history"), "@muted"),
        _line(joined, truth_line, words.plain("chart.ahead.truth"), "@ink"),
        {**_line(ahead, middle, words.plain("chart.ahead.median"), "@route-0"), "mode": "lines+markers", "marker": {"size": 4}},
    ]
    spec = {
        "data": data,
        "layout": layout(
            showlegend=True,
            xaxis=axis(words.plain("chart.ahead.axis", first=times[0], last=times[-1]), showgrid=False),
            yaxis=axis(""),
        ),
    }
    known = [(low[at], value, high[at]) for at, value in enumerate(truth) if value is not None]
    held = sum(below <= value <= above for below, value, above in known)
    caption = words.plain("chart.ahead.caption", start=times[0], held=held, steps=len(known))
    table = tuple(
        (
            time,
            *(
                "–" if cell is None else numbers.plain(significant(cell, 4))
                for cell in (truth[at], middle[at], low[at], high[at])
            ),
        )
        for at, time in enumerate(times)
    )
    heads = tuple(words.plain(f"chart.ahead.{key}") for key in ("time", "truth", "median", "low", "high"))
    title = words.plain("chart.ahead", series=window.get("series") or "", start=times[0]).strip()
    return Chart(name, title, caption, spec, 300, heads, table, (source,))


def _line(x: Sequence[int], y: Sequence[float | None], name: str, colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(x),
        "y": list(y),
        "name": name,
        "line": {"color": colour, "width": 2},
        "connectgaps": True,
        "hoverinfo": "x+y+name",
    }


def _number(value: float | None) -> float | None:
    return None if value is None else significant(value)


def _steps(steps: Sequence[Mapping[str, Any]], source: str, words: Words, numbers: Numbers) -> Chart:
    """MASE by step of the horizon, beside that of the seasonal naive forecast."""
    places = [item["step"] for item in steps]
    data = [
        {
            **_line(places, [_number(item[key]) for item in steps], words.plain(f"chart.steps.{key}"), f"@route-{number}"),
            "mode": "lines+markers",
            "marker": {"size": 6},
        }
        for number, key in enumerate(("mase", "naive"))
    ]
    covered = [item["coverage"] for item in steps if item["coverage"] is not None]
    spec = {
        "data": data,
        "layout": layout(
            showlegend=True,
            xaxis=axis(words.plain("chart.steps.axis"), dtick=max(1, len(places) // 12)),
            yaxis=axis("MASE", rangemode="tozero"),
            shapes=[line_shape(xref="paper", x0=0, x1=1, y0=1, y1=1)],
        ),
    }
    caption = words.plain("chart.steps.caption")
    if covered:
        caption += " " + words.plain(
            "chart.steps.coverage", low=numbers.percent(min(covered)), high=numbers.percent(max(covered))
        )
    table = tuple(
        (
            str(item["step"]),
            *("–" if item[key] is None else numbers.ratio(item[key]) for key in ("mase", "naive")),
            "–" if item["coverage"] is None else numbers.percent(item["coverage"]),
        )
        for item in steps
    )
    heads = (words.plain("chart.steps.axis"), *(words.plain(f"chart.steps.{key}") for key in ("mase", "naive", "held")))
    return Chart("steps", words.plain("chart.steps"), caption, spec, 320, heads, table, (source,))
