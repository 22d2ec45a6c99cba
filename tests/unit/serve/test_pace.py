from __future__ import annotations

import random

import pytest

from modelwright.serve.pace import EXPLORE_EVERY, Pace


def _learn(pace: Pace, fixed_s: float, row_s: float, batches: int = 200) -> Pace:
    generator = random.Random(0)
    for _ in range(batches):
        rows = generator.randint(1, pace.next_size())
        pace.observe(rows, (fixed_s + row_s * rows) * generator.uniform(0.9, 1.1))
    return pace


def test_nothing_seen_allows_everything() -> None:
    assert Pace(32).next_size() == 32
    assert Pace(32).row_s is None


@pytest.mark.parametrize(
    ("fixed_s", "row_s", "low", "high"),
    [(0.010, 0.0001, 32, 32), (0.0, 0.010, 1, 6), (0.001, 0.001, 8, 18)],
    ids=["calls cost most", "rows cost most", "in between"],
)
def test_the_size_follows_what_a_call_and_a_row_cost(fixed_s: float, row_s: float, low: int, high: int) -> None:
    assert low <= _learn(Pace(32), fixed_s, row_s).size <= high


def test_one_size_only_leaves_the_last_answer_standing() -> None:
    pace = _learn(Pace(32), 0.0, 0.01)
    before = pace.size
    for _ in range(1000):
        pace.observe(1, 0.01)
    assert pace.size == before
    assert pace.row_s == pytest.approx(0.01, rel=0.01)


def test_it_looks_beyond_its_size_now_and_then_and_changes_its_mind() -> None:
    pace = _learn(Pace(32), 0.0, 0.01)
    assert max(pace.next_size() for _ in range(EXPLORE_EVERY)) == 2 * pace.size
    assert _learn(pace, 0.05, 0.0001, batches=400).size == 32
