"""PERT, Beta and negative binomial quantiles against scipy, and by their own definitions."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from modelwright.venture.draws import draw
from modelwright.venture.laws import beta, beta_quantiles, count, count_quantiles, pert

P = np.linspace(1e-5, 1 - 1e-5, 801)


@pytest.mark.parametrize(("first", "second"), [(0.5, 0.5), (1, 1), (2, 5), (40.5, 900.5), (0.5, 100.5)])
def test_beta(first, second):
    assert np.allclose(beta_quantiles(P, first, second), stats.beta.ppf(P, first, second), atol=1e-10)


@pytest.mark.parametrize(("mean", "evenness"), [(3, 2), (100, 0.7), (5000, 10)])
def test_negative_binomial(mean, evenness):
    assert np.array_equal(count_quantiles(P, mean, evenness), stats.nbinom.ppf(P, evenness, evenness / (evenness + mean)))


def test_poisson_is_the_even_limit():
    assert np.array_equal(count_quantiles(P, 4.0, inf), stats.poisson.ppf(P, 4.0))
    assert count_quantiles(P, 0.0).max() == 0


@settings(max_examples=25, deadline=None)
@given(low=st.floats(-5, 5), width=st.floats(0.1, 10), share=st.floats(0, 1))
def test_pert_stays_between_its_ends_and_has_its_mean(low, width, share):
    mode, high = low + share * width, low + width
    item = pert("x", low, min(mode, high), high)
    values = item.quantiles((np.arange(4000) + 0.5) / 4000)
    assert low <= values.min() and values.max() <= high and np.all(np.diff(values) >= 0)
    assert values.mean() == pytest.approx((low + 4 * mode + high) / 6, abs=width * 1e-3)


def test_laws_are_inputs_of_the_plan():
    inputs = {"share": beta("share", 30, 70), "things": count("things", 12, 3), "sure": pert("sure", 2, 2, 2)}
    values = draw(inputs, 4096, 1)
    assert values["share"].mean() == pytest.approx(30.5 / 101, abs=1e-3)
    assert values["things"].mean() == pytest.approx(12, rel=0.01) and values["things"].var() == pytest.approx(60, rel=0.05)
    assert values["sure"].tolist() == [2.0]


def test_what_is_no_law_is_refused():
    with pytest.raises(ValueError, match="out of order"):
        pert("x", 3, 2, 1)
    with pytest.raises(ValueError, match="no count"):
        beta("x", -1, 2)
    with pytest.raises(ValueError, match="evenness"):
        count("x", 3, 0)
