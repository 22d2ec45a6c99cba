"""Windows look back, never forward: changed futures change no window, no scale and no answer before them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modelwright.base.errors import DataError, RequestError
from modelwright.base.nouns import Row
from modelwright.models import registry
from modelwright.spec.routes.ets import ETS
from modelwright.tasks.contract import get_task
from modelwright.tasks.series.settings import Forecasting
from modelwright.tasks.series.windows import KNOWN, interpolated, naive_error

TASK = get_task("time-series-forecasting")
DAY = 86_400.0
TRAIN, VALIDATION, END = 120, 150, 190


def records(seed: int = 0, holes: tuple[int, ...] = (), series: tuple[str, ...] = ("a", "b")) -> list[Row]:
    generator = np.random.default_rng(seed)
    found = []
    for number, name in enumerate(series):
        values = 50 * (number + 1) + 5 * np.sin(np.arange(END) * 2 * np.pi / 7) + np.cumsum(generator.normal(0, 1, END))
        found += [
            Row(f"{name}{day}", {"time": day * DAY, "value": float(values[day]), "series": name, "plan": float(day % 3)})
            for day in range(END)
            if day not in holes
        ]
    return found


def split(rows: list[Row]) -> dict[str, list[Row]]:
    bounds = {"train": (0, TRAIN), "validation": (TRAIN, VALIDATION), "test": (VALIDATION, END)}
    return {name: [row for row in rows if low <= row.values["time"] / DAY < high] for name, (low, high) in bounds.items()}


def arranged(rows: list[Row], **learn: Any) -> dict[str, list[Row]]:
    return TASK.arrange(split(rows), Forecasting.model_validate({"horizon": 5, **learn}))


def days(row: Row) -> tuple[int, int]:
    """First and last day that a window holds values of."""
    origin = round(row.values["time"] / DAY)
    return origin - len(row.values["history"]), origin + len(row.values["value"]) - 1


def test_windows_of_training_lie_in_the_training_period_and_later_ones_only_look_back() -> None:
    found = arranged(records())
    assert max(days(row)[1] for row in found["train"]) == TRAIN - 1
    for name, low, high in (("validation", TRAIN, VALIDATION), ("test", VALIDATION, END)):
        origins = [round(row.values["time"] / DAY) for row in found[name]]
        assert min(origins) == low
        assert max(days(row)[1] for row in found[name]) == high - 1
        assert sorted(set(origins)) == list(range(low, high - 4))
    values = {row.id: row.values["value"] for row in records()}
    for row in [row for rows in found.values() for row in rows]:
        first, last = days(row)
        whole = row.values["history"] + row.values["value"]
        assert list(whole) == [values[f"{row.values['series']}{day}"] for day in range(first, last + 1)]


def test_what_comes_later_changes_nothing_before_it() -> None:
    """Values from one day on are replaced: everything that was known before that day stays, to the last bit."""
    change = VALIDATION + 12
    changed = [
        Row(row.id, {**row.values, "value": 1e6 - row.values["value"]}) if row.values["time"] >= change * DAY else row
        for row in records()
    ]
    before, after = arranged(records()), arranged(changed)
    assert before["train"] == after["train"]
    assert before["validation"] == after["validation"]
    fitted = TASK.fit(before["train"], ETS())
    model = registry.fit(ETS(), fitted.sizes, fitted.encode_many(before["train"]), 0)
    compared = 0
    for old, new in zip(before["test"], after["test"], strict=True):
        if round(old.values["time"] / DAY) <= change:
            one, other = fitted.collate([fitted.encode(old)]), fitted.collate([fitted.encode(new)])
            for name in one.inputs:
                np.testing.assert_array_equal(one.inputs[name], other.inputs[name])
            assert fitted.decode(model.outputs(one.inputs), ["x"]) == fitted.decode(model.outputs(other.inputs), ["x"])
            assert old.values["scale"] == new.values["scale"]
            compared += 1
    assert compared == 2 * 13


def test_scales_are_of_the_training_part_of_each_series() -> None:
    found = arranged(records(), season=7)
    for name in ("a", "b"):
        values = np.array([row.values["value"] for row in records() if row.values["series"] == name])[:TRAIN]
        expected = np.abs(values[7:] - values[:-7]).mean()
        assert {row.values["scale"] for rows in found.values() for row in rows if row.values["series"] == name} == {expected}


def test_holes_are_filled_from_the_history_alone() -> None:
    hole = (VALIDATION + 9, VALIDATION + 10)
    found = arranged(records(holes=hole, series=("a",)))
    fitted = TASK.fit(found["train"], ETS())
    window = next(row for row in found["test"] if round(row.values["time"] / DAY) == VALIDATION + 11)
    assert window.values["history"][-2:] == (None, None)
    history = fitted.encode(window).inputs["history"]
    assert history[-1] == history[-2] == history[-3]  # carried forward: the value after the hole is not known yet
    later = next(row for row in found["test"] if round(row.values["time"] / DAY) == VALIDATION + 12)
    filled = fitted.encode(later).inputs["history"][-4:]
    np.testing.assert_allclose(np.diff(filled), np.diff(filled)[0], rtol=1e-3)
    asked = next(row for row in found["test"] if round(row.values["time"] / DAY) == VALIDATION + 8)
    assert asked.values["value"][1:3] == (None, None)


def test_seasons_are_taken_where_training_shows_them() -> None:
    assert {row.values["season"] for row in arranged(records())["train"]} == {7}
    generator = np.random.default_rng(3)
    walk = np.cumsum(generator.normal(0, 1, END))
    rows = [Row(f"{day}", {"time": day * DAY, "value": float(walk[day])}) for day in range(END)]
    assert {row.values["season"] for row in arranged(rows)["train"]} == {1}
    assert {row.values["season"] for row in arranged(rows, season=7)["train"]} == {7}


def test_strides_and_most_windows_spread_evenly() -> None:
    found = arranged(records(series=("a",)), stride=5)
    assert [round(row.values["time"] / DAY) for row in found["test"]] == list(range(VALIDATION, END - 4, 5))
    few = arranged(records(), windows=100)
    assert len(few["train"]) == 100
    assert {row.values["series"] for row in few["train"]} == {"a", "b"}


def test_known_columns_reach_to_the_end_of_the_forecast() -> None:
    found = arranged(records(), known=["plan"])
    row = found["test"][3]
    first, last = days(row)
    assert list(row.values[KNOWN + "plan"]) == [float(day % 3) for day in range(first, last + 1)]
    fitted = TASK.fit(found["train"], ETS())
    inputs = fitted.encode(row).inputs
    assert inputs["covariates"].shape == (fitted.sizes["history"] + 5, fitted.sizes["features"])
    short = Row(row.id, {**row.values, KNOWN + "plan": row.values[KNOWN + "plan"][:-1]})
    with pytest.raises(RequestError, match="'plan' has") as caught:
        fitted.encode(short)
    assert "history and horizon" in caught.value.expected


def test_splits_that_overlap_in_time_are_refused() -> None:
    parts = split(records())
    mixed = {"train": [*parts["train"], parts["test"][0]], "validation": parts["validation"], "test": parts["test"][1:]}
    with pytest.raises(DataError, match="validation split begins before the train split ends") as caught:
        TASK.arrange(mixed, Forecasting(horizon=5))
    assert caught.value.where == "data.split.by"


def test_a_young_series_is_asked_with_what_it_has() -> None:
    young = [row for row in records() if row.values["series"] == "a" or row.values["time"] >= (TRAIN - 20) * DAY]
    found = arranged(young)
    assert all(len(row.values["history"]) >= 7 for rows in found.values() for row in rows)
    fitted = TASK.fit(found["train"], ETS())
    shortest = min((row for row in found["validation"]), key=lambda row: len(row.values["history"]))
    inputs = fitted.encode(shortest).inputs
    missing = fitted.sizes["history"] - len(shortest.values["history"])
    assert missing > 0
    assert inputs["seen"].tolist() == [0.0] * missing + [1.0] * (fitted.sizes["history"] - missing)
    np.testing.assert_array_equal(inputs["history"][:missing][-7:], inputs["history"][missing : missing + 7][-missing:][-7:])


def test_a_constant_series_has_no_scale_and_does_not_count() -> None:
    still = [Row(f"s{day}", {"time": day * DAY, "value": 4.0, "series": "still"}) for day in range(END)]
    found = arranged([*records(series=("a",)), *still], season=7)
    assert {row.values["scale"] for row in found["test"] if row.values["series"] == "still"} == {None}
    fitted = TASK.fit(found["train"], ETS())
    model = registry.fit(ETS(), fitted.sizes, fitted.encode_many(found["train"]), 0)
    test = found["test"]
    answers = fitted.decode(model.outputs(fitted.collate(fitted.encode_many(test)).inputs), [row.id for row in test])
    both = fitted.score(fitted.align(answers, test))
    moving = [at for at, row in enumerate(test) if row.values["series"] == "a"]
    alone = fitted.score(fitted.align([answers[at] for at in moving], [test[at] for at in moving]))
    assert both["mase"] == pytest.approx(alone["mase"])
    assert max(answers[at].values[0] for at in range(len(test)) if at not in moving) == pytest.approx(4.0, abs=0.05)  # type: ignore[attr-defined]


def test_lines_between_neighbours_and_the_error_of_the_naive() -> None:
    nan = float("nan")
    np.testing.assert_array_equal(interpolated(np.array([nan, 1, nan, 3, nan])), [1, 1, 2, 3, 3])
    assert naive_error(np.array([1.0, 5, 3, 4]), 2) == 1.5
    assert naive_error(np.array([1.0, nan, 3, nan]), 1) is None
    assert naive_error(np.array([2.0, 2, 2]), 1) is None
