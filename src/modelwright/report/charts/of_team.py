"""Charts of people: payroll over the months."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.report.charts.style import Chart, axis, colour, layout, rounds, significant, ticks
from modelwright.report.numbers import Numbers
from modelwright.report.words import Words


def payroll(plan: Mapping[str, Any] | None, words: Words, numbers: Numbers) -> Chart | None:
    """Loaded pay a month as steps; below, people on the payroll and how many of them work at full speed."""
    team = (plan or {}).get("team") or {}
    pay, heads, productive = (team.get(name) or [] for name in ("payroll", "heads", "productive"))
    if not pay or not any(pay):
        return None
    months, unit = list(range(1, len(pay) + 1)), team["currency"]
    marks = rounds(0.0, max(pay), 4)
    step = {"type": "scatter", "mode": "lines", "x": months, "hoverinfo": "x+y"}
    spec = {
        "data": [
            {
                **step,
                "y": [significant(value) for value in pay],
                "line": {"color": colour(0), "width": 2.5, "shape": "hv"},
                "fill": "tozeroy",
                "fillcolor": "@route-0-soft",
                "showlegend": False,
            },
            {**step, "y": heads, "yaxis": "y2", "name": words.plain("chart.payroll.heads"), "line": {"color": colour(1), "width": 2, "shape": "hv"}},
            {
                **step,
                "y": productive,
                "yaxis": "y2",
                "name": words.plain("chart.payroll.productive"),
                "line": {"color": colour(2), "width": 2, "dash": "dot"},
            },
        ],
        "layout": layout(
            showlegend=True,
            xaxis=axis(words.plain("chart.month"), showgrid=False, dtick=6, range=[1, len(pay)], anchor="y2"),
            yaxis=axis(words.plain("chart.payroll.axis"), domain=[0.5, 1], **ticks(marks, [numbers.short_money(value, unit) for value in marks])),
            yaxis2=axis(words.plain("chart.payroll.people"), domain=[0, 0.36], rangemode="tozero", nticks=4),
        ),
    }  # fmt: skip
    caption = words.plain(
        "chart.payroll.caption",
        first=numbers.money(pay[0], unit),
        last=numbers.money(pay[-1], unit),
        month=len(pay),
        total=numbers.money(sum(pay), unit),
    )
    shown = [at for at in range(len(pay)) if at in (0, len(pay) - 1) or (at + 1) % 6 == 0 or pay[at] != pay[at - 1]]
    rows = tuple(
        (str(at + 1), numbers.money(pay[at], unit), numbers.plain(heads[at]), numbers.plain(productive[at])) for at in shown
    )
    columns = tuple(words.plain(key) for key in ("chart.month", "chart.payroll.axis", "chart.payroll.heads", "chart.payroll.productive"))  # fmt: skip
    basis = team.get("basis", "assumed")
    return Chart("payroll", words.plain("chart.payroll"), caption, spec, 380, columns, rows, ("plan/plan.json",), basis)
