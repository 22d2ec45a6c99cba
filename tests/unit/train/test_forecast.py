"""Forecasts beside what then happens, on a clock that tests turn and on the real one."""

from __future__ import annotations

import pytest
import torch
from tests.unit.train.conftest import TASK, small

from modelwright.base.console import Console
from modelwright.tasks.contract import get_task
from modelwright.train.forecast import forecast_route
from modelwright.train.route import Limits

KEYS = {
    "seconds",
    "seconds_low",
    "seconds_high",
    "peak_memory_bytes",
    "steps",
    "samples_per_second",
    "precision",
    "precision_reason",
    "compile",
    "notes",
}


def forecast(rows, route, limits=Limits(), **settings):  # noqa: B008
    given = {"checkpoint": None, "seed": 0, "console": Console(quiet=True)}
    return forecast_route(get_task(TASK), route, *rows, limits=limits, **{**given, **settings})


@pytest.mark.parametrize("name", ["encoder", "bilstm", "tfidf-linear"])
def test_a_forecast_says_everything_and_changes_nothing(name, rows):
    state = torch.get_rng_state()
    found = forecast(rows, small(name))
    assert torch.equal(torch.get_rng_state(), state)
    assert set(found) == KEYS
    assert 0 < found["seconds_low"] < found["seconds"] < found["seconds_high"]
    assert found["peak_memory_bytes"] > 50e6
    assert found["steps"] == (1 if name == "tfidf-linear" else 36)


def test_it_is_near_what_then_happens(rows, train):
    """Wide bounds: test machines are busy. The benchmark of the demo's routes holds the narrow ones."""
    route = small(epochs=30, patience=0)
    predicted = forecast(rows, route)
    actual = train(route)
    assert predicted["steps"] == actual["steps"]
    assert actual["seconds"] / 4 < predicted["seconds"] < actual["seconds"] * 4


def test_the_budget_in_steps_is_counted(rows):
    few, many = forecast(rows, small(epochs=500), Limits(steps=20)), forecast(rows, small(epochs=500))
    assert (few["steps"], many["steps"]) == (20, 6000)
    assert few["seconds"] < many["seconds"] / 10
    assert any("20 steps" in note for note in few["notes"])


def test_the_budget_in_seconds_bounds_it(rows):
    found = forecast(rows, small(epochs=100_000), Limits(seconds=30.0))
    assert found["seconds"] == pytest.approx(29.1) and found["seconds_high"] == 30.0
    assert 1 < found["steps"] < 1_200_000
    assert any("30 s" in note for note in found["notes"])


def test_early_stopping_is_the_low_end(rows):
    patient, hasty = (forecast(rows, small(epochs=100, patience=patience)) for patience in (0, 1))
    assert hasty["seconds_low"] < hasty["seconds"] / 5
    assert patient["seconds_low"] > patient["seconds"] / 2
    assert any("early stopping" in note for note in hasty["notes"])


def test_a_full_batch_is_forecast_by_its_parts(rows):
    """One step an epoch, which takes as long as the parts that it is computed in."""
    whole = forecast(rows, small(batch_size="full", epochs=20, patience=0, rows_at_once=8))
    small_steps = forecast(rows, small(batch_size=8, epochs=20, patience=0))
    assert (whole["steps"], small_steps["steps"]) == (20, 240)
    assert small_steps["seconds"] / 3 < whole["seconds"] < small_steps["seconds"] * 3


def test_a_wanted_loss_may_end_it_after_one_epoch(rows):
    found = forecast(rows, small(epochs=100, patience=0, stop_at_loss=0.1))
    assert found["seconds_low"] < found["seconds"] / 5
    assert "the low end is early stopping after epoch 1, the soonest possible" in found["notes"]
