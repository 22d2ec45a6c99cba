"""A decoder's operations with gradients written by hand, for training on a processor.

What stands between a step's matrix multiplies waits for memory there. Autograd keeps every intermediate value and goes over each once
more on its way back; written by hand, norms are computed anew from their input, heads are split, normed, turned and laid out in one
place, and masked scores need no gradient of their own. Each function equals the plain formulas it stands for, and so do its gradients
(tests/unit/models/test_by_hand.py). None has second derivatives.

Shapes: b batch, t tokens, w width, h query heads, k key heads, d width of a head, f feed-forward width.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

QUERIES_AT_ONCE = 128


def over_root_mean_square(values: Tensor, epsilon: float) -> Tensor:
    """1 / √(mean(x²) + ε) over the last axis, which stays with size 1; summed in float32, in the precision of `values`."""
    square = torch.linalg.vector_norm(values, dim=-1, keepdim=True, dtype=torch.float32).square_()
    return square.div_(values.shape[-1]).add_(epsilon).rsqrt_().to(values.dtype)


def _norm_slope(slope: Tensor, normed: Tensor, factor: Tensor) -> Tensor:
    """Of x, where normed = x · factor and `slope` is normed's; `slope` is used up."""
    share = (slope * normed).sum(-1, keepdim=True).div_(normed.shape[-1])
    return slope.addcmul_(normed, share, value=-1).mul_(factor)


def norm(values: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """x [..., w] / √(mean(x²) + ε) · weight [w] (Zhang & Sennrich 2019, 1910.07467)."""
    found: Tensor = RootMeanSquareNorm.apply(values, weight, epsilon)
    return found


class RootMeanSquareNorm(torch.autograd.Function):
    """See `norm`."""

    @staticmethod
    def forward(context: Any, values: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        factor = over_root_mean_square(values, epsilon)
        context.save_for_backward(values, weight, factor)
        return torch.mul(values, factor).mul_(weight)

    @staticmethod
    @once_differentiable
    def backward(context: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        values, weight, factor = context.saved_tensors
        normed = values * factor
        by_weight = (slope * normed).flatten(0, -2).sum(0) if context.needs_input_grad[1] else None
        return _norm_slope(slope * weight, normed, factor), by_weight, None


def attention(
    heads_bthd: Tensor,
    weights_hd: Tensor | None,
    cosine: Tensor,
    sine: Tensor,
    bias_btt: Tensor,
    heads: int,
    key_heads: int,
    epsilon: float,
) -> Tensor:
    """Heads of queries, keys and values, side by side, to their mixed values.

    Queries and keys are normed per head if there are weights for it, then turned by their places; each group of h / k query heads shares
    a head of keys and values. Scores exist for some queries at a time, with the keys up to the last of them: what lies above the
    diagonal's blocks is never computed.

    Args:
        heads_bthd: [b, t, h + 2k, d].
        weights_hd: [h + k, d] of the norms per head, or None: no norms.
        cosine, sine: [b or 1, t, 1, d/2] of rotary positions: each half of a head's width is turned against the other.
        bias_btt: [b or 1, 1, t, t]: 0 where the query (third axis) sees the key, very low where not.
        heads, key_heads, epsilon: h, k, ε of the norms.

    Returns:
        [b, t, h · d].
    """
    found: Tensor = CausalAttention.apply(heads_bthd, weights_hd, cosine, sine, bias_btt, heads, key_heads, epsilon)
    return found


class CausalAttention(torch.autograd.Function):
    """See `attention`."""

    @staticmethod
    def forward(
        context: Any,
        heads_bthd: Tensor,
        weights_hd: Tensor | None,
        cosine: Tensor,
        sine: Tensor,
        bias_btt: Tensor,
        heads: int,
        key_heads: int,
        epsilon: float,
    ) -> Tensor:
        b, t, _, d = heads_bthd.shape
        turning = heads_bthd[:, :, : heads + key_heads]
        factor = None
        if weights_hd is not None:
            factor = over_root_mean_square(turning, epsilon)
            turning = torch.mul(turning, factor).mul_(weights_hd)
        turned_bhtd = _turn(turning.transpose(1, 2), cosine.transpose(1, 2), sine.transpose(1, 2))
        query_bhtd, key_bktd = turned_bhtd.split([heads, key_heads], 1)
        query_bhtd.mul_(1 / math.sqrt(d))  # cheaper than scaling the scores
        value_bktd = heads_bthd[:, :, heads + key_heads :].transpose(1, 2).contiguous()
        mixed = torch.empty(b, t, heads, d, dtype=heads_bthd.dtype)
        kept = []
        for start in range(0, t, QUERIES_AT_ONCE):
            end = min(t, start + QUERIES_AT_ONCE)
            rows = _grouped(query_bhtd[:, :, start:end], key_heads)
            scores = rows @ key_bktd[:, :, :end].mT
            scores.view(b, heads, end - start, end).add_(bias_btt[..., start:end, :end])
            chances = scores.softmax(-1)
            kept.append(chances)
            mixed[:, start:end] = (chances @ value_bktd[:, :, :end]).view(b, heads, end - start, d).transpose(1, 2)
        context.save_for_backward(heads_bthd, weights_hd, cosine, sine, factor, turned_bhtd, value_bktd, *kept)
        context.heads, context.key_heads = heads, key_heads
        return mixed.view(b, t, heads * d)

    @staticmethod
    @once_differentiable
    def backward(context: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        heads_bthd, weights_hd, cosine, sine, factor, turned_bhtd, value_bktd, *kept = context.saved_tensors
        heads, key_heads = context.heads, context.key_heads
        b, t, _, d = heads_bthd.shape
        query_bhtd, key_bktd = turned_bhtd.split([heads, key_heads], 1)
        slope_bhtd = slope.view(b, t, heads, d).transpose(1, 2)
        by_turned = torch.zeros_like(turned_bhtd)
        by_query, by_key = by_turned.split([heads, key_heads], 1)
        by_value = torch.zeros_like(value_bktd)
        for start, chances in zip(range(0, t, QUERIES_AT_ONCE), kept, strict=True):
            end = min(t, start + QUERIES_AT_ONCE)
            piece = _grouped(slope_bhtd[:, :, start:end], key_heads)
            by_value[:, :, :end] += chances.mT @ piece
            # chances are zero where nothing is seen, and so are the slopes of those scores
            by_scores = torch._softmax_backward_data(piece @ value_bktd[:, :, :end].mT, chances, -1, chances.dtype)
            by_query[:, :, start:end] = (by_scores @ key_bktd[:, :, :end]).view(b, heads, end - start, d)
            by_key[:, :, :end] += by_scores.mT @ _grouped(query_bhtd[:, :, start:end], key_heads)
        by_query.mul_(1 / math.sqrt(d))
        found = torch.empty_like(heads_bthd)
        found[:, :, heads + key_heads :] = by_value.transpose(1, 2)
        by_turning = _turn(by_turned.transpose(1, 2), cosine, -sine)
        by_weights = None
        if weights_hd is not None:
            normed = heads_bthd[:, :, : heads + key_heads] * factor
            by_weights = (by_turning * normed).sum((0, 1)) if context.needs_input_grad[1] else None
            by_turning = _norm_slope(by_turning.mul_(weights_hd), normed, factor)
        found[:, :, : heads + key_heads] = by_turning
        return found, by_weights, None, None, None, None, None, None


def _grouped(heads_bhtd: Tensor, key_heads: int) -> Tensor:
    """The query heads of a group as rows of one matrix, [b, k, h / k · t, d]."""
    b, _, _, d = heads_bhtd.shape
    return heads_bhtd.reshape(b, key_heads, -1, d)


def _turn(values: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Each half of the last axis against the other, laid out anew."""
    found = torch.empty(values.shape, dtype=values.dtype)
    (one, two), (first, second) = values.chunk(2, -1), found.chunk(2, -1)
    torch.mul(one, cosine, out=first).addcmul_(two, sine, value=-1)
    torch.mul(two, cosine, out=second).addcmul_(one, sine)
    return found
