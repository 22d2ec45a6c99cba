"""Frozen weights in four bits: NormalFloat (Dettmers et al. 2023, 2305.14314), dequantised layer by layer as they are needed.

Each block of 64 weights is divided by its largest absolute value; each quotient becomes the nearest of 16 levels, which are equally
likely if weights are normally distributed. The blocks' largest values are themselves held in 8 bits, by 256 around their mean (the paper
uses 8-bit floats; evenly spaced integers are simpler, and as exact where the values are alike). All in all 4.13 bits a weight.

Shapes: i inputs, o outputs.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

BLOCK, GROUP = 64, 256
_OFFSET = 0.5 * ((1 - 1 / 32) + (1 - 1 / 30))  # the outermost quantile: one of infinite size would be of no use


@cache
def levels() -> Tensor:
    """The 16 levels, ascending from −1 to 1, float32 [16]: quantiles of the normal distribution, seven below zero, zero, eight above
    (appendix E of the paper)."""
    above = torch.linspace(_OFFSET, 0.5, 9, dtype=torch.float64)[:-1]
    below = torch.linspace(_OFFSET, 0.5, 8, dtype=torch.float64)[:-1]
    quantiles = [torch.erfinv(2 * shares - 1) * math.sqrt(2) for shares in (above, below)]
    values = torch.cat([quantiles[0], torch.zeros(1, dtype=torch.float64), -quantiles[1]]).sort().values
    return (values / values.max()).float()


@cache
def _pairs() -> Tensor:
    """Two levels for each byte: float32 [256, 2]."""
    byte = torch.arange(256)
    return levels()[torch.stack([byte >> 4, byte & 15], 1)]


class Stored(nn.Module):
    """A linear layer whose weight is held in four bits and never learns: y = x Wᵀ + b.

    Everything is kept in buffers of bytes, so that a change of the module's precision leaves it alone.
    """

    codes: Tensor
    sizes: Tensor
    centres: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach(), requires_grad=False)
        codes, sizes, centres = quantise(linear.weight.detach())
        self.register_buffer("codes", codes)
        self.register_buffer("sizes", sizes)
        self.register_buffer("centres", centres.view(torch.uint8))

    def weight(self) -> Tensor:
        """[o, i] in float32."""
        return dequantise(self.codes, self.sizes, self.centres.view(torch.float32), (self.out_features, self.in_features))

    def forward(self, values: Tensor) -> Tensor:
        found = _Product.apply(values, self)
        return found if self.bias is None else found + self.bias

    def plain(self) -> nn.Linear:
        """The ordinary layer that computes the same."""
        linear = nn.Linear(self.in_features, self.out_features, bias=self.bias is not None)
        with torch.no_grad():
            linear.weight.copy_(self.weight())
            if self.bias is not None:
                linear.bias.copy_(self.bias)
        return linear


class _Product(torch.autograd.Function):
    """x [·, i] → x Wᵀ [·, o]. The weight exists while it is multiplied with and no longer: it is made again for the gradient."""

    @staticmethod
    def forward(context: Any, values: Tensor, stored: Stored) -> Tensor:
        context.stored = stored
        return functional.linear(values, stored.weight().to(values.dtype))

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        gradient = gradients[0]
        return gradient @ context.stored.weight().to(gradient.dtype), None


def quantise(weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A weight as codes uint8 [⌈n/128⌉ · 64], its blocks' sizes int8 [blocks], and these groups' (mean, step) float32 [groups, 2]."""
    flat = weight.float().flatten()
    blocks = functional.pad(flat, (0, -len(flat) % (2 * BLOCK))).view(-1, BLOCK)
    largest = blocks.abs().amax(1)
    sizes, centres = _sizes(largest)
    scales = _scales(sizes, centres)[:, None].clamp_min(torch.finfo(torch.float32).tiny)
    borders = (levels()[1:] + levels()[:-1]) / 2
    codes = torch.bucketize(blocks / scales, borders.to(weight.device)).to(torch.uint8).flatten()
    return (codes[::2] << 4) | codes[1::2], sizes, centres


def dequantise(codes: Tensor, sizes: Tensor, centres: Tensor, shape: tuple[int, int]) -> Tensor:
    """What `quantise` was given, up to its error, in float32."""
    values = _pairs().to(codes.device)[codes.int()].view(-1, BLOCK) * _scales(sizes, centres)[:, None]
    return values.flatten()[: shape[0] * shape[1]].view(shape)


def _sizes(largest: Tensor) -> tuple[Tensor, Tensor]:
    groups = functional.pad(largest, (0, -len(largest) % GROUP), value=float(largest.mean())).view(-1, GROUP)
    means = groups.mean(1)
    steps = ((groups - means[:, None]).abs().amax(1) / 127).clamp_min(torch.finfo(torch.float32).tiny)
    sizes = ((groups - means[:, None]) / steps[:, None]).round().to(torch.int8).flatten()[: len(largest)]
    return sizes.contiguous(), torch.stack([means, steps], 1).contiguous()


def _scales(sizes: Tensor, centres: Tensor) -> Tensor:
    group = torch.arange(len(sizes), device=sizes.device) // GROUP
    return centres[group, 0] + sizes.float() * centres[group, 1]


def held_bytes(module: nn.Module) -> int:
    """Memory of a module's weights and buffers, each counted once."""
    tensors = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
