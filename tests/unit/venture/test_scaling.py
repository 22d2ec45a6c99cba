"""The scaling law and what follows from it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.base.errors import SpecError
from modelwright.venture.scaling import best_size, cheapest_for_loss, fitted


@given(st.floats(1e18, 1e27))
def test_the_optimum_spends_the_budget_and_no_other_split_is_better(flops):
    law = fitted()
    parameters, tokens = law.optimum(flops)
    assert 6 * parameters * tokens == pytest.approx(flops)
    best = law.loss(parameters, tokens)
    for factor in (0.5, 0.9, 1.1, 2.0):
        assert law.loss(parameters * factor, tokens / factor) > best


def test_chinchillas_budget_wants_about_twenty_tokens_a_parameter():
    parameters, tokens, loss = best_size(5.76e23)
    assert 15 < tokens.value / parameters.value < 25  # the refit restores the rule of 20; Chinchilla was 70 B on 1.4 T
    assert parameters.value == pytest.approx(70e9, rel=0.1)
    for figure in (parameters, tokens, loss):
        assert figure.low < figure.value < figure.high and figure.basis == "estimated"
    assert best_size(5.76e23) == (parameters, tokens, loss)


def test_without_inference_the_cheapest_model_is_the_compute_optimal_one():
    parameters, tokens, total = cheapest_for_loss(2.0, 0)
    best_parameters, best_tokens = fitted().optimum(total)
    assert parameters == pytest.approx(best_parameters, rel=2e-3)
    assert tokens == pytest.approx(best_tokens, rel=2e-3)


def test_more_inference_wants_a_smaller_model_trained_for_longer():
    found = [cheapest_for_loss(2.0, inference) for inference in (0, 1e12, 1e13, 1e14)]
    sizes, tokens, totals = np.array(found).T
    assert (np.diff(sizes) < 0).all() and (np.diff(tokens) > 0).all() and (np.diff(totals) > 0).all()
    assert all(fitted().loss(size, token) == pytest.approx(2.0) for size, token in zip(sizes, tokens, strict=True))


def test_what_no_model_reaches_is_refused():
    with pytest.raises(SpecError, match=r"a loss of 1\.5"):
        cheapest_for_loss(1.5, 0)
    with pytest.raises(SpecError, match="training budget"):
        best_size(0)
