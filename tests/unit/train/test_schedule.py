"""Schedules against their formulas, and what all of them promise."""

from __future__ import annotations

import itertools
import math
from typing import get_args

import pytest

from modelwright.spec.routes.route import GradientRoute
from modelwright.spec.routes.route import Schedule as Kind
from modelwright.train.schedule import Schedule

KINDS = get_args(Kind)


def rates(total: int = 200, **settings) -> list[float]:
    schedule = Schedule.of(GradientRoute(**settings))
    return [schedule.share(step, total) for step in range(total)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_rate_rises_to_its_peak_and_then_never_rises(kind):
    found = rates(schedule=kind)
    if kind != "one-cycle":
        assert found[:20] == pytest.approx([(step + 1) / 20 for step in range(20)])
    assert all(later > earlier for earlier, later in itertools.pairwise(found[:20]))
    assert all(later <= earlier for earlier, later in itertools.pairwise(found[20:]))
    assert max(found) <= 1.0 and max(found) == pytest.approx(1.0, abs=0.15) and min(found) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_without_warmup_and_in_a_single_step_there_is_a_rate(kind):
    assert rates(10, schedule=kind, warmup=0.0)[0] == 1.0
    assert 0 < rates(1, schedule=kind)[0] <= 1.0


EXPECTED = {
    "constant": {20: 1.0, 110: 1.0, 199: 1.0},
    "linear": {20: 1.0, 110: 0.5, 191: 0.05},
    "cosine": {20: 1.0, 110: 0.5, 155: 0.5 * (1 + math.cos(0.75 * math.pi))},
    "warmup-stable-decay": {20: 1.0, 160: 1.0, 170: 1 - math.sqrt(0.25), 190: 1 - math.sqrt(0.75)},
    "step": {59: 1.0, 60: 0.1, 119: 0.1, 120: 0.01, 199: 0.001},
    "exponential": {20: 1.0, 80: 0.1, 110: 10**-1.5},
    "inverse-sqrt": {20: math.sqrt(20 / 21), 79: 0.5, 179: 1 / 3},
    "one-cycle": {9: (1 + 1 / 25) / 2, 19: 1.0, 110: 0.5},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_schedule_is_its_formula(kind):
    found = rates(schedule=kind)
    for step, expected in EXPECTED[kind].items():
        assert found[step] == pytest.approx(expected, rel=1e-9), step


@pytest.mark.parametrize("kind", ["linear", "cosine", "warmup-stable-decay", "one-cycle"])
def test_the_floor_holds_the_rate(kind):
    assert rates(schedule=kind)[-1] < 0.06
    held = rates(schedule=kind, rate_floor=0.3)
    assert held[-1] == 0.3 and max(held) == 1.0


def test_drops_come_when_and_as_large_as_asked():
    found = rates(100, schedule="step", warmup=0.0, drop_every=0.5, drop_factor=0.2)
    assert found == pytest.approx([1.0] * 50 + [0.2] * 50)


def test_a_plan_that_changes_bends_the_rate():
    schedule = Schedule()
    assert schedule.share(50, 100) < schedule.share(50, 200)
    assert schedule.share(99, 90) == 1e-3, "past the end it stays at the floor"
