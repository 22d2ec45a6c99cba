"""Charts of the race: learning curves, forecast beside actual, before and after compression."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10
from typing import Any

from modelwright.report.charts.style import (
    DASHES,
    Chart,
    axis,
    colour,
    layout,
    marker,
    named,
    safe,
    sampled,
    significant,
    ticks,
)
from modelwright.report.numbers import Numbers
from modelwright.report.read import Run
from modelwright.report.words import Words


def curves(run: Run, words: Words, numbers: Numbers) -> Chart | None:
    """Training loss above, validation score below, over the seconds of training, one colour a route."""
    traces, sentences, table, sources = [], [], [], []
    for route, lines in run.curves.items():
        place = run.routes.index(route)
        losses = [(line["seconds"], line["loss"]) for line in lines if line.get("loss") is not None]
        metric = run.results.get(route, {}).get("metric") or run.metric or ""
        scores = [(line["seconds"], line["validation"][metric]) for line in lines if metric in (line.get("validation") or {})]
        if not losses:
            continue
        base: dict[str, Any] = {
            "type": "scatter",
            "line": {"color": colour(place), "width": 2, "dash": DASHES[place % len(DASHES)]},
            "name": safe(route),
        }
        traces.append({**base, **_points(sampled(losses)), "mode": "lines", "legendgroup": safe(route)})
        traces.append(
            {**base, **_points(scores), "mode": "lines+markers", "marker": marker(place, 7), "yaxis": "y2", "showlegend": False}
        )
        best = run.results.get(route, {}).get("best_score") if scores and metric != "loss" else None
        values = [numbers.ratio(losses[0][1]), numbers.ratio(losses[-1][1]), "–" if best is None else numbers.ratio(best)]
        took = numbers.duration(losses[-1][0])
        name = words.get(f"name.{metric}", metric)
        sentences.append(
            words.plain(
                "chart.curves.route", route=route, first=values[0], last=values[1], time=took, metric=name, best=values[2]
            )
        )
        table.append((route, *values, took))
        sources.append(f"train/{route}/curve.jsonl")
    if not traces:
        return None
    metric = words.get(f"name.{run.metric}", run.metric or "")
    spec = {
        "data": traces,
        "layout": layout(
            showlegend=True,
            xaxis=axis(words.plain("chart.seconds"), anchor="y2", rangemode="tozero"),
            yaxis=axis(words.plain("chart.curves.loss"), domain=[0.55, 1], rangemode="tozero"),
            yaxis2=axis(words.plain("chart.curves.score", metric=metric), domain=[0, 0.45]),
        ),
    }
    columns = tuple(words.plain(f"chart.{name}") for name in ("route", "first-loss", "last-loss", "best"))
    columns += (words.plain("chart.seconds"),)
    return Chart("curves", words.plain("chart.curves"), " ".join(sentences), spec, 420, columns, tuple(table), tuple(sources))


def _points(pairs: Sequence[tuple[float, float]]) -> dict[str, list[float]]:
    return {"x": [significant(x) for x, _ in pairs], "y": [significant(y) for _, y in pairs]}


def forecast(run: Run, words: Words, numbers: Numbers) -> Chart | None:
    """Dumbbell: the forecast with its range, the actual time, one line a route."""
    routes = [route for route in run.routes if route in run.forecasts and route in run.results]
    routes = [route for route in routes if run.forecasts[route]["seconds"] > 0 and run.results[route]["seconds"] > 0]
    if not routes:
        return None
    ranges: list[dict[str, Any]] = []
    predicted: list[float] = []
    actual: list[float] = []
    sentences, table = [], []
    for place, route in enumerate(routes):
        guess, taken = run.forecasts[route], run.results[route]["seconds"]
        ends = [max(guess.get("seconds_low") or guess["seconds"], 1e-3), guess.get("seconds_high") or guess["seconds"]]
        ranges.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": ends,
                "y": [place, place],
                "line": {"color": "@route-1-soft", "width": 10},
                "hoverinfo": "skip",
                "showlegend": False,
            }
        )
        predicted.append(guess["seconds"])
        actual.append(taken)
        written = {"forecast": numbers.duration(guess["seconds"]), "actual": numbers.duration(taken)}
        error = numbers.signed_percent(guess["seconds"] / taken - 1)
        sentences.append(words.plain("chart.forecast.route", route=route, error=error, **written))
        table.append((route, *written.values(), error))
    dots = {"type": "scatter", "mode": "markers", "y": list(range(len(routes))), "hoverinfo": "x+name"}
    outline = {"color": "@surface", "size": 11, "symbol": "diamond", "line": {"color": "@route-1", "width": 2}}
    traces = [
        *ranges,
        {**dots, "x": predicted, "name": words.plain("chart.forecast.predicted"), "marker": outline},
        {**dots, "x": actual, "name": words.plain("chart.forecast.actual"), "marker": {"color": "@route-0", "size": 11}},
    ]
    spec = {
        "data": traces,
        "layout": layout(
            showlegend=True,
            xaxis=axis(
                words.plain("chart.log-seconds"),
                type="log",
                **_clock([*predicted, *actual, *(end for one in ranges for end in one["x"])], numbers),
            ),
            yaxis=named(routes, range=[len(routes) - 0.4, -0.6]),
        ),
    }
    columns = (words.plain("chart.route"), words.plain("cost.forecast"), words.plain("cost.actual"), words.plain("cost.error"))
    sources = tuple(
        f"{stage}/{route}/{name}" for route in routes for stage, name in (("forecast", "forecast.json"), ("train", "result.json"))
    )
    caption = " ".join(sentences)
    return Chart("forecast", words.plain("chart.forecast"), caption, spec, 120 + 46 * len(routes), columns, tuple(table), sources)


_CLOCK = (0.01, 0.1, 1, 2, 5, 10, 30, 60, 300, 600, 1800, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 72 * 3600, 240 * 3600)


def _clock(seconds: Sequence[float], numbers: Numbers) -> dict[str, Any]:
    """Ticks at the durations people say."""
    low, high = min(seconds) * 0.6, max(seconds) * 1.5
    places = [place for place in _CLOCK if low <= place <= high]
    return {**ticks(places, [numbers.clock(place) for place in places]), "range": [log10(low), log10(high)]}


def variants(run: Run, words: Words, numbers: Numbers) -> Chart | None:
    """Size, latency and quality of each variant, three panels under each other with their own scales."""
    content = run.variants or {}
    items = content.get("variants") or []
    if len(items) < 2:
        return None
    metric = content["metric"]
    name = words.get(f"name.{metric}", metric)
    sizes = [item["size_bytes"] / 1e6 for item in items]
    latencies = [item["latency_ms"]["p95"] for item in items]
    scores = [((item.get("validation") or {}).get(metric) or {}).get("value") for item in items]
    known = all(score is not None for score in scores)
    panels = [(sizes, "chart.variants.size"), (latencies, "chart.variants.latency")] + ([(scores, "")] if known else [])
    names, count = [item["name"] for item in items], len(panels)
    traces, settings = [], {}
    for place, (values, title) in enumerate(panels):
        suffix = "" if place == 0 else str(place + 1)
        texts = [numbers.ratio(value) if not title else numbers.plain(value) for value in values]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "x": values,
                "y": list(range(len(names))),
                "xaxis": f"x{suffix}",
                "yaxis": f"y{suffix}",
                "text": texts,
                "textposition": "outside",
                "cliponaxis": False,
                "hoverinfo": "skip",
                "marker": {"color": ["@route-0" if item.get("taken") else "@route-4" for item in items]},
            }
        )
        top = 1 - place / count
        room = [0, max(values) * 1.25]
        settings[f"yaxis{suffix}"] = named(
            names, domain=[top - 0.66 / count, top - 0.06 / count], autorange="reversed", anchor=f"x{suffix}"
        )
        heading = words.plain(title) if title else name
        settings[f"xaxis{suffix}"] = axis(
            heading, range=room, anchor=f"y{suffix}", side="top", showgrid=False, showticklabels=False
        )
    rows = []
    for item, latency, score in zip(items, latencies, scores, strict=True):
        written = "–" if score is None else numbers.ratio(score)
        rows.append((item["name"], numbers.size(item["size_bytes"]), numbers.write(latency, "ms"), written))
    one = [words.plain("chart.variants.one", name=row[0], size=row[1], latency=row[2], metric=name, score=row[3]) for row in rows]
    caption = ("；" if words.language == "zh" else "; ").join(one) + ("。" if words.language == "zh" else ".")
    columns = (*(words.plain(f"chart.{key}") for key in ("variant", "size", "latency")), name)
    spec = {"data": traces, "layout": layout(**settings)}
    height = 60 + count * (50 + 34 * len(names))
    return Chart(
        "variants", words.plain("chart.variants"), caption, spec, height, columns, tuple(rows), ("compress/variants.json",)
    )
