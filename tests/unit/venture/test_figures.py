"""The algebra of figures: the weakest basis wins, intervals hold every corner."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.venture.figures import STRENGTH, Figure, derive, weakest

BASES = st.sampled_from(STRENGTH)


@given(st.lists(BASES, min_size=1))
def test_a_computation_is_as_weak_as_its_weakest_input_and_never_measured(bases):
    result = weakest(*bases)
    assert result != "measured"
    assert all(STRENGTH.index(result) >= STRENGTH.index(basis) for basis in bases)
    assert result in {*bases, "estimated"}


@given(st.floats(0.1, 1e6), st.floats(0.1, 1e6), st.floats(0, 0.9), st.floats(0, 0.9))
def test_an_interval_holds_every_combination_of_its_inputs(first, second, one, two):
    left = Figure(first, "s", "measured", first * (1 - one), first * (1 + one))
    right = Figure(second, "1", "assumed", second * (1 - two), None)
    ratio = derive(lambda a, b: a / b, left, right, unit="s")
    assert ratio.low is not None and ratio.high is not None
    for a in (left.low, first, left.high):
        for b in (right.low, second):
            assert ratio.low <= a / b * (1 + 1e-12) and a / b <= ratio.high * (1 + 1e-12)
    assert ratio.basis == "assumed"


def test_exact_inputs_give_no_interval_and_notes_are_kept_once():
    one = Figure(2.0, "s", "measured", note="clock", source="a")
    both = derive(lambda a, b: a + b, one, one, unit="s", note="sum")
    assert (both.value, both.low, both.high) == (4.0, None, None)
    assert both.note == "sum; clock" and both.source == "a"


@pytest.mark.parametrize("value, low, high", [(float("nan"), None, None), (float("inf"), None, None), (1, 2, 3), (1, 0, 0.5)])
def test_what_is_no_figure_is_refused(value, low, high):
    with pytest.raises(ValueError):
        Figure(value, "1", "measured", low, high)
