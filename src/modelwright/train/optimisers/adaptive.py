"""Optimisers that give each weight a rate of its own.

θ parameters, g gradient (clipped), η rate, ε keeps roots from zero, t counts steps from 1; all operations are element-wise.

    adagrad    s ← s + g²                                     θ ← θ − η g / (√s + ε)          (Duchi, Hazan & Singer 2011)
    rmsprop    s ← ρ s + (1 − ρ) g²                           θ ← θ − η g / (√s + ε)          (Tieleman & Hinton 2012, lecture 6e)
    adam       m ← β₁ m + (1 − β₁) g,  s ← β₂ s + (1 − β₂) g²
               m̂ = m / (1 − β₁ᵗ),  ŝ = s / (1 − β₂ᵗ)          θ ← θ − η m̂ / (√ŝ + ε)          (Kingma & Ba 2015, 1412.6980)
    adamw      as adam, and before it                         θ ← θ − η λ θ                   (Loshchilov & Hutter 2019, 1711.05101)

m and s start at zero. Weight decay λ is an L2 penalty (g ← g + λ θ) except in adamw, where it leaves m and s alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from modelwright.spec.routes.route import GradientRoute

Groups = Sequence[dict[str, Any]]


def adagrad(groups: Groups, route: GradientRoute) -> torch.optim.Optimizer:
    """Rates fall with the sum of squared gradients: rare features keep a large one."""
    return torch.optim.Adagrad(groups, lr=route.learning_rate, eps=route.epsilon, foreach=True)


def rmsprop(groups: Groups, route: GradientRoute) -> torch.optim.Optimizer:
    """Rates follow the recent mean square (`rms_decay` is ρ)."""
    return torch.optim.RMSprop(groups, lr=route.learning_rate, alpha=route.rms_decay, eps=route.epsilon, foreach=True)


def adam(groups: Groups, route: GradientRoute) -> torch.optim.Optimizer:
    """Momentum and mean square, both corrected for their start (`betas` are β₁ and β₂)."""
    return torch.optim.Adam(groups, lr=route.learning_rate, betas=route.betas, eps=route.epsilon, fused=True)


def adamw(groups: Groups, route: GradientRoute) -> torch.optim.Optimizer:
    """Adam with decoupled weight decay."""
    return torch.optim.AdamW(groups, lr=route.learning_rate, betas=route.betas, eps=route.epsilon, fused=True)
