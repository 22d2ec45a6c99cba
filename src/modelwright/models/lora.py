"""Low-rank adapters (Hu et al. 2022, 2106.09685): the checkpoint stays frozen, each chosen matrix learns B·A beside it.

Merged at the end, so that the shipped model has neither extra weights nor extra latency. Works on any module: every
`nn.Linear` of the backbone gets an adapter, which for equal rank is the better of the usual choices (Biderman et al. 2024). The frozen
weights may be held in four bits (`nf4.py`), which makes it QLoRA (Dettmers et al. 2023, 2305.14314).

Shapes: i inputs, o outputs, r rank.
"""

from __future__ import annotations

import math
from collections.abc import Collection

import torch
from torch import Tensor, nn

from modelwright.models.nf4 import Stored


class Adapted(nn.Module):
    """y = W x + b + (alpha / r) · B A x, with W and b frozen and B starting at zero (so that training starts at the checkpoint)."""

    def __init__(self, linear: nn.Linear | Stored, rank: int, alpha: float) -> None:
        super().__init__()
        self.linear = linear.requires_grad_(False)
        self.scale = alpha / rank
        self.down_ri = nn.Parameter(torch.empty(rank, linear.in_features))
        self.up_or = nn.Parameter(torch.zeros(linear.out_features, rank))
        nn.init.kaiming_uniform_(self.down_ri, a=math.sqrt(5))

    def forward(self, values: Tensor) -> Tensor:
        return self.linear(values) + (values @ self.down_ri.t()) @ self.up_or.t() * self.scale

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """The plain layer that computes the same."""
        linear = self.linear.plain() if isinstance(self.linear, Stored) else self.linear
        linear.weight += (self.up_or @ self.down_ri * self.scale).to(linear.weight.dtype)
        return linear.requires_grad_(True)


def adapt(module: nn.Module, rank: int, alpha: float, *, leave: Collection[nn.Module] = (), four_bits: bool = False) -> nn.Module:
    """Freeze `module` and put an adapter beside every linear layer in it, in place.

    Args:
        leave: layers that stay as they are (an output layer whose weight is also the embedding table).
        four_bits: whether the frozen weights of adapted layers are held in four bits.
    """
    module.requires_grad_(False)
    for parent in list(module.modules()):
        if not isinstance(parent, Adapted):
            for name, child in list(parent.named_children()):
                if isinstance(child, nn.Linear) and not any(child is other for other in leave):
                    setattr(parent, name, Adapted(Stored(child) if four_bits else child, rank, alpha))
    return module


def merge(module: nn.Module) -> nn.Module:
    """Undo `adapt`, keeping what was learned, in place."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, Adapted):
                setattr(parent, name, child.merged())
    return module.requires_grad_(True)
