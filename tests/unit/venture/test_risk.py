"""Sobol indices and the internal rate of return against known answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from modelwright.venture.draws import Input, size
from modelwright.venture.risk import internal_rate, sobol_indices


@dataclass(frozen=True)
class Uniform(Input):
    """Between −π and π, for Ishigami's function."""

    def quantiles(self, p):
        return np.pi * (2 * p - 1)


def test_ishigami():
    inputs = {name: Uniform(name, 0.0, "rate", "assumed", 1.0, 1.0) for name in "abc"}

    def model(values):
        return np.sin(values["a"]) + 7 * np.sin(values["b"]) ** 2 + 0.1 * values["c"] ** 4 * np.sin(values["a"])

    found = sobol_indices(model, inputs, draws=2**14)
    assert [found.first[name] for name in "abc"] == pytest.approx([0.3139, 0.4424, 0.0], abs=0.01)
    assert [found.total[name] for name in "abc"] == pytest.approx([0.5576, 0.4424, 0.2437], abs=0.01)


def test_an_input_that_plays_no_part_explains_nothing():
    inputs = {"one": size("one", 5, 2, "assumed"), "two": size("two", 5, 2, "assumed"), "sure": size("sure", 5, 0, "assumed")}
    found = sobol_indices(lambda values: values["one"] * values["sure"], inputs)
    assert found.first["one"] == pytest.approx(1, abs=0.01) and found.total["two"] == 0
    assert set(found.first) == {"one", "two"}
    with pytest.raises(ValueError, match="does not vary"):
        sobol_indices(lambda values: values["sure"], inputs)
    with pytest.raises(ValueError, match="0 uncertain inputs"):
        sobol_indices(lambda values: values["sure"], {"sure": inputs["sure"]})


def test_internal_rate():
    assert internal_rate([-100, 39, 59, 55, 20]) == pytest.approx(0.28095, abs=5e-6)
    assert internal_rate([-100, 50]) == pytest.approx(-0.5)
    assert internal_rate([-1, 0, 100]) == pytest.approx(9)
    with pytest.raises(ValueError, match="sign 2 times"):
        internal_rate([-100, 230, -132])
    with pytest.raises(ValueError, match="sign 0 times"):
        internal_rate([100, 20])
