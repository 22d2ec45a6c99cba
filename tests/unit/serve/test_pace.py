from __future__ import annotations

import random

import pytest

from modelwright.serve.pace import LOOK_EVERY, START, Choice, Pace


def _learn(pace: Pace, fixed_s: float, row_s: float, batches: int = 300, noise: float = 0.1) -> Pace:
    """Batches of a model whose call costs `fixed_s` and whose row costs `row_s`, under a backlog."""
    generator = random.Random(0)
    for _ in range(batches):
        rows = pace.next_size()
        pace.observe(rows, (fixed_s + row_s * rows) * generator.uniform(1 - noise, 1 + noise))
    return pace


def test_nothing_seen_starts_small() -> None:
    assert Pace(32).next_size() == START
    assert Pace(32).row_s is None


@pytest.mark.parametrize(
    ("fixed_s", "row_s", "low", "high"),
    [(0.010, 0.0001, 32, 32), (0.0, 0.010, 1, 2), (0.001, 0.001, 4, 16), (0.5, 0.2, 4, 16)],
    ids=["calls cost most", "rows cost most", "as much", "everything is slow"],
)
def test_the_size_follows_what_a_call_and_a_row_cost(fixed_s: float, row_s: float, low: int, high: int) -> None:
    assert low <= _learn(Pace(32), fixed_s, row_s).size <= high


def test_rows_that_get_dearer_together_are_computed_alone() -> None:
    pace = Pace(32)
    for _ in range(300):
        rows = pace.next_size()
        pace.observe(rows, 0.01 * rows**1.2)
    assert pace.size == 1


@pytest.mark.parametrize("max_batch", [1, 2, 3, 5, 32, 100])
def test_the_limit_is_never_exceeded_and_can_be_reached(max_batch: int) -> None:
    pace = Pace(max_batch)
    sizes = []
    for _ in range(200):
        sizes.append(pace.next_size())
        pace.observe(sizes[-1], 1.0)  # only calls cost
    assert max(sizes) == pace.size == max_batch
    assert min(sizes) >= 1


def test_light_traffic_does_not_unlearn_what_a_backlog_taught() -> None:
    pace = _learn(Pace(32), 0.010, 0.0001)
    for _ in range(1000):
        pace.observe(1, 0.0101)
    assert pace.size == 32
    assert pace.row_s == pytest.approx(0.0101, rel=0.01)


def test_it_looks_to_both_sides_and_changes_its_mind() -> None:
    pace = _learn(Pace(32), 0.001, 0.001)
    sizes = [pace.next_size() for _ in range(LOOK_EVERY)]
    assert min(sizes) < pace.size < max(sizes)
    assert _learn(pace, 0.0, 0.01).size <= 2


def _choose(choice: Choice, rows: int, all_s: float, one_s: float) -> list[bool]:
    found = []
    for _ in range(rows):
        found.append(choice.all_threads())
        choice.observe(found[-1], all_s if found[-1] else one_s)
    return found


def test_a_row_alone_is_computed_the_faster_way_and_the_other_is_looked_at_now_and_then() -> None:
    choice = Choice()
    found = _choose(choice, 200, all_s=0.008, one_s=0.013)
    assert found[0] is True and 0.9 < sum(found) / len(found) < 1.0
    found = _choose(choice, 400, all_s=0.030, one_s=0.014)  # another program took the cores
    assert 0.0 < sum(found[100:]) / 300 < 0.1
    found = _choose(choice, 400, all_s=0.008, one_s=0.013)  # and gave them back
    assert 0.9 < sum(found[300:]) / 100 < 1.0


def test_sizes_are_compared_by_processor_time_where_it_is_known() -> None:
    pace = Pace(32)
    for batch in range(200):
        rows = pace.next_size()
        busy = 5 if rows == 1 and batch < 100 else 1  # others took the core while rows were computed alone
        pace.observe(rows, 0.01 * rows * busy, 0.01 * rows)
    assert pace.size == 1
    assert pace.row_s == pytest.approx(0.01, rel=0.2)
