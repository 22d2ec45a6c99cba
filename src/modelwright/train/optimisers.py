"""Optimisers: AdamW and SGD, fused, with decay groups, clipping, and float32 masters for bfloat16 modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from modelwright.spec.routes.route import GradientRoute


class Optimiser:
    """Steps a module's trainable parameters.

    If the module computes in bfloat16, the optimiser keeps a float32 master of each parameter, because an update is often
    smaller than the last bit of a bfloat16 weight. `weights` are what must be saved.

    Args:
        module: its parameters with `requires_grad` are trained.
        route: kind of optimiser, peak rate, momentum, decay, clipping.
    """

    def __init__(self, module: nn.Module, route: GradientRoute) -> None:
        self.clip = route.clip
        self.peak = route.learning_rate
        named = [(name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad]
        self.names = [name for name, _ in named]
        self.parameters = [parameter for _, parameter in named]
        self.mixed = any(parameter.dtype != torch.float32 for parameter in self.parameters)
        self.weights: list[Tensor] = list(self.parameters)
        if self.mixed:
            self.weights = [parameter.detach().float().requires_grad_() for parameter in self.parameters]
        decayed = _decayed(module)
        groups: list[dict[str, Any]] = [
            {"params": [w for w, p in self._pairs() if id(p) in decayed], "weight_decay": route.weight_decay},
            {"params": [w for w, p in self._pairs() if id(p) not in decayed], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        if route.optimizer == "adamw":
            self.inner: torch.optim.Optimizer = torch.optim.AdamW(groups, lr=self.peak, fused=True)
        else:
            self.inner = torch.optim.SGD(groups, lr=self.peak, momentum=route.momentum, nesterov=route.momentum > 0, fused=True)

    def _pairs(self) -> Sequence[tuple[Tensor, nn.Parameter]]:
        return list(zip(self.weights, self.parameters, strict=True))

    @torch.no_grad()
    def step(self, share: float) -> float:
        """Apply the gradients that lie on the module's parameters at `share` of the peak rate, and clear them.

        Returns:
            The gradient's norm before clipping; nothing is applied if it is not finite.
        """
        gradients = [
            parameter.grad if parameter.grad is not None else torch.zeros_like(parameter) for parameter in self.parameters
        ]
        if self.mixed:
            held = [torch.empty_like(weight) if weight.grad is None else weight.grad for weight in self.weights]
            torch._foreach_copy_(held, gradients)
            gradients = held
        for weight, gradient in zip(self.weights, gradients, strict=True):
            weight.grad = gradient
        norm = float(torch.stack(torch._foreach_norm(gradients)).norm())
        if norm == norm and norm != float("inf"):
            if 0 < self.clip < norm:
                torch._foreach_mul_(gradients, self.clip / norm)
            for group in self.inner.param_groups:
                group["lr"] = self.peak * share
            self.inner.step()
            if self.mixed:
                torch._foreach_copy_([parameter.data for parameter in self.parameters], self.weights)
        for parameter in self.parameters:
            parameter.grad = None
        return norm

    @torch.no_grad()
    def start(self, values: Mapping[str, Tensor]) -> None:
        """Set the weights, by the parameters' names."""
        for name, weight, parameter in zip(self.names, self.weights, self.parameters, strict=True):
            weight.copy_(values[name])
            parameter.copy_(weight)

    def snapshot(self) -> dict[str, Tensor]:
        """A copy of the weights on the CPU, by the parameters' names."""
        return {name: weight.detach().to("cpu", copy=True) for name, weight in zip(self.names, self.weights, strict=True)}

    def bytes(self) -> int:
        """Of one copy of the trainable weights in float32: what keeping the best ones costs."""
        return sum(4 * weight.numel() for weight in self.weights)

    def tensors(self) -> dict[str, Tensor]:
        """Weights and the optimiser's memory, by name: what an exact continuation needs."""
        found = {f"weight.{name}": weight.detach() for name, weight in zip(self.names, self.weights, strict=True)}
        for name, weight in zip(self.names, self.weights, strict=True):
            for key, value in self.inner.state[weight].items():
                if value is not None:
                    found[f"{key}.{name}"] = value
        return found

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back what `tensors` gave.

        Raises:
            KeyError, RuntimeError: names or shapes differ from this module's.
        """
        for name, weight, parameter in zip(self.names, self.weights, self.parameters, strict=True):
            weight.copy_(tensors[f"weight.{name}"])
            parameter.copy_(weight)
            for key in ("step", "exp_avg", "exp_avg_sq", "momentum_buffer"):
                if f"{key}.{name}" in tensors:
                    value = tensors[f"{key}.{name}"]
                    self.inner.state[weight][key] = value.clone() if key == "step" else value.clone().to(weight.device)


def _decayed(module: nn.Module) -> set[int]:
    """Matrices that multiply activations. Biases, norms and embedding tables are left out: decay would pull rare tokens'
    rows towards zero in steps in which they do not even occur."""
    tables = {id(child.weight) for child in module.modules() if isinstance(child, nn.Embedding)}
    return {id(parameter) for parameter in module.parameters() if parameter.ndim >= 2 and id(parameter) not in tables}
