"""What is the same for every optimiser: float32 masters for bfloat16 modules, clipping, decay groups, L1, exact continuation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from modelwright.spec.routes.route import GradientRoute
from modelwright.train.optimisers import adaptive, descent, muon
from modelwright.train.team import local, norm, part, team, whole

_SINGLE: Mapping[str, Callable[[Sequence[dict[str, Any]], GradientRoute], torch.optim.Optimizer]] = {
    "sgd": descent.sgd,
    "adagrad": adaptive.adagrad,
    "rmsprop": adaptive.rmsprop,
    "adam": adaptive.adam,
    "adamw": adaptive.adamw,
}

_HEADS = frozenset(("head", "lm_head", "embed_out"))  # ours; of transformers' language models


class Optimiser:
    """Steps a module's trainable parameters.

    If the module computes in bfloat16, the optimiser keeps a float32 master of each parameter, because an update is often
    smaller than the last bit of a bfloat16 weight. `weights` are what must be saved.

    A step is: clip the whole gradient to norm `clip` (Pascanu et al. 2013) → the optimiser's own update, weight decay included →
    L1 by soft-thresholding, θ ← sign(θ) · max(0, |θ| − η · l1), which is the exact minimiser of the penalty beside the step
    (Duchi & Singer 2009, FOBOS) and leaves weights at exactly zero.

    Args:
        module: its parameters with `requires_grad` are trained. Its output layer is called `head` (for muon).
        route: kind of optimiser and its settings.
    """

    def __init__(self, module: nn.Module, route: GradientRoute) -> None:
        self.clip, self.peak, self.l1 = route.clip, route.learning_rate, route.l1
        named = [(name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad]
        self.names = [name for name, _ in named]
        saved = module.state_dict().keys()
        # what a module counts as it trains (the statistics of batch normalisation) belongs to its weights: kept and continued with them
        self.counted = {name: buffer for name, buffer in module.named_buffers() if name in saved and buffer.is_floating_point()}
        self.parameters = [parameter for _, parameter in named]
        self.mixed = any(parameter.dtype != torch.float32 for parameter in self.parameters)
        # what is shared out among processes is stepped shard by shard: all updates but muon's are element-wise
        self.weights: list[Tensor] = [local(parameter) for parameter in self.parameters]
        if self.mixed:
            self.weights = [parameter.detach().float().requires_grad_() for parameter in self.parameters]
        decayed = _decayed(module)
        self.penalised = [weight for weight, parameter in self._pairs() if id(parameter) in decayed]
        self.inner = self._inner(decayed, _hidden(module) if route.optimizer == "muon" else set(), route)
        self.collected, self.sharded = False, team().sharded

    def _pairs(self) -> Sequence[tuple[Tensor, nn.Parameter]]:
        return list(zip(self.weights, self.parameters, strict=True))

    def _inner(self, decayed: set[int], hidden: set[int], route: GradientRoute) -> list[torch.optim.Optimizer]:
        """The optimisers that do the work: two for muon, otherwise one."""

        def groups(chosen: Sequence[tuple[Tensor, nn.Parameter]]) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = [
                {"params": [w for w, p in chosen if id(p) in decayed], "weight_decay": route.weight_decay},
                {"params": [w for w, p in chosen if id(p) not in decayed], "weight_decay": 0.0},
            ]
            return [group for group in found if group["params"]]

        if route.optimizer != "muon":
            return [_SINGLE[route.optimizer](groups(self._pairs()), route)]
        inside = groups([pair for pair in self._pairs() if id(pair[1]) in hidden])
        outside = groups([pair for pair in self._pairs() if id(pair[1]) not in hidden])
        dtype = torch.bfloat16 if self.mixed else torch.float32
        shards = {id(weight): parameter for weight, parameter in self._pairs()}
        found = [muon.muon(inside, route, dtype, shards)] if inside else []
        return [*found, adaptive.adamw(outside, route)] if outside else found

    @torch.no_grad()
    def collect(self) -> None:
        """Add the gradients that lie on the module's parameters to those of the coming step, in float32, and clear them."""
        if not self.mixed:  # backward itself adds up, in float32
            return
        for weight, parameter in zip(self.weights, self.parameters, strict=True):
            if parameter.grad is not None:
                if not self.collected or weight.grad is None:
                    weight.grad = parameter.grad.float()
                else:
                    weight.grad += parameter.grad
            elif not self.collected:
                weight.grad = None
            parameter.grad = None
        self.collected = True

    def forget(self) -> None:
        """Drop the gradients of a step that was not finished."""
        self.collected = False
        for parameter in (*self.parameters, *self.weights):
            parameter.grad = None

    @torch.no_grad()
    def step(self, share: float) -> float:
        """Apply the gradients that lie on the module's parameters (or were collected) at `share` of the peak rate; clear them.

        Returns:
            The gradient's norm before clipping; nothing is applied if it is not finite.
        """
        gradients = self._gradients()
        length = norm(gradients, self.sharded)
        if length == length and length != float("inf"):
            if 0 < self.clip < length:
                torch._foreach_mul_(gradients, self.clip / length)
            rate = self.peak * share
            for inner in self.inner:
                for group in inner.param_groups:
                    group["lr"] = rate
                inner.step()
            if self.l1 and self.penalised:
                self._shrink(rate * self.l1)
            if self.mixed:
                torch._foreach_copy_([parameter.data for parameter in self.parameters], self.weights)
        for parameter in self.parameters:
            parameter.grad = None
        return length

    def _gradients(self) -> list[Tensor]:
        """Of each weight, in float32; they lie on the weights afterwards."""
        if self.collected:
            self.collected = False
            gradients = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in self.weights]
        else:
            gradients = [
                local(parameter.grad) if parameter.grad is not None else torch.zeros_like(weight)
                for weight, parameter in self._pairs()
            ]
            if self.mixed:
                held = [torch.empty_like(weight) if weight.grad is None else weight.grad for weight in self.weights]
                torch._foreach_copy_(held, gradients)
                gradients = held
        for weight, gradient in zip(self.weights, gradients, strict=True):
            weight.grad = gradient
        return gradients

    def _shrink(self, amount: float) -> None:
        """Soft-threshold the penalised weights, in place."""
        smaller = torch._foreach_abs(self.penalised)
        torch._foreach_sub_(smaller, amount)
        torch._foreach_clamp_min_(smaller, 0.0)
        torch._foreach_copy_(self.penalised, torch._foreach_mul(torch._foreach_sign(self.penalised), smaller))

    @torch.no_grad()
    def start(self, values: Mapping[str, Tensor]) -> None:
        """Set the weights, by the parameters' names."""
        for name, weight, parameter in zip(self.names, self.weights, self.parameters, strict=True):
            weight.copy_(values[name])
            parameter.copy_(weight)

    def snapshot(self) -> dict[str, Tensor]:
        """A copy of the weights and of what the module counts, on the CPU, by their names in the module."""
        held = [whole(weight, parameter) for weight, parameter in self._pairs()]
        found = {**dict(zip(self.names, held, strict=True)), **self.counted}
        return {name: tensor.detach().to("cpu", copy=True) for name, tensor in found.items()}

    def bytes(self) -> int:
        """Of one copy of the trainable weights in float32: what keeping the best ones costs."""
        return sum(4 * weight.numel() for weight in self.weights)

    def tensors(self) -> dict[str, Tensor]:
        """Weights and the optimiser's memory, by name: what an exact continuation needs."""
        found = {f"weight.{name}": whole(w.detach(), p) for name, (w, p) in zip(self.names, self._pairs(), strict=True)}
        found |= {f"counted.{name}": buffer for name, buffer in self.counted.items()}
        owners = {id(weight): (name, parameter) for name, (weight, parameter) in zip(self.names, self._pairs(), strict=True)}
        for inner in self.inner:
            for weight, memory in inner.state.items():
                name, parameter = owners[id(weight)]
                for key, value in memory.items():
                    if value is not None:
                        found[f"{key}.{name}"] = value if key == "step" else whole(value, parameter)
        return found

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take back what `tensors` gave.

        Raises:
            KeyError, RuntimeError: names or shapes differ from this module's.
        """
        for name, (weight, parameter) in zip(self.names, self._pairs(), strict=True):
            weight.copy_(part(_fitting(tensors, f"weight.{name}", parameter), parameter))
            if self.mixed:
                parameter.copy_(weight)
        for name, buffer in self.counted.items():
            buffer.copy_(tensors[f"counted.{name}"])
        held = dict(zip(self.names, self._pairs(), strict=True))
        owners = {id(w): inner for inner in self.inner for group in inner.param_groups for w in group["params"]}
        for full, value in tensors.items():
            key, _, name = full.partition(".")
            if key in ("weight", "counted"):
                continue
            weight, parameter = held[name]
            inner = owners[id(weight)]
            if key != "step":
                value = part(_fitting(tensors, full, parameter), parameter)
            # a counter of steps stays on the processor unless a fused kernel reads it
            place = weight.device if key != "step" or inner.defaults.get("fused") else value.device
            inner.state[weight][key] = value.clone().to(place)


def _fitting(tensors: Mapping[str, Tensor], name: str, parameter: Tensor) -> Tensor:
    if tensors[name].shape != parameter.shape:
        raise RuntimeError(f"{name} has the shape {tuple(tensors[name].shape)}, not {tuple(parameter.shape)}")
    return tensors[name]


def _decayed(module: nn.Module) -> set[int]:
    """Matrices that multiply activations. Biases, norms and embedding tables are left out: decay would pull rare tokens'
    rows towards zero in steps in which they do not even occur."""
    tables = {id(child.weight) for child in module.modules() if isinstance(child, nn.Embedding)}
    return {id(parameter) for parameter in module.parameters() if parameter.ndim >= 2 and id(parameter) not in tables}


def _hidden(module: nn.Module) -> set[int]:
    """Of these, the ones that muon takes: all but those of the output layer."""
    last = {id(parameter) for name, parameter in module.named_parameters() if not _HEADS.isdisjoint(name.split(".")[:-1])}
    return _decayed(module) - last
