"""The copula: inputs move together as stated, and each keeps its own law."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from modelwright.base.errors import SpecError
from modelwright.venture.correlation import copula, normal_shares, spearman
from modelwright.venture.draws import draw, rate, size
from modelwright.venture.sobol import points

INPUTS = {
    "growth": rate("venture.customers.growth", 0.12, 0.04, "assumed"),
    "churn": rate("venture.customers.churn", 0.04, 0.02, "assumed", 1.0),
    "cost": size("rehearse/cost-per-1000", 0.05, 0.01, "measured"),
    "price": size("venture.price.plan", 49, 0, "assumed"),
}
GROWTH, CHURN, COST = "venture.customers.growth", "venture.customers.churn", "rehearse/cost-per-1000"


def test_normal_shares_against_scipy():
    scores = np.linspace(-8, 8, 20001)
    assert np.abs(normal_shares(scores) - stats.norm.cdf(scores)).max() < 1e-9


@settings(max_examples=20, deadline=None)
@given(wanted=st.floats(-0.9, 0.9), seed=st.integers(0, 9))
def test_ranks_are_correlated_as_stated_and_laws_are_kept(wanted, seed):
    tied = copula([(GROWTH, CHURN, wanted)], INPUTS)
    even = dict(zip(("growth", "churn", "cost"), points(4096, 3, np.random.default_rng(seed)), strict=True))
    mixed = tied.tie(even)
    assert spearman(mixed["growth"], mixed["churn"]) == pytest.approx(wanted, abs=0.03)
    assert mixed["cost"] is even["cost"] and mixed["growth"] is not None
    for values in mixed.values():
        ordered, uniform = np.sort(values), (np.arange(4096) + 0.5) / 4096
        assert ordered[0] > 0 and ordered[-1] < 1 and np.abs(ordered - uniform).max() < 0.03
    plain, together = draw(INPUTS, 4096, seed), draw(INPUTS, 4096, seed, tied.tie)
    assert np.array_equal(plain["growth"], together["growth"])
    assert together["churn"].mean() == pytest.approx(plain["churn"].mean(), rel=0.02)


def test_three_at_once():
    tied = copula([(GROWTH, CHURN, -0.5), (CHURN, COST, 0.4), ("growth", COST, 0.2)], INPUTS)
    values = draw(INPUTS, 8192, 3, tied.tie)
    assert spearman(values["growth"], values["churn"]) == pytest.approx(-0.5, abs=0.03)
    assert spearman(values["churn"], values["cost"]) == pytest.approx(0.4, abs=0.03)
    assert spearman(values["growth"], values["cost"]) == pytest.approx(0.2, abs=0.03)


def test_a_sure_input_is_told_and_left_alone():
    tied = copula([(GROWTH, "venture.price.plan", 0.5)], INPUTS)
    assert tied.unused == ("venture.customers.growth ~ venture.price.plan",) and tied.names == ()


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ([(GROWTH, "venture.nothing", 0.1)], "no uncertain input"),
        ([(GROWTH, GROWTH, 0.1)], "two different inputs"),
        ([(GROWTH, CHURN, 1.0)], "between −1 and 1"),
        ([(GROWTH, CHURN, 0.1), (CHURN, GROWTH, 0.2)], "each pair once"),
        ([(GROWTH, CHURN, 0.9), (CHURN, COST, 0.9), (GROWTH, COST, -0.9)], "contradict each other"),
    ],
)
def test_what_cannot_be_is_refused(stated, told):
    with pytest.raises(SpecError, match=told):
        copula(stated, INPUTS)
