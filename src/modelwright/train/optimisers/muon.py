"""Muon: hidden matrices move by their momentum's nearest (semi-)orthogonal matrix, so that every direction moves alike.

θ an m × n matrix, g gradient (clipped), η rate, μ momentum, λ weight decay:

    v ← μ v + (1 − μ) g        u = (1 − μ) g + μ v  (nesterov)  or  v
    o = orthogonal(u)       θ ← θ − η λ θ − 0.2 √max(m, n) · η o

v starts at zero. (Jordan et al. 2024, kellerjordan.github.io/posts/muon.) o is found by rounds of x ← a x + b x xᵀ x + c (x xᵀ)² x that
differ: each is the polynomial that brings the singular values which the rounds before it leave as near to one as any of its degree can
(Polar Express, Amsel et al. 2025, 2505.16932). The factor 0.2 √max(m, n) gives steps the size of
AdamW's, so that both share one learning rate (Liu et al. 2025, 2502.16982). A kernel of a convolution counts as a matrix of
output channels × the rest. Weights that are not hidden matrices (embedding tables, the output layer, biases, norms) go by AdamW.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from modelwright.spec.routes.route import GradientRoute
from modelwright.train.team import part, whole

# a, b, c of each round, for singular values from 0.005 of the matrix's norm on: they end between 0.9 and 1.1, those below come nearer
_BEST = (
    (8.2987, -24.4305, 18.0903),
    (3.9152, -2.9211, 0.5592),
    (3.1746, -2.3804, 0.4978),
    (2.1895, -1.5672, 0.4079),
)
_SAFE = 1.02  # polynomials climb beyond their interval, and bfloat16 rounds beyond it: room is left to all but the last (ibid.)
ROUNDS = (*((a / _SAFE, b / _SAFE**3, c / _SAFE**5) for a, b, c in _BEST[:-1]), _BEST[-1])
_SIZE = 0.2  # root mean square of an AdamW step, as a share of its rate
_TINY = 1e-7


def orthogonal(matrices_kmn: Tensor) -> Tensor:
    """The orthogonal factor of each of k matrices, roughly (singular values 0.9 to 1.1 instead of 1), in their own precision."""
    tall = matrices_kmn.shape[-2] > matrices_kmn.shape[-1]
    found = matrices_kmn.mT if tall else matrices_kmn
    found = found / found.norm(dim=(-2, -1), keepdim=True).clamp_min(_TINY)
    for a, b, c in ROUNDS:
        gram = found @ found.mT
        found = torch.baddbmm(found, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), found, beta=a)
    return found.mT if tall else found


class Muon(torch.optim.Optimizer):
    """The update above for matrices; matrices of one shape are orthogonalised together.

    Args:
        groups: of parameters with at least two axes.
        rate, momentum, nesterov, weight_decay: η, μ, u's choice, λ (a group may have its own).
        dtype: what the rounds compute in; bfloat16 is enough where the hardware has it.
        shards: by a weight's id, the parameter whose shard it is, where weights are shared out among processes: the rounds need whole
            matrices.
    """

    def __init__(
        self,
        groups: Sequence[dict[str, Any]],
        rate: float,
        momentum: float,
        nesterov: bool,
        dtype: torch.dtype,
        shards: Mapping[int, Tensor] | None = None,
    ) -> None:
        super().__init__(groups, {"lr": rate, "momentum": momentum, "nesterov": nesterov, "weight_decay": 0.0})
        self.dtype, self.shards = dtype, shards or {}

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # no closure is ever given
        """One update from the gradients that lie on the parameters."""
        assert closure is None
        for group in self.param_groups:
            alike: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = {}
            for weight in group["params"]:
                update = whole(self._momentum(weight, group["momentum"], group["nesterov"]), self._place(weight)).flatten(1)
                alike.setdefault((update.shape[0], update.shape[1]), []).append((weight, update))
            for (rows, columns), pairs in alike.items():
                steps = orthogonal(torch.stack([update for _, update in pairs]).to(self.dtype))
                size = _SIZE * math.sqrt(max(rows, columns))
                for (weight, _), step in zip(pairs, steps, strict=True):
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    place = self._place(weight)
                    weight.add_(part(step.view(place.shape).to(weight.dtype), place), alpha=-group["lr"] * size)

    def _place(self, weight: Tensor) -> Tensor:
        return self.shards.get(id(weight), weight)

    def _momentum(self, weight: Tensor, momentum: float, nesterov: bool) -> Tensor:
        assert weight.grad is not None
        state = self.state[weight]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        velocity = state["momentum_buffer"].lerp_(weight.grad, 1 - momentum)
        return weight.grad.lerp(velocity, momentum) if nesterov else velocity


def muon(
    groups: Sequence[dict[str, Any]], route: GradientRoute, dtype: torch.dtype, shards: Mapping[int, Tensor]
) -> torch.optim.Optimizer:
    """Muon with the route's `momentum` and `nesterov`."""
    return Muon(groups, route.learning_rate, route.momentum, route.nesterov, dtype, shards)
