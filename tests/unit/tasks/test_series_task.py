"""Forecasts: figures against their definitions, intervals against coverage, requests against their four-part refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modelwright.base.errors import DataError, RequestError
from modelwright.base.nouns import Row
from modelwright.spec.routes.seasonal_naive import SeasonalNaive
from modelwright.tasks.contract import get_task
from modelwright.tasks.measures import forecasting as measures
from modelwright.tasks.series import intervals
from modelwright.tasks.series.settings import Forecasting

TASK = get_task("time-series-forecasting")
LEVELS = (0.1, 0.5, 0.9)


def fitted(kind: str = "one-series", **learn: Any) -> Any:
    return TASK.fit(TASK.exam_rows(0, kind), SeasonalNaive(), learn=Forecasting.model_validate(learn))


def test_figures_by_hand() -> None:
    truth = np.array([[10.0, 20.0], [30.0, np.nan]])
    quantiles = np.array([[[8.0, 11.0, 13.0], [10.0, 16.0, 19.0]], [[20.0, 30.0, 40.0], [0.0, 0.0, 0.0]]])
    found = fitted().score({"truth": truth, "quantiles": quantiles, "scale": np.array([2.0, 4.0])})
    assert found["mase"] == pytest.approx((1 / 2 + 4 / 2 + 0) / 3)
    assert found["mae"] == pytest.approx((1 + 4 + 0) / 3)
    assert found["rmse"] == pytest.approx(np.sqrt((1 + 16 + 0) / 3))
    assert found["smape"] == pytest.approx((200 / 21 + 800 / 36 + 0) / 3)
    assert found["coverage-80"] == pytest.approx(2 / 3)
    assert found["width-80"] == pytest.approx((5 + 9 + 20 + 0) / 4)
    by_hand = [
        (0.1 * 2 + 0.5 * 1 + 0.1 * 3) / 3 / 2,
        (0.1 * 10 + 0.5 * 4 + 0.9 * 1) / 3 / 2,
        (0.1 * 10 + 0 + 0.1 * 10) / 3 / 4,
    ]
    assert found["pinball"] == pytest.approx(np.mean(by_hand))


def test_the_naive_forecast_is_the_chance_it_is_measured_by() -> None:
    task, rows = fitted(), TASK.exam_rows(2)
    history = [row.values["history"] for row in rows]
    naive = np.array([[one[-12 + step] for step in range(4)] for one in history])
    truth = np.array([row.values["value"] for row in rows])
    scale = np.array([row.values["scale"] for row in rows])
    assert task.chance(rows) == pytest.approx(measures.scaled_errors(truth, naive, scale).mean())


def test_zero_and_zero_are_no_symmetric_error() -> None:
    found = measures.symmetric_errors(np.array([0.0, 1.0, np.nan]), np.array([0.0, -1.0, 1.0]))
    np.testing.assert_array_equal(found, [0, 200, np.nan])


@pytest.mark.parametrize("too", [0.4, 2.5])
def test_stretched_intervals_hold_on_new_windows(too: float) -> None:
    """Stated widths are `too` wide or narrow; what is learned on some windows holds on others of the same kind."""
    generator = np.random.default_rng(0)
    spread = np.linspace(1, 3, 6)
    quantiles = np.zeros((4000, 6, 3)) + too * 1.2816 * np.array([-1.0, 0, 1]) * spread[:, None]
    truth = generator.normal(0, spread, (4000, 6))
    factors = intervals.stretch(truth[:2000], quantiles[:2000], LEVELS, windows=2000)
    assert (factors[:, 1] == 1).all()
    found = quantiles[2000:] * factors
    held = measures.inside(truth[2000:], found[..., 0], found[..., 2]).mean(0)
    np.testing.assert_allclose(held, 0.8, atol=0.04)


def test_few_windows_stretch_little_and_narrow_even_less() -> None:
    quantiles = np.zeros((6, 3, 3)) + np.array([-1.0, 0, 1])
    wide, narrow = np.full((6, 3), 3.0), np.full((6, 3), 0.2)
    wider = intervals.stretch(wide, quantiles, LEVELS, windows=2)[0, 2]
    narrower = intervals.stretch(narrow, quantiles, LEVELS, windows=2)[0, 2]
    assert 1.5 < wider < 3
    assert 0.7 < narrower < 1
    unknown = intervals.stretch(np.full((2, 3), np.nan), quantiles[:2], LEVELS, windows=2)
    assert (unknown == 1).all()


def test_watching_stretches_what_is_decoded_and_is_kept(tmp_path: Any) -> None:
    task, rows = fitted(), TASK.exam_rows(1)
    outputs = {
        "quantiles": np.tile(np.array([-0.01, 0, 0.01], np.float32), (len(rows), 4, 1)),
        "window": task.collate(task.encode_many(rows)).inputs["context"],
    }
    before = task.decode(outputs, [row.id for row in rows])
    task.watch(before, rows)
    after = task.decode(outputs, [row.id for row in rows])
    figures = [task.score(task.align(answers, rows)) for answers in (before, after)]
    assert figures[0]["mase"] == figures[1]["mase"]
    assert figures[1]["coverage-80"] > figures[0]["coverage-80"]
    task.save(tmp_path)
    assert TASK.load(tmp_path).decode(outputs, [row.id for row in rows]) == after


def test_logarithms_where_swings_grow_with_the_level() -> None:
    at = np.arange(160.0)
    values = np.exp(0.02 * at) * (100 + 12 * np.sin(2 * np.pi * at / 12))
    rows = []
    for row in TASK.exam_rows(0):
        origin = row.values["time"]
        number = TASK.exam_rows(0).index(row) if not rows else len(rows)
        history, value = values[number : number + 24], values[number + 24 : number + 28]
        rows.append(Row(row.id, {**row.values, "history": tuple(history), "value": tuple(value), "time": origin}))
    grown = TASK.fit(rows, SeasonalNaive())
    assert grown.learned.log  # type: ignore[attr-defined]
    assert not fitted().learned.log
    example = grown.encode(rows[5])
    scaled = grown.learned.scale(rows[5])  # type: ignore[attr-defined]
    back = np.exp(scaled.center + scaled.spread * np.asarray(example.target, np.float64))
    np.testing.assert_allclose(back, rows[5].values["value"], rtol=1e-5)
    below_zero = Row("b", {**rows[5].values, "history": (*rows[5].values["history"][:-1], -3.0)})
    assert np.isfinite(grown.encode(below_zero).inputs["history"]).all()  # a day without sales is no error
    with pytest.raises(DataError, match="smallest training value is -1"):
        TASK.fit(
            [Row("n", {**row.values, "value": (-1.0,) * 4}) for row in rows], SeasonalNaive(), learn=Forecasting(transform="log")
        )


def test_large_numbers_keep_their_cents() -> None:
    """A price of eight digits that moves by cents comes back to the cent, though graphs compute in 32 bits."""
    rows = [
        Row(
            row.id,
            {
                **row.values,
                **{name: tuple(81_234_567.25 + 0.01 * one for one in row.values[name]) for name in ("history", "value")},
            },
        )
        for row in TASK.exam_rows(0)
    ]
    task = TASK.fit(rows, SeasonalNaive(), learn=Forecasting(transform="none"))
    examples = task.encode_many(rows)
    outputs = {
        "quantiles": np.stack([np.asarray(one.target) for one in examples])[..., None].repeat(3, -1),
        "window": task.collate(examples).inputs["context"],
    }
    for answer, row in zip(task.decode(outputs, [row.id for row in rows]), rows, strict=True):
        np.testing.assert_allclose(answer.values, row.values["value"], atol=5e-3)  # type: ignore[attr-defined]


def test_points_and_values_with_a_start_are_one_request() -> None:
    task = fitted("several-series")
    points = [{"time": f"2024-02-{day:02d}", "value": float(day)} for day in range(1, 22) if day != 9]
    values = [None if day == 9 else float(day) for day in range(1, 22)]
    known = {"plan": [1.0] * 25}
    one = task.read_request({"history": points[::-1], "known": known, "series": "north"}, "0")
    other = task.read_request({"start": "2024-02-01", "history": values, "known": known, "series": "north"}, "0")
    assert one == other
    inputs = task.encode(one).inputs
    assert inputs["series"] == 0
    assert task.encode(task.read_request({"start": "2024-02-01", "history": values, "known": known}, "0")).inputs["series"] == 3


def test_answers_name_their_times_and_stop_where_asked() -> None:
    task = fitted()
    row = task.read_request({"start": "2023-01-01", "history": [float(one) for one in range(24)], "horizon": 2}, "0")
    outputs = {"quantiles": np.zeros((1, 4, 3), np.float32), "window": task.collate([task.encode(row)]).inputs["context"]}
    answer = task.decode(outputs, ["0"])[0]
    assert answer.times == ("2025-01", "2025-02")
    assert len(answer.values) == len(answer.quantiles["0.9"]) == 2
    assert answer.series is None


@pytest.mark.parametrize(
    ("request_", "came", "where"),
    [
        ({"start": "2024-01-01", "history": [1.0] * 5}, "the history has 5 values", "row 7"),
        ({"start": "2024-01-01", "history": [1.0, float("nan")] * 20}, "history", "7"),
        ({"start": "2024-01-01", "history": [None] * 30}, "the history has 0 values", "row 7"),
        (
            {"history": [{"time": "2024-01-01", "value": 1.0}, {"time": "2024-01-20", "value": 2.0}]},
            "a second value for 2024-01",
            "7 history[1]",
        ),
        ({"history": [1.0] * 30}, "there is no start", "7 start"),
        ({"start": "tomorrow", "history": [1.0] * 30}, "'tomorrow' is no time", "7 start"),
        ({"start": "2024-01-01", "history": [1.0] * 30, "horizon": 5}, "horizon is 5", "7 horizon"),
        ({"start": "2024-01-01", "history": [1.0] * 30, "known": {"x": [1.0]}}, "the column 'x' is not one", "7 known"),
    ],
)
def test_refusals_say_what_came_and_where(request_: Any, came: str, where: str) -> None:
    with pytest.raises(RequestError) as caught:
        fitted().read_request(request_, "7")
    assert came in caught.value.came
    assert caught.value.where == where
    assert caught.value.expected
    assert caught.value.remedy


def test_holes_in_requests_are_refused_where_training_refused_them() -> None:
    request_ = {"start": "2023-01-01", "history": [*[1.0 + one for one in range(20)], None, 2.0]}
    assert fitted().read_request(request_, "7").values["history"][20] is None
    with pytest.raises(RequestError, match="no value for 2024-09"):
        fitted(gaps="refuse").read_request(request_, "7")


@pytest.mark.parametrize("kind", TASK.exam_kinds)
def test_a_fitted_task_gives_an_example_that_it_answers(kind: str) -> None:
    task = fitted(kind)
    (example,) = task.request.model_json_schema()["examples"]
    row = task.read_request(task.request.model_validate(example, strict=True), "0")
    assert len(row.values["history"]) == task.sizes["history"]
    assert np.isfinite(task.encode(row).inputs["history"]).all()
    assert set(task.request.model_fields) == set(TASK.request.model_fields)


def test_numbered_steps_need_no_start() -> None:
    rows = [Row(row.id, {**row.values, "frequency": "N", "time": float(at)}) for at, row in enumerate(TASK.exam_rows(0))]
    task = TASK.fit(rows, SeasonalNaive())
    (example,) = task.request.model_json_schema()["examples"]
    row = task.read_request(example, "0")
    assert row.values["time"] == task.sizes["history"]
    assert TASK.request_of(row)["start"] == 0.0
