"""Our dropout is dropout: rate, expectation, seed, and nothing outside training."""

from __future__ import annotations

import pytest
import torch

from modelwright.models.dropout import Dropout


@pytest.mark.parametrize(("rate", "expected"), [(0.1, 26 / 256), (0.5, 0.5), (0.999, 255 / 256)])
def test_rate_and_expectation(rate, expected):
    values = Dropout(rate).train()(torch.ones(400, 1001))
    assert (values == 0).float().mean().item() == pytest.approx(expected, abs=0.003)
    kept = values[values > 0]
    assert kept.unique().numel() == 1 and kept[0].item() == pytest.approx(1 / (1 - expected))


def test_every_place_of_a_word_is_as_likely():
    """Eight elements share one draw: none of its bytes may be special."""
    dropped = (Dropout(0.25).train()(torch.ones(20_000, 8)) == 0).float().mean(0)
    assert dropped.sub(0.25).abs().max().item() < 0.02


def test_the_seed_decides_and_each_call_differs():
    layer, values = Dropout(0.5).train(), torch.ones(1000)
    torch.manual_seed(3)
    first, second = layer(values), layer(values)
    torch.manual_seed(3)
    assert torch.equal(layer(values), first) and not torch.equal(first, second)


def test_gradients_pass_where_values_do():
    values = torch.ones(64, requires_grad=True)
    kept = Dropout(0.5).train()(values)
    kept.sum().backward()
    assert torch.equal(values.grad, kept.detach())


def test_nothing_is_dropped_outside_training_or_at_rate_zero():
    values = torch.randn(10)
    assert Dropout(0.5).eval()(values) is values
    assert Dropout(0.0).train()(values) is values
