"""Laws and draws: what founders say is what is drawn."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from modelwright.venture.draws import draw, from_figure, normal_quantiles, rate, size
from modelwright.venture.figures import Figure
from modelwright.venture.sobol import DIMENSIONS, points

TENTHS = np.array([0.1, 0.5, 0.9])


def test_normal_quantiles_agree_with_the_standard_library():
    p = np.concatenate([10.0 ** -np.arange(1, 16), np.linspace(0.001, 0.999, 500), 1 - 10.0 ** -np.arange(2, 12)])
    exact = [NormalDist().inv_cdf(value) for value in p]
    assert np.allclose(normal_quantiles(p), exact, rtol=1e-13, atol=1e-15)


def test_a_size_keeps_its_middle_and_the_width_of_its_80_percent_range():
    low, middle, high = size("k", 8000, 3000, "assumed").quantiles(TENTHS)
    assert middle == pytest.approx(8000)
    assert high - low == pytest.approx(6000)
    assert low > 0


def test_a_rate_stays_in_its_bounds():
    low, middle, high = rate("k", 0.04, 0.02, "assumed", high=1.0).quantiles(TENTHS)
    assert (low, middle, high) == pytest.approx((0.02, 0.04, 0.06), abs=5e-4)
    wide = rate("k", 0.9, 0.8, "assumed", high=1.0).quantiles(np.linspace(0.0001, 0.9999, 1000))
    assert wide.min() >= 0 and wide.max() <= 1


def test_a_figure_is_drawn_with_its_own_two_sides():
    drawn = from_figure("k", Figure(10.0, "USD", "fallback", 2.0, 12.0)).quantiles(np.array([0.025, 0.5, 0.975]))
    assert drawn == pytest.approx([2.0, 10.0, 12.0])
    assert not from_figure("k", Figure(0.0, "USD", "measured")).uncertain


def test_draws_repeat_with_the_seed_and_follow_the_law():
    inputs = {name: size(name, 5, 2, "assumed") for name in "abc"} | {"sure": size("sure", 3, 0, "assumed")}
    one, same, other = (draw(inputs, 1000, seed) for seed in (3, 3, 4))
    assert all(np.array_equal(one[name], same[name]) for name in inputs)
    assert not np.array_equal(one["a"], other["a"])
    assert one["sure"].tolist() == [3]
    for name in "abc":
        assert np.quantile(one[name], TENTHS) == pytest.approx(inputs[name].quantiles(TENTHS), rel=0.01)
    assert abs(np.corrcoef(one["a"], one["b"])[0, 1]) < 0.02


def test_more_inputs_than_sobol_dimensions_are_still_drawn():
    inputs = {str(number): size(str(number), 5, 2, "assumed") for number in range(DIMENSIONS + 3)}
    found = draw(inputs, 500, 0)
    assert all(np.unique(values).size == 500 for values in found.values())


def test_sobol_points_are_those_of_scipy_and_scrambling_keeps_them_even():
    qmc = pytest.importorskip("scipy.stats.qmc")
    ours = points(256, DIMENSIONS, None)
    theirs = qmc.Sobol(DIMENSIONS, scramble=False, bits=32).random(256).T
    order = np.arange(256) ^ (np.arange(256) >> 1)  # scipy walks in Gray code
    assert np.array_equal(ours[:, order], theirs)
    scrambled = points(1024, DIMENSIONS, np.random.default_rng(1))
    assert scrambled.min() > 0 and scrambled.max() < 1
    for line in scrambled:  # one point in each of 1,024 cells
        assert np.array_equal(np.sort((line * 1024).astype(int)), np.arange(1024))
    assert qmc.discrepancy(scrambled[:6].T) < 0.2 * qmc.discrepancy(np.random.default_rng(0).random((1024, 6)))
    with pytest.raises(ValueError, match="33 dimensions"):
        points(8, 33, None)
