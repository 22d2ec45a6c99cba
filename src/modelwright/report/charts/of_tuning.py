"""What a search tried: every trial as a line over its settings (parallel coordinates), and which setting moved the score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.report.charts.style import Chart, axis, colour, layout, named, safe, significant
from modelwright.report.numbers import Numbers
from modelwright.report.words import Words

Search = Mapping[str, Any]
_FAINT = 0.35


def trials(route: str, search: Search, words: Words, numbers: Numbers) -> Chart | None:
    """One upright axis a setting, each scaled to what was tried, and the score last; the best trial stands out."""
    tried = [trial for trial in search["trials"] if trial["score"] is not None and trial["settings"]]
    names = list(tried[0]["settings"]) if tried else []
    if len(tried) < 2:
        return None
    scales = {name: _scale([trial["settings"][name] for trial in tried]) for name in names}
    scores = _scale([trial["score"] for trial in tried])
    best = next((trial for trial in tried if trial["number"] == search["best"]), None)
    metric = words.get(f"name.{search['metric']}", search["metric"])
    traces = []
    for trial in sorted(tried, key=lambda trial: trial is best):
        heights = [scales[name][_text(trial["settings"][name])] for name in names] + [scores[_text(trial["score"])]]
        label = f"#{trial['number']}: {numbers.ratio(trial['score'])}"
        hover = [f"{safe(name)} = {safe(_text(trial['settings'][name]))}<br>{label}" for name in names] + [label]
        line = {"color": colour(0 if trial is best else 1), "width": 3 if trial is best else 1}
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": list(range(len(names) + 1)),
                "y": [significant(height) for height in heights],
                "line": line,
                "marker": {"color": line["color"], "size": 7 if trial is best else 4},
                "opacity": 1 if trial is best else _FAINT,
                "text": hover,
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    notes = [_note(place, scales[name]) for place, name in enumerate(names)] + [_note(len(names), scores)]
    spec = {
        "data": traces,
        "layout": layout(
            xaxis=named([*names, metric]),
            yaxis=axis("", range=[-0.12, 1.12], showticklabels=False, showgrid=False),
            annotations=[note for pair in notes for note in pair],
        ),
    }
    rows = [
        (str(trial["number"]), *(_text(trial["settings"].get(name, "–")) for name in names), _score(trial, numbers))
        for trial in search["trials"]
    ]
    said = words.plain(
        "chart.trials.text",
        route=route,
        count=len(search["trials"]),
        metric=metric,
        best=_score(search["trials"][search["best"]], numbers),
        written=_score(search["trials"][0], numbers),
    )
    columns = (words.plain("chart.trial"), *names, metric)
    title = words.plain("chart.trials", route=route)
    return Chart(f"trials-{route}", title, said, spec, 340, columns, tuple(rows), (f"train/{route}/tuning.json",))


def importance(route: str, search: Search, words: Words, numbers: Numbers) -> Chart | None:
    """Share of the score's variance that each setting explains."""
    found: Mapping[str, float] = search["importance"]
    if not found:
        return None
    names, shares = list(found), list(found.values())
    spec = {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "x": [significant(share) for share in shares],
                "y": list(range(len(names))),
                "marker": {"color": colour(0)},
                "text": [numbers.percent(share) for share in shares],
                "textposition": "outside",
                "cliponaxis": False,
                "hoverinfo": "skip",
            }
        ],
        "layout": layout(
            xaxis=axis("", tickformat=".0%", range=[0, max(shares) * 1.15]), yaxis=named(names, autorange="reversed")
        ),
    }
    said = words.plain("chart.importance.text", route=route, first=names[0], share=numbers.percent(shares[0]))
    rows = tuple((name, numbers.percent(share)) for name, share in found.items())
    columns = (words.plain("chart.setting"), words.plain("chart.importance.share"))
    title = words.plain("chart.importance", route=route)
    height = 90 + 34 * len(names)
    return Chart(f"importance-{route}", title, said, spec, height, columns, rows, (f"train/{route}/tuning.json",))


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _score(trial: Mapping[str, Any], numbers: Numbers) -> str:
    return "–" if trial["score"] is None else numbers.ratio(trial["score"])


def _scale(values: Sequence[Any]) -> dict[str, float]:
    """Height between 0 and 1 of each value: numbers by rank of their size, which suits linear and logarithmic ranges alike; others in
    the order of their names."""
    known = sorted(set(values), key=lambda value: (0, value, "") if isinstance(value, int | float) else (1, 0, str(value)))
    return {_text(value): place / max(1, len(known) - 1) for place, value in enumerate(known)}


def _note(place: int, scale: Mapping[str, float]) -> list[dict[str, Any]]:
    """The lowest and the highest value at the ends of an axis."""
    ends = [min(scale, key=lambda name: scale[name]), max(scale, key=lambda name: scale[name])]
    look = {"showarrow": False, "font": {"size": 11, "color": "@muted"}}
    return [{"x": place, "y": height, "text": safe(text), **look} for height, text in zip((-0.08, 1.08), ends, strict=True)]
