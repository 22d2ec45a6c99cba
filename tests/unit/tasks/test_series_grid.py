"""Steps of series: periods, their beginnings, and what frequency rows have."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from modelwright.base.moments import moment
from modelwright.tasks.series.grid import Grid, infer


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("name", "inside", "begins", "following"),
    [
        ("D", "2024-02-28T13:45", "2024-02-28", "2024-02-29"),
        ("H", "2024-02-28T13:45", "2024-02-28T13:00", "2024-02-28T14:00"),
        ("15min", "2024-02-28T13:52", "2024-02-28T13:45", "2024-02-28T14:00"),
        ("30s", "2024-02-28T13:52:44", "2024-02-28T13:52:30", "2024-02-28T13:53:00"),
        ("W-MON", "2024-02-28T13:45", "2024-02-26", "2024-03-04"),
        ("W-SUN", "2024-02-28", "2024-02-25", "2024-03-03"),
        ("B", "2024-03-01T09:00", "2024-03-01", "2024-03-04"),
        ("M", "2024-02-28", "2024-02-01", "2024-03-01"),
        ("Q", "2024-02-28", "2024-01-01", "2024-04-01"),
        ("Y", "1969-02-28", "1969-01-01", "1970-01-01"),
    ],
)
def test_a_moment_lies_in_a_period_that_begins_and_has_a_next(name: str, inside: str, begins: str, following: str) -> None:
    grid = Grid(name)
    position = grid.position(at(inside))
    assert grid.moment(position) == at(begins)
    assert grid.moment(position + 1) == at(following)
    assert grid.position(grid.moment(position)) == position
    assert moment(grid.label(position)) == at(begins)


def test_weekends_lie_in_no_weekday() -> None:
    moments = np.array([at("2024-03-01"), at("2024-03-02"), at("2024-03-03"), at("2024-03-04"), 1e300])
    assert Grid("B").holds(moments).tolist() == [True, False, False, True, False]


def test_numbers_have_no_calendar() -> None:
    grid = Grid("N")
    assert (grid.position(17.0), grid.moment(17), grid.label(17)) == (17, 17.0, "17")
    assert grid.calendar(np.arange(5)).shape == (5, 0)


@pytest.mark.parametrize("name", ["", "fortnight", "0D", "W-XYZ", "m", "1.5H"])
def test_other_names_are_no_frequencies(name: str) -> None:
    with pytest.raises(ValueError, match="no frequency"):
        Grid(name)


@pytest.mark.parametrize("name", ["D", "H", "15min", "W-WED", "B", "M", "Q", "Y", "N", "6H", "3D"])
def test_the_frequency_of_rows_is_found_with_holes_and_in_any_order(name: str) -> None:
    grid, generator = Grid(name), np.random.default_rng(0)
    positions = np.setdiff1d(np.arange(1200, 1300), [1217, 1218, 1255])
    found = infer([grid.moments(generator.permutation(positions)), np.array([grid.moment(1250)])])
    assert found == grid


def test_one_moment_has_no_frequency() -> None:
    assert infer([np.array([5.0])]) is None
    assert infer([np.array([5.0, 5.0]), np.array([7.0])]) is None
    assert infer([]) is None


def test_the_calendar_repeats_with_the_week() -> None:
    grid = Grid("D")
    first, week_later = grid.calendar(np.array([19_000, 19_007]))
    np.testing.assert_allclose(first[:2], week_later[:2], atol=1e-9)
    assert not np.allclose(first[2:], week_later[2:])


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("2024-03", "2024-03-01"),
        ("2024-Q2", "2024-04-01"),
        ("2024Q4", "2024-10-01"),
        ("2010/01/02 03:00", "2010-01-02T03:00"),
        ("2012/1/5", "2012-01-05"),
    ],
)
def test_months_quarters_and_slashes_are_moments(text: str, means: str) -> None:
    assert moment(text) == at(means)


@pytest.mark.parametrize("text", ["3/4/2024", "soon", "2024-13", "2024-Q5", "", "2024/31/01"])
def test_nobody_guesses_what_a_date_means(text: str) -> None:
    assert moment(text) is None
