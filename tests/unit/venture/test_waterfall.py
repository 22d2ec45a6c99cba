"""Who gets what at a sale."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.base.errors import SpecError
from modelwright.venture.waterfall import Preferred, distribute


@pytest.mark.parametrize(
    "proceeds, plain, participating", [(3, 3, 3), (10, 5, 6.25), (20, 5, 8.75), (40, 10, 13.75), (100, 25, 28.75)]
)
def test_worked_case_five_million_for_a_quarter(proceeds, plain, participating):
    simple = [Preferred("A", 25, 5)]
    sharing = [Preferred("A", 25, 5, participating=True)]
    assert distribute(proceeds, 75, simple)["A"] == Fraction(plain)
    assert distribute(proceeds, 75, sharing)["A"] == Fraction(participating)


def test_a_participation_cap_stops_and_then_gives_way_to_conversion():
    capped = [Preferred("A", 25, 5, participating=True, most=2)]
    assert distribute(10, 75, capped)["A"] == Fraction("6.25")
    assert distribute(30, 75, capped)["A"] == 10
    assert distribute(100, 75, capped)["A"] == 25


def test_ranks_are_paid_in_order_and_equals_in_proportion():
    classes = [Preferred("A", 10, 4, rank=0), Preferred("B", 10, 6, rank=1), Preferred("C", 10, 2, rank=0)]
    paid = distribute(9, 70, classes)
    assert paid == {"common": 0, "A": 2, "B": 6, "C": 1}
    double = distribute(10, 70, [Preferred("A", 30, 4, multiple=2)])
    assert double == {"common": 2, "A": 8}


CLASSES = st.lists(
    st.builds(
        dict,
        shares=st.integers(1, 100),
        invested=st.integers(0, 50),
        multiple=st.sampled_from([1, 1, "1.5", 2]),
        participating=st.booleans(),
        most=st.one_of(st.none(), st.integers(1, 4)),
        rank=st.integers(0, 2),
    ),
    max_size=4,
)


@settings(max_examples=200, deadline=None)
@given(st.fractions(0, 500, max_denominator=100), st.integers(1, 200), CLASSES)
def test_totals_are_conserved_and_nobody_pays(proceeds, common, drawn):
    classes = [Preferred(f"class {number}", **item) for number, item in enumerate(drawn)]
    paid = distribute(proceeds, common, classes)
    assert sum(paid.values()) == proceeds
    assert min(paid.values()) >= 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 300), st.integers(1, 100), CLASSES)
def test_common_never_loses_by_a_better_exit(proceeds, more, drawn):
    classes = [Preferred(f"class {number}", **item) for number, item in enumerate(drawn)]
    assert distribute(proceeds + more, 100, classes)["common"] >= distribute(proceeds, 100, classes)["common"]


@given(st.integers(1, 500), st.integers(2, 50))
def test_payouts_scale_with_money(proceeds, factor):
    one = distribute(proceeds, 75, [Preferred("A", 25, 5)])
    many = distribute(proceeds * factor, 75, [Preferred("A", 25, 5 * factor)])
    assert many == {name: amount * factor for name, amount in one.items()}


def test_what_makes_no_sense_is_refused():
    for proceeds, common, classes in ((-1, 10, []), (1, 0, []), (1, 10, [Preferred("A", 1, 1), Preferred("A", 1, 1)])):
        with pytest.raises(SpecError, match="common shares"):
            distribute(proceeds, common, classes)
