"""Gradients written by hand are those that autograd finds for the plain formulas."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from modelwright.models import by_hand

EPSILON = 1e-6


def plain_norm(values: Tensor, weight: Tensor) -> Tensor:
    return values / (values.square().mean(-1, keepdim=True) + EPSILON).sqrt() * weight


def plain_attention(heads: Tensor, weights: Tensor | None, cosine: Tensor, sine: Tensor, seen: Tensor, h: int, k: int) -> Tensor:
    """One query at a time would be plainer still; this is the textbook's formula on whole matrices."""
    turning, value = heads.split([h + k, k], 2)
    if weights is not None:
        turning = plain_norm(turning, weights)
    one, two = turning.chunk(2, -1)
    turned = torch.cat([one * cosine - two * sine, two * cosine + one * sine], -1)
    query, key = turned.split([h, k], 2)
    key, value = (part.repeat_interleave(h // k, 2) for part in (key, value))
    scores = torch.einsum("bqhd,bkhd->bhqk", query, key) / math.sqrt(heads.shape[-1])
    chances = scores.masked_fill(~seen, float("-inf")).softmax(-1)
    return torch.einsum("bhqk,bkhd->bqhd", chances, value).flatten(2)


def slopes(result: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    toward = torch.randn(result.shape, generator=torch.Generator().manual_seed(9)).to(result.dtype)
    return list(torch.autograd.grad(result, inputs, toward))


def drawn(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(5, 12), (2, 7, 16), (2, 3, 4, 6)])
def test_the_norm_and_its_gradients(shape):
    values, weight = (3 * drawn(*shape)).requires_grad_(), (1 + drawn(shape[-1], seed=2)).requires_grad_()
    ours, truth = by_hand.norm(values, weight, EPSILON), plain_norm(values, weight)
    torch.testing.assert_close(ours, truth, atol=1e-6, rtol=1e-5)
    for mine, true in zip(slopes(ours, [values, weight]), slopes(truth, [values, weight]), strict=True):
        torch.testing.assert_close(mine, true, atol=1e-5, rtol=1e-5)


def test_a_vector_of_zeros_stays_one_and_its_gradient_is_finite():
    values = torch.zeros(3, 8, requires_grad=True)
    found = by_hand.norm(values, torch.ones(8), EPSILON)
    found.sum().backward()
    assert not found.any()
    assert torch.isfinite(values.grad).all()


@pytest.mark.parametrize("h,k", [(4, 4), (4, 2), (6, 1)])
@pytest.mark.parametrize("normed", [True, False])
@pytest.mark.parametrize("at_once", [4, 128])
@pytest.mark.parametrize("packed", [True, False])
def test_attention_and_its_gradients(h, k, normed, at_once, packed, monkeypatch):
    monkeypatch.setattr(by_hand, "QUERIES_AT_ONCE", at_once)
    b, t, d = 3, 11, 8
    heads = drawn(b, t, h + 2 * k, d).requires_grad_()
    weights = (1 + 0.3 * drawn(h + k, d, seed=2)).requires_grad_() if normed else None
    angles = drawn(b if packed else 1, t, 1, d // 2, seed=3)
    numbers = torch.tensor([[1] * 11, [1] * 4 + [2] * 7, [1] * 3 + [2] * 5 + [0] * 3]) if packed else torch.ones(1, t)
    at = torch.arange(t)
    seen = ((numbers[:, :, None] == numbers[:, None, :]) & (at[:, None] >= at))[:, None]
    bias = torch.zeros(seen.shape).masked_fill_(~seen, torch.finfo(torch.float32).min)
    ours = by_hand.attention(heads, weights, angles.cos(), angles.sin(), bias, h, k, EPSILON)
    truth = plain_attention(heads, weights, angles.cos(), angles.sin(), seen, h, k)
    torch.testing.assert_close(ours, truth, atol=1e-5, rtol=1e-5)
    inputs = [heads] if weights is None else [heads, weights]
    for mine, true in zip(slopes(ours, inputs), slopes(truth, inputs), strict=True):
        torch.testing.assert_close(mine, true, atol=2e-5, rtol=1e-4)


def test_in_bfloat16_they_are_as_near_as_its_digits():
    """Seven binary digits after the first: a few of them are lost on the way, no more."""
    heads = drawn(2, 40, 6, 16)
    angles = drawn(1, 40, 1, 8, seed=3)
    seen = torch.ones(40, 40, dtype=torch.bool).tril()[None, None]
    bias = torch.zeros(seen.shape).masked_fill_(~seen, torch.finfo(torch.float32).min)
    weights = torch.ones(4, 16)
    exact = heads.requires_grad_()
    truth = slopes(plain_attention(exact, weights, angles.cos(), angles.sin(), seen, 2, 2), [exact])[0]
    small = heads.detach().bfloat16().requires_grad_()
    given = (part.bfloat16() for part in (weights, angles.cos(), angles.sin(), bias))
    found = slopes(by_hand.attention(small, *given, 2, 2, EPSILON), [small])[0]
    assert found.dtype == torch.bfloat16
    assert float((found.float() - truth).norm() / truth.norm()) < 0.02


def test_frozen_weights_get_no_gradient():
    values, weight = drawn(4, 8).requires_grad_(), torch.ones(8)
    by_hand.norm(values, weight, EPSILON).sum().backward()
    assert weight.grad is None
    assert values.grad is not None
