"""The charts of forecasts: drawn from what was said and what came, absent elsewhere, in both languages."""

from __future__ import annotations

import json

import numpy as np
import plotly.graph_objects
import pytest

from modelwright.base.nouns import Row
from modelwright.evaluate.forecasts import SHOWN, by_steps
from modelwright.report.charts import of_series
from modelwright.report.numbers import Numbers
from modelwright.report.words import Words
from modelwright.tasks.contract import get_task

TASK = get_task("time-series-forecasting")


def part() -> dict:
    """Two steps of a series without season: the forecast misses the first by 1 and the second by 2, of a scale of 2."""
    rows, answers = [], []
    for number in range(9):
        first, second = 10.0 + number, None if number == 4 else 11.0 + number
        rows.append(
            Row(
                f"r{number}",
                {"series": "shop", "history": (5.0, None, 8.0 + number), "value": (first, second), "season": 1, "scale": 2.0},
            )
        )
        middle = (11.0 + number, 13.0 + number)
        quantiles = {"0.1": (9.5 + number, 12.0 + number), "0.5": middle, "0.9": (12.0 + number, 14.0 + number)}
        answers.append(TASK.prediction(f"r{number}", "shop", ("2024-01-01", "2024-01-02"), middle, quantiles))  # type: ignore[call-arg]
    fitted = TASK.fit(TASK.exam_rows(0), None)  # type: ignore[arg-type]
    return by_steps(rows, answers, fitted.align(answers, rows))


def test_steps_are_measured_beside_the_naive_forecast_and_holes_do_not_count() -> None:
    first, second = part()["forecasts"]["steps"]
    assert first == {"step": 1, "mase": 0.5, "naive": 1.0, "coverage": 1.0}
    assert second == {"step": 2, "mase": 1.0, "naive": 1.5, "coverage": 0.0}


def test_windows_are_shown_from_all_over_the_test_with_their_holes() -> None:
    windows = part()["forecasts"]["windows"]
    assert [window["row_id"] for window in windows] == ["r2", "r4", "r6", "r8"]
    assert len(windows) == SHOWN == of_series.MOST
    assert windows[1]["truth"] == [14.0, None]
    assert windows[1]["history"] == [5.0, None, 12.0]
    json.dumps(windows, allow_nan=False)


def test_other_tasks_have_none() -> None:
    assert by_steps([], [], {"truth": np.zeros(3), "quantiles": np.zeros(3)}) == {}
    assert of_series.draw({"splits": {}}, "x", Words("en"), Numbers("en")) == {}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_they_are_drawn_with_their_numbers_in_words(language: str) -> None:
    drawn = of_series.draw(part(), "evaluate/ets/evaluation.json", Words(language), Numbers(language))
    assert list(drawn) == ["ahead-0", "ahead-1", "ahead-2", "ahead-3", "steps"]
    for name, chart in drawn.items():
        assert chart.id == name
        assert {len(row) for row in chart.rows} == {len(chart.columns)}
        json.dumps(chart.spec, allow_nan=False)
        colours = json.loads(json.dumps(chart.spec).replace("@route-0-soft", "#abc").replace("@font", "serif"))
        plain = json.dumps(colours)
        for colour in ("@route-0", "@route-1", "@ink", "@muted", "@grid", "@surface", "@rule"):
            plain = plain.replace(colour, "#123")
        plotly.graph_objects.Figure(json.loads(plain))  # plotly refuses what it does not know
    holed = drawn["ahead-1"]
    assert ("1" in holed.caption) and ("shop" in holed.title)
    assert holed.rows[1][1] == "–"
    truth = next(trace for trace in holed.spec["data"] if trace.get("name") == Words(language).plain("chart.ahead.truth"))
    assert (truth["x"], truth["y"]) == ([-1, 0, 1], [12.0, 14.0, None])
    assert "100%" in drawn["steps"].caption
    assert "0%" in drawn["steps"].caption
