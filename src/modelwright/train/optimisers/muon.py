"""Muon: hidden matrices move by their momentum's nearest (semi-)orthogonal matrix, so that every direction moves alike.

θ an m × n matrix, g gradient (clipped), η rate, μ momentum, λ weight decay:

    v ← μ v + (1 − μ) g        u = (1 − μ) g + μ v  (nesterov)  or  v
    o = newton_schulz(u)       θ ← θ − η λ θ − 0.2 √max(m, n) · η o

v starts at zero. (Jordan et al. 2024, kellerjordan.github.io/posts/muon.) The factor 0.2 √max(m, n) gives steps the size of
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

# Jordan's quintic a x + b x³ + c x⁵: five rounds bring every singular value in (0, 1] to about 0.7 … 1.2
_A, _B, _C = 3.4445, -4.7750, 2.0315
_ROUNDS = 5
_SIZE = 0.2  # root mean square of an AdamW step, as a share of its rate
_TINY = 1e-7


def newton_schulz(matrices_kmn: Tensor) -> Tensor:
    """The orthogonal factor of each of k matrices, roughly (singular values 0.7 to 1.2 instead of 1), in their own precision."""
    tall = matrices_kmn.shape[-2] > matrices_kmn.shape[-1]
    found = matrices_kmn.mT if tall else matrices_kmn
    found = found / found.norm(dim=(-2, -1), keepdim=True).clamp_min(_TINY)
    for _ in range(_ROUNDS):
        gram = found @ found.mT
        found = torch.baddbmm(found, torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C), found, beta=_A)
    return found.mT if tall else found


class Muon(torch.optim.Optimizer):
    """The update above for matrices; matrices of one shape are orthogonalised together.

    Args:
        groups: of parameters with at least two axes.
        rate, momentum, nesterov, weight_decay: η, μ, u's choice, λ (a group may have its own).
        dtype: what the Newton–Schulz rounds compute in; bfloat16 is enough where the hardware has it.
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
                orthogonal = newton_schulz(torch.stack([update for _, update in pairs]).to(self.dtype))
                size = _SIZE * math.sqrt(max(rows, columns))
                for (weight, _), step in zip(pairs, orthogonal, strict=True):
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
