"""Losses: outputs in, a mean over the batch out, in float32 whatever the module computes in.

A task names one of `FAMILIES`, which says what its outputs mean; a route may choose another loss of the same family by its
setting `loss`. Weights [b] make the mean a weighted one: Σ w·l / Σ w over everything that is compared (a row of several labels,
steps or tokens counts once for each), so that equal weights change nothing.

Shapes: b batch, c classes or labels, q quantiles, … any axes in between (steps, tokens).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from modelwright.base.errors import SpecError
from modelwright.spec.routes.route import GradientRoute

Loss = Callable[[Mapping[str, Tensor], Any, Tensor | None], Tensor]
"""Outputs by name, targets (None where the module needs none), a weight for each row (None: all count the same)."""

_TINY = 1e-7
IGNORED = -100  # class number of a position that is not learned from (padding)


def _mean(losses: Tensor, weights: Tensor | None, counted: Tensor | None = None) -> Tensor:
    """Mean of losses [b, …], weighted by row and over the `counted` (bool [b, …]) only."""
    if weights is None and counted is None:
        return losses.mean()
    shares = torch.ones_like(losses) if counted is None else counted.to(losses.dtype)
    if weights is not None:
        shares = shares * weights.to(losses.dtype).view(-1, *[1] * (losses.ndim - 1))
    return (losses * shares).sum() / shares.sum().clamp_min(_TINY)  # nothing counted: a loss of zero, and no gradient


def cross_entropy(
    outputs: Mapping[str, Tensor], targets: Tensor, weights: Tensor | None = None, *, smoothing: float = 0.0
) -> Tensor:
    """−log p(class), p = softmax(logits) (Bishop 2006, 4.3.4).

    Args:
        outputs: "logits" [b, …, c].
        targets: class numbers int64 [b, …] (−100: not counted), or probabilities [b, …, c].
        smoothing: s: learned is (1 − s) · target + s / c (Szegedy et al. 2016, 1512.00567).
    """
    logits = outputs["logits"].float()
    soft = targets.is_floating_point()
    if weights is None and logits.ndim == 2:
        return functional.cross_entropy(logits, targets.float() if soft else targets, label_smoothing=smoothing)
    flat = logits.reshape(-1, logits.shape[-1])
    wanted = targets.reshape(flat.shape).float() if soft else targets.reshape(-1)
    losses = functional.cross_entropy(flat, wanted, label_smoothing=smoothing, reduction="none", ignore_index=IGNORED)
    return _mean(losses.view(logits.shape[:-1]), weights, None if soft else targets != IGNORED)


def focal(outputs: Mapping[str, Tensor], targets: Tensor, weights: Tensor | None = None, *, gamma: float = 2.0) -> Tensor:
    """−(1 − p)^γ · log p of the true class: rows that are already right count little (Lin et al. 2017, 1708.02002).

    Args:
        outputs: "logits" [b, …, c].
        targets: class numbers int64 [b, …] (−100: not counted), or probabilities [b, …, c] (their expectation is taken).
        gamma: γ ≥ 0; 0 is cross-entropy.
    """
    logs = functional.log_softmax(outputs["logits"].float(), -1)
    each = -((-torch.expm1(logs)).clamp_min(_TINY) ** gamma) * logs  # the power has no slope at zero for γ < 1
    if targets.is_floating_point():
        return _mean((each * targets.float()).sum(-1), weights)
    counted = targets != IGNORED
    return _mean(each.gather(-1, targets.clamp_min(0)[..., None])[..., 0], weights, None if counted.all() else counted)


def binary_cross_entropy(
    outputs: Mapping[str, Tensor], targets: Tensor, weights: Tensor | None = None, *, smoothing: float = 0.0
) -> Tensor:
    """−t · log p − (1 − t) · log(1 − p), p = sigmoid(logit), for each label on its own (Bishop 2006, 4.3.2).

    Args:
        outputs: "logits" [b, …].
        targets: 0 or 1, or a probability, for each logit.
        smoothing: s: learned is (1 − s) · t + s / 2.
    """
    wanted = targets.float()
    if smoothing:
        wanted = wanted * (1 - smoothing) + smoothing / 2
    logits = outputs["logits"].float()
    if weights is None:
        return functional.binary_cross_entropy_with_logits(logits, wanted)
    return _mean(functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none"), weights)


def binary_focal(outputs: Mapping[str, Tensor], targets: Tensor, weights: Tensor | None = None, *, gamma: float = 2.0) -> Tensor:
    """−t · (1 − p)^γ · log p − (1 − t) · p^γ · log(1 − p) for each label (Lin et al. 2017, 1708.02002, without its α).

    Args:
        outputs: "logits" [b, …].
        targets: 0 or 1 for each logit.
        gamma: γ ≥ 0; 0 is binary cross-entropy.
    """
    logits, wanted = outputs["logits"].float(), targets.float()
    present, absent = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    easy, hard = present.exp().clamp_min(_TINY) ** gamma, absent.exp().clamp_min(_TINY) ** gamma
    losses = -wanted * hard * present - (1 - wanted) * easy * absent
    return _mean(losses, weights)


def mean_squared_error(outputs: Mapping[str, Tensor], targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """(v − t)²; its best answer is the mean (Gauss 1809). "values" [b, …] against numbers of the same shape."""
    return _mean((outputs["values"].float() - targets.float()).square(), weights)


def mean_absolute_error(outputs: Mapping[str, Tensor], targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """|v − t|; its best answer is the median, which outliers hardly move (Laplace 1774). Shapes as mean_squared_error."""
    return _mean((outputs["values"].float() - targets.float()).abs(), weights)


def huber(outputs: Mapping[str, Tensor], targets: Tensor, weights: Tensor | None = None, *, delta: float = 1.0) -> Tensor:
    """½(v − t)² up to a distance of δ, δ·(|v − t| − ½δ) beyond it (Huber 1964). Shapes as mean_squared_error.

    Args:
        delta: δ > 0, in the unit of the targets as the task hands them over (most standardise: 1 is one standard deviation).
    """
    losses = functional.huber_loss(outputs["values"].float(), targets.float(), delta=delta, reduction="none")
    return _mean(losses, weights)


def poisson(outputs: Mapping[str, Tensor], targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """exp(v) − t · v: the deviance of counts whose rate is exp(v), up to a constant (Nelder & Wedderburn 1972).

    Args:
        outputs: "log_rates" [b, …].
        targets: counts ≥ 0 of the same shape.
    """
    values = outputs["log_rates"].float()
    return _mean(values.exp() - targets.float() * values, weights)


def pinball(
    outputs: Mapping[str, Tensor], targets: Tensor, weights: Tensor | None = None, *, levels: tuple[float, ...]
) -> Tensor:
    """max(τ(t − v), (τ − 1)(t − v)) for each level τ; its best answer is the τ-quantile (Koenker & Bassett 1978).

    Args:
        outputs: "quantiles" [b, …, q].
        targets: numbers [b, …].
        levels: τ of each quantile, in (0, 1), in the outputs' order.
    """
    quantiles = outputs["quantiles"].float()
    distance = targets.float()[..., None] - quantiles
    taus = torch.tensor(levels, dtype=torch.float32, device=quantiles.device)
    return _mean(torch.maximum(taus * distance, (taus - 1) * distance), weights)


GIVEN = "given"


def given(outputs: Mapping[str, Tensor], targets: Tensor | None, weights: Tensor | None = None) -> Tensor:
    """What the module itself calls its loss, row by row: "values" [b]. For modules that learn without targets."""
    return _mean(outputs["values"].float(), weights)


FAMILIES: Mapping[str, Mapping[str, Callable[..., Tensor]]] = {
    "cross-entropy": {"cross-entropy": cross_entropy, "focal": focal},
    "binary-cross-entropy": {"binary-cross-entropy": binary_cross_entropy, "focal": binary_focal},
    "mean-squared-error": {
        "mean-squared-error": mean_squared_error,
        "mean-absolute-error": mean_absolute_error,
        "huber": huber,
    },
    "poisson": {"poisson": poisson},
    "pinball": {"pinball": pinball},
    GIVEN: {GIVEN: given},
}
"""By the name that a task gives: the losses that read the same outputs, its own first."""

_SETTINGS = {  # of the route: the losses that it shapes, and their argument
    "label_smoothing": ((cross_entropy, binary_cross_entropy), "smoothing"),
    "focal_gamma": ((focal, binary_focal), "gamma"),
    "huber_delta": ((huber,), "delta"),
}


def choose(named: str, sizes: Mapping[str, Any], route: GradientRoute) -> Loss:
    """The loss that a route trains with.

    Args:
        named: by the task.
        sizes: of the task; pinball takes its levels from sizes["quantiles"].

    Raises:
        SpecError: the route's `loss` does not read this task's outputs, or a setting belongs to another loss.
    """
    family = FAMILIES[named]
    name = route.loss or named
    if name not in family:
        raise SpecError(
            f"loss {name!r} does not fit a task whose outputs are for {named}",
            expected=f"one of: {', '.join(family)}",
            where=f"routes: {route.name}.loss",
            remedy="Leave loss out for the task's own, or take one of these.",
        )
    call = family[name]
    given: dict[str, Any] = {"levels": tuple(sizes["quantiles"])} if call is pinball else {}
    for setting, (losses, argument) in _SETTINGS.items():
        value = getattr(route, setting)
        if call in losses:
            given[argument] = value
        elif value != type(route).model_fields[setting].default:
            raise SpecError(
                f"{setting} is set, but the loss is {name}, which has none",
                expected=f"{setting} with {' or '.join(dict.fromkeys(_name(loss) for loss in losses))} only",
                where=f"routes: {route.name}.{setting}",
                remedy=f"Leave {setting} out, or set loss.",
            )
    return partial(call, **given) if given else call


def _name(loss: Callable[..., Tensor]) -> str:
    return next(name for family in FAMILIES.values() for name, call in family.items() if call is loss)
