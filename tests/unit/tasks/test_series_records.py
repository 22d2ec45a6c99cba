"""Rows as series: second values, holes, series that are too short; end to end through the data stage."""

from __future__ import annotations

import csv
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelwright.base.console import Console
from modelwright.base.errors import DataError
from modelwright.base.nouns import Row
from modelwright.data.prepare import prepare
from modelwright.data.rows import read_split
from modelwright.spec.data import Data
from modelwright.tasks.contract import get_task
from modelwright.tasks.series.grid import Grid
from modelwright.tasks.series.records import collect, unusable
from modelwright.tasks.series.settings import Forecasting

TASK = get_task("time-series-forecasting")
DAY = 86_400.0


def record(day: float, value: float, series: str | None = None, **more: Any) -> Row:
    name = {} if series is None else {"series": series}
    return Row(f"{series or 'row'}-{day:g}-{value:g}", {"time": day * DAY, "value": value, **name, **more})


def line(days: int, series: str | None = None, without: tuple[int, ...] = ()) -> list[Row]:
    return [record(day, 10.0 + day % 7 + day / 10, series) for day in range(days) if day not in without]


def prepared(tmp_path: Path, lines: list[str], **learn: Any) -> tuple[dict[str, Any], list[dict[str, str]], Path]:
    """The data stage on a CSV: its card, its quarantine, and where it wrote."""
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    settings = Forecasting.model_validate({"horizon": 3, **learn})
    hooks = {name: partial(getattr(TASK, name), learn=settings) for name in ("arrange", "unusable", "described")}
    card = prepare(
        Data(source=str(tmp_path / "rows.csv")),
        TASK.columns,
        tmp_path,
        tmp_path,
        Console(quiet=True),
        habits=TASK.habits,
        **hooks,
    )
    quarantine = list(csv.DictReader((tmp_path / "quarantine.csv").read_text().splitlines()))
    return card, quarantine, tmp_path


def csv_lines(days: int, series: str = "a") -> list[str]:
    return [f"2024-{1 + day // 28:02d}-{1 + day % 28:02d},{series},{10 + day % 7}" for day in range(days)]


def test_second_values_infinite_ones_and_short_series_go_to_quarantine_with_their_place(tmp_path: Path) -> None:
    odd = ["2024-01-05,a,99", "2024-01-06,a,inf", "2024-02-30,a,1", "2024-01-07,b,5", "2024-01-08,c,1", "2024-01-09,c,2"]
    card, quarantine, _ = prepared(tmp_path, ["time,series,value", *csv_lines(28), *csv_lines(28, "d"), *odd])
    reasons = {row["place"]: (row["reason"], row["detail"]) for row in quarantine}
    first = 1 + 28 * 2
    assert reasons[f"rows.csv:{first + 1}"] == (
        "unusable",
        "a second value for 2024-01-05 of series 'a'; the first is rows.csv:6",
    )
    assert reasons[f"rows.csv:{first + 2}"] == ("wrong_type", "column 'value' holds 'inf', not a finite number")
    assert reasons[f"rows.csv:{first + 3}"][0] == "wrong_type"
    assert reasons[f"rows.csv:{first + 4}"] == ("unusable", "the series 'b' has 1 step, fewer than 5")
    assert reasons[f"rows.csv:{first + 5}"] == reasons[f"rows.csv:{first + 6}"]
    assert len(quarantine) == 6
    assert card["quarantine"] == {"unusable": 4, "wrong_type": 2}
    assert card["task"]["series"] == 2


def test_holes_are_told_and_never_scored(tmp_path: Path) -> None:
    lines = [text for day, text in enumerate(csv_lines(28 * 3)) if day not in (5, 6, 75)]
    card, _, folder = prepared(tmp_path, ["time,series,value", *lines], frequency="D", season=7)
    assert card["task"]["gaps"] >= 3  # the made months of 28 days leave a few more
    windows = read_split(folder, "test")
    assert any(None in row.values["value"] for row in windows)
    task = TASK.fit(read_split(folder, "train"), None)  # type: ignore[arg-type]
    truth = task.align([_flat(task, row) for row in windows], windows)["truth"]
    assert np.isnan(truth).sum() == sum(row.values["value"].count(None) for row in windows) > 0
    assert np.isfinite(list(task.score(task.align([_flat(task, row) for row in windows], windows)).values())).all()
    assert all(np.isfinite(task.encode(row).inputs["history"]).all() for row in windows)
    json.dumps([row.values for row in windows], allow_nan=False)


def _flat(task: Any, row: Row) -> Any:
    steps = len(row.values["value"])
    quantiles = {str(level): (float(level),) * steps for level in task.learned.quantiles}
    return TASK.prediction(row.id, None, ("",) * steps, (0.5,) * steps, quantiles)  # type: ignore[call-arg]


def test_holes_are_refused_where_the_project_says_so(tmp_path: Path) -> None:
    lines = [text for day, text in enumerate(csv_lines(28)) if day != 11]
    with pytest.raises(DataError, match="no value for 2024-01-12 of series 'a'") as caught:
        prepared(tmp_path, ["time,series,value", *lines], gaps="refuse")
    assert caught.value.where == "learn.gaps"
    assert "1 of 28 steps" in caught.value.came


def test_one_row_is_no_series(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="one moment only") as caught:
        prepared(tmp_path, ["time,series,value", "2024-01-01,a,1"])
    assert "several rows" in caught.value.expected
    assert "rows.csv:2" in caught.value.where
    with pytest.raises(DataError, match="each of the 2 series has one moment"):
        prepared(tmp_path, ["time,series,value", "2024-01-01,a,1", "2024-01-02,b,1"])


def test_a_period_shorter_than_the_horizon_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the validation period has 3 steps") as caught:
        prepared(tmp_path, ["time,series,value", *csv_lines(28)], horizon=6)
    assert caught.value.where == "data.split.validation"
    with pytest.raises(DataError, match="the train period has"):
        prepared(tmp_path, ["time,series,value", *csv_lines(28)], horizon=3, season=20, history=20)


def test_several_values_of_a_step_become_one_where_the_project_says_how() -> None:
    rows = [*line(20), record(3, 100.0), record(3.5, 7.0)]
    first = 10.0 + 3 + 0.3
    for how, expected in (("sum", first + 107), ("mean", (first + 107) / 3), ("last", 7.0)):
        learn = Forecasting(horizon=2, repeats=how, frequency="D")
        assert unusable(rows, learn) == {}
        assert collect(rows, learn, Grid("D"))[0].values[3] == pytest.approx(expected)
    with pytest.raises(DataError, match="3 rows have a value for 1970-01-04"):
        collect(rows, Forecasting(horizon=2), Grid("D"))


def test_series_are_kept_apart_and_holes_stay_holes() -> None:
    learn = Forecasting(horizon=2)
    found = collect([*line(12, "b", without=(4,)), *line(9, "a")], learn, Grid("D"))
    assert [(one.name, one.start, one.end, one.holes) for one in found] == [("a", 0, 9, 0), ("b", 0, 12, 1)]
    assert np.isnan(found[1].values[4])


def test_rows_far_from_all_others_are_no_series_of_holes() -> None:
    with pytest.raises(DataError, match="spread over") as caught:
        collect([*line(20), record(500_000, 1.0)], Forecasting(horizon=2), Grid("D"))
    assert caught.value.where == "learn.frequency"


def test_known_columns_are_numbers_in_every_row() -> None:
    rows = [record(day, 1.0 + day, plan="2" if day else None) for day in range(10)]
    with pytest.raises(DataError, match="'plan' holds None") as caught:
        collect(rows, Forecasting(horizon=2, known=("plan",)), Grid("D"))
    assert caught.value.where == "row row-0-1"
    with pytest.raises(DataError, match="no column 'rain'") as caught:
        collect(rows, Forecasting(horizon=2, known=("rain",)), Grid("D"))
    assert "plan" in caught.value.expected
    assert collect(rows[1:], Forecasting(horizon=2, known=("plan",)), Grid("D"))[0].known.tolist() == [[2.0]] * 9


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantiles": [0.5]},
        {"quantiles": [0.1, 0.5, 0.8, 0.9]},
        {"quantiles": [0.9, 0.5, 0.1]},
        {"frequency": "fortnight"},
        {"history": 1},
        {"history": 6, "season": 12},
        {"season": 0},
        {"known": ["a", "a"]},
        {"horizon": 0},
    ],
)
def test_settings_that_can_not_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)) if len(wrong) == 1 and "known" not in wrong else "season|column"):
        Forecasting.model_validate(wrong)


def test_weekends_lie_in_no_step_of_weekdays() -> None:
    rows = line(21)  # 1970-01-01 was a Thursday
    found = unusable(rows, Forecasting(horizon=2, frequency="B"))
    assert sorted(found) == [2, 3, 9, 10, 16, 17]
    assert set(found.values()) == {"the time lies in no step of frequency B"}
