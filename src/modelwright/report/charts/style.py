"""What all charts share: the chart noun, the colours by name, axes, layout.

A spec is plotly's JSON, built as plain data: no library is imported to make it. Colours are names (`@ink`, `@route-0`): the page
looks them up in its style sheet, so that dark, light and print each have their own. Words in a spec are escaped, because
plotly reads a small HTML in labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import ceil, floor, log10
from typing import Any

from modelwright.base.evidence import Basis

BASES: tuple[Basis, ...] = ("measured", "estimated", "assumed", "fallback")
"""From the most to the least trusted."""

MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "star")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
COLOURS = 6


@dataclass(frozen=True)
class Chart:
    """One chart with its text alternative.

    Args:
        id: unique on the page.
        caption: what it shows, in words and numbers.
        spec: {"data": […], "layout": {…}}.
        height: in pixels, reserved before it is drawn.
        columns, rows: its numbers as a table, every cell as written.
        sources: the files it is drawn from.
        basis: how far its numbers can be trusted.
    """

    id: str
    title: str
    caption: str
    spec: dict[str, Any]
    height: int
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    sources: tuple[str, ...]
    basis: Basis = "measured"


def colour(index: int) -> str:
    return f"@route-{index % COLOURS}"


def soft(index: int) -> str:
    return f"@route-{index % COLOURS}-soft"


def marker(index: int, size: int = 10) -> dict[str, Any]:
    """Colour and shape: whoever can't tell the colours apart reads the shapes."""
    return {"color": colour(index), "symbol": MARKERS[index % len(MARKERS)], "size": size}


def safe(text: object, longest: int = 32) -> str:
    """Foreign words in a chart: short, one line, no markup."""
    line = " ".join(str(text).split())
    return escape(line if len(line) <= longest else line[: longest - 1] + "…", quote=False)


def axis(title: str = "", **settings: Any) -> dict[str, Any]:
    """A quiet axis. It can't be zoomed: a finger that scrolls the page must not move it."""
    return {
        "title": {"text": escape(title, quote=False), "font": {"size": 12, "color": "@muted"}, "standoff": 10},
        "automargin": True,
        "fixedrange": True,
        "zeroline": False,
        "showline": False,
        "gridcolor": "@grid",
        "tickfont": {"size": 12, "color": "@muted"},
        **settings,
    }


def named(names: Sequence[object], title: str = "", longest: int = 32, **settings: Any) -> dict[str, Any]:
    """An axis of names at 0, 1, 2, …: numbers, dates and equal names stay the names they are."""
    look = {"showgrid": False, "type": "linear", "ticks": "", "ticklabelstandoff": 6, "ticklabeloverflow": "allow"}
    return axis(title, **look, **ticks(range(len(names)), [safe(name, longest) for name in names]), **settings)


def ticks(places: Sequence[float], texts: Sequence[str]) -> dict[str, Any]:
    """Axis settings for ticks with our own words: currencies and durations as the rest of the page writes them."""
    return {"tickmode": "array", "tickvals": [significant(place) for place in places], "ticktext": list(texts)}


def decades(low: float, high: float) -> list[float]:
    """Round numbers inside [low, high] for a logarithmic axis: powers of ten, with 2 and 5 where there is room for them."""
    first, last = floor(log10(low)), ceil(log10(high))
    steps = (1, 2, 5) if last - first <= 3 else (1,)
    return [digit * 10.0**power for power in range(first, last + 1) for digit in steps if low <= digit * 10.0**power <= high]


def rounds(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers at equal distances over [low, high] for a linear axis."""
    rough = (high - low or abs(high) or 1.0) / most
    unit = 10.0 ** floor(log10(rough))
    step = next(digit * unit for digit in (1, 2, 2.5, 5, 10) if digit * unit >= rough * 0.999)
    return [step * number for number in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def layout(**settings: Any) -> dict[str, Any]:
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "@font", "size": 12.5, "color": "@ink"},
        "margin": {"l": 8, "r": 16, "t": 8, "b": 8, "autoexpand": True},
        "showlegend": False,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 12}, "itemclick": False},
        "hoverlabel": {"bgcolor": "@surface", "bordercolor": "@rule", "font": {"color": "@ink", "size": 12}},
        "dragmode": False,
        "bargap": 0.35,
        **settings,
    }


def line_shape(**place: Any) -> dict[str, Any]:
    """A dashed helper line."""
    return {"type": "line", "line": {"color": "@muted", "width": 1, "dash": "dot"}, **place}


def sampled(values: Sequence[tuple[float, float]], most: int = 160) -> list[tuple[float, float]]:
    """At most `most` points: means of equal stretches, which also calm a noisy loss."""
    if len(values) <= most:
        return list(values)
    edges = [round(part * len(values) / most) for part in range(most + 1)]
    stretches = [values[start:end] for start, end in pairwise(edges) if end > start]
    return [(sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in stretches]


def significant(value: float, digits: int = 5) -> float:
    """Charts need no more digits, and the page stays small."""
    return float(f"{value:.{digits}g}")
