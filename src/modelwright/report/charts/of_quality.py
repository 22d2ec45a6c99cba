"""Charts of quality: confusion, reliability, slices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.report.charts.style import Chart, axis, layout, line_shape, named, significant
from modelwright.report.numbers import Numbers
from modelwright.report.words import Words

_MOST_LABELS = 16


def confusion(evaluation: Mapping[str, Any], source: str, words: Words, numbers: Numbers) -> Chart | None:
    """Heat map, each row a true label, shaded by the share of that label's rows. Many labels: those with most mistakes."""
    matrix = evaluation.get("confusion") or {}
    labels, counts = list(matrix.get("labels") or []), matrix.get("counts") or []
    if not labels or not counts:
        return None
    rows, right = sum(map(sum, counts)), sum(counts[place][place] for place in range(len(labels)))
    wrong = [(counts[t][p], t, p) for t in range(len(labels)) for p in range(len(labels)) if t != p and counts[t][p]]
    if wrong:
        count, truth, predicted = max(wrong)
        names = {"truth": labels[truth], "predicted": labels[predicted], "count": count}
        caption = words.plain("chart.confusion.caption", right=numbers.plain(right), rows=numbers.plain(rows), **names)
    else:
        caption = words.plain("chart.confusion.perfect", rows=numbers.plain(rows))
    table = tuple(
        (labels[truth], labels[predicted], numbers.plain(count)) for count, truth, predicted in sorted(wrong, reverse=True)[:20]
    )
    if len(labels) > _MOST_LABELS:
        missed = [
            sum(counts[place]) + sum(row[place] for row in counts) - 2 * counts[place][place] for place in range(len(labels))
        ]
        keep = sorted(sorted(range(len(labels)), key=lambda place: -missed[place])[:_MOST_LABELS])
        labels, counts = [labels[place] for place in keep], [[counts[t][p] for p in keep] for t in keep]
        caption += " " + words.plain("chart.confusion.cut", count=_MOST_LABELS)
    places = list(range(len(labels)))
    heat = {
        "type": "heatmap",
        "x": places,
        "y": places,
        "z": [[significant(count / max(1, sum(row)), 3) for count in row] for row in counts],
        "zmin": 0,
        "zmax": 1,
        "text": [[str(count) if count else "" for count in row] for row in counts],
        "texttemplate": "%{text}",
        "xgap": 2,
        "ygap": 2,
        "showscale": False,
        "hoverinfo": "skip",
        "colorscale": [[0, "@heat-0"], [0.02, "@heat-1"], [1, "@heat-2"]],
    }
    spec = {
        "data": [heat],
        "layout": layout(
            margin={"l": 8, "r": 48, "t": 8, "b": 8},
            xaxis=named(labels, words.plain("chart.predicted"), 16, side="top", tickangle=-35),
            yaxis=named(labels, words.plain("chart.truth"), 18, autorange="reversed"),
        ),
    }
    columns = (words.plain("chart.truth"), words.plain("chart.predicted"), words.plain("chart.rows"))
    height = 150 + 36 * len(labels)
    return Chart("confusion", words.plain("chart.confusion"), caption, spec, height, columns, table, (source,))


def reliability(evaluation: Mapping[str, Any], source: str, words: Words, numbers: Numbers) -> Chart | None:
    """Confidence against accuracy by bin; the larger the dot, the more rows."""
    bins = [item for item in (evaluation.get("calibration") or {}).get("bins") or [] if item.get("rows")]
    if not bins:
        return None
    off = max(bins, key=lambda item: item["rows"] * abs(item["confidence"] - item["accuracy"]))
    caption = words.plain(
        "chart.reliability.caption",
        confidence=numbers.percent(off["confidence"]),
        accuracy=numbers.percent(off["accuracy"]),
        rows=numbers.plain(off["rows"]),
    )
    most = max(item["rows"] for item in bins)
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [significant(item["confidence"]) for item in bins],
        "y": [significant(item["accuracy"]) for item in bins],
        "line": {"color": "@route-0", "width": 1.5},
        "marker": {
            "color": "@route-0",
            "size": [significant(7 + 17 * (item["rows"] / most) ** 0.5, 3) for item in bins],
            "opacity": 1,
            "line": {"width": 0},
        },
        "hoverinfo": "x+y",
        "cliponaxis": False,
    }
    percent = {"range": [0, 1.03], "tickformat": ".0%", "dtick": 0.25}
    spec = {
        "data": [trace],
        "layout": layout(
            xaxis=axis(words.plain("chart.confidence"), **percent),
            yaxis=axis(words.plain("chart.accuracy"), **percent),
            shapes=[line_shape(x0=0, y0=0, x1=1, y1=1)],
        ),
    }
    columns = tuple(words.plain(f"chart.{name}") for name in ("confidence", "accuracy", "rows"))
    table = tuple(
        (numbers.percent(item["confidence"]), numbers.percent(item["accuracy"]), numbers.plain(item["rows"])) for item in bins
    )
    return Chart("reliability", words.plain("chart.reliability"), caption, spec, 340, columns, table, (source,))


def slices(evaluation: Mapping[str, Any], metric: str, source: str, words: Words, numbers: Numbers) -> Chart | None:
    """The metric of each slice with its interval, beside that of all rows."""
    found = [
        item
        for item in evaluation.get("slices") or []
        if ((item.get("metrics") or {}).get(metric) or {}).get("value") is not None
    ]
    if not found:
        return None
    name = words.get(f"name.{metric}", metric)
    figures = [item["metrics"][metric] for item in found]
    labels = [f"{words.get('name.' + item['column'], item['column'])}: {item['value']}" for item in found]
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [figure["value"] for figure in figures],
        "y": list(range(len(found))),
        "marker": {"color": "@route-0", "size": 10},
        "error_x": {
            "type": "data",
            "array": [_reach(figure, "high") for figure in figures],
            "arrayminus": [-_reach(figure, "low") for figure in figures],
            "color": "@route-0-soft",
            "thickness": 5,
            "width": 0,
        },
        "hoverinfo": "x",
        "cliponaxis": False,
    }
    overall = (((evaluation.get("splits") or {}).get("test") or {}).get("metrics") or {}).get(metric)
    shapes = [line_shape(yref="paper", y0=0, y1=1, x0=overall["value"], x1=overall["value"])] if overall else []
    spec = {
        "data": [trace],
        "layout": layout(xaxis=axis(name), yaxis=named(labels, range=[len(found) - 0.4, -0.6]), shapes=shapes),
    }
    worst, best = (pick(range(len(found)), key=lambda place: figures[place]["value"]) for pick in (min, max))
    caption = words.plain(
        "chart.slices.caption",
        worst=labels[worst],
        worst_value=numbers.ratio(figures[worst]["value"]),
        worst_rows=numbers.plain(found[worst]["rows"]),
        best=labels[best],
        best_value=numbers.ratio(figures[best]["value"]),
    )
    table = tuple(
        (label, numbers.plain(item["rows"]), numbers.ratio(figure["value"]), _written(figure, numbers))
        for label, item, figure in zip(labels, found, figures, strict=True)
    )
    columns = (words.plain("chart.slice"), words.plain("chart.rows"), name, words.plain("chart.interval"))
    title = words.plain("chart.slices", metric=name)
    return Chart("slices", title, caption, spec, 90 + 32 * len(found), columns, table, (source,))


def _reach(figure: Mapping[str, Any], end: str) -> float:
    return 0.0 if figure.get(end) is None else significant(figure[end] - figure["value"])


def _written(figure: Mapping[str, Any], numbers: Numbers) -> str:
    if figure.get("low") is None or figure.get("high") is None:
        return "–"
    return numbers.interval(figure["low"], figure["high"], "1")
