"""Two ways to share an answer out among what it was made of.

integrated gradients (Sundararajan, Taly & Yan 2017, 1703.01365)
    part_i = (x_i − b_i) · ∫₀¹ ∂f/∂x_i (b + α (x − b)) dα      Σ part_i = f(x) − f(b)
    What the parts must sum to ("completeness") is known on every stretch of the way, so that a stretch where they do not is halved:
    the nodes go where the answer changes fast.

Grad-CAM (Selvaraju et al. 2017, 1610.02391)
    heat = max(0, Σ_k w_k A_k), w_k the mean over all places of ∂f/∂A_k, A the last map of features
    Only what speaks for the answer is seen, and only as finely as the map is.

Shapes: n nodes, b batch, c channels, h height, w width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

NODES = 4
"""Of the Gauss–Legendre sum on one stretch."""
STRETCHES, MOST_STRETCHES = 3, 16
TOLERANCE = 0.03
"""Of the difference that may be missing before stretches are halved."""
_SHORTEST = 1e-3  # of the way: what changes faster is a jump, and more nodes would not catch it
_SMALLEST = 0.1  # logits: what is missing of a smaller difference counts as a share of this


@dataclass(frozen=True)
class Shares:
    """An answer, shared out.

    Args:
        parts: of each input, in logits, float64.
        value, start: the answer for the input, and for the baseline.
    """

    parts: np.ndarray
    value: float
    start: float

    @property
    def gap(self) -> float:
        """What the parts miss of the difference, as a share of the larger of the difference and all that was shared out."""
        difference = self.value - self.start
        return abs(float(self.parts.sum()) - difference) / max(abs(difference), float(np.abs(self.parts).sum()), _SMALLEST)


@dataclass(frozen=True)
class Care:
    """How exactly an integral is taken.

    Args:
        stretches: at the beginning, and computed at most.
        tolerance: share of the difference that may be missing.
    """

    stretches: tuple[int, int] = (STRETCHES, MOST_STRETCHES)
    tolerance: float = TOLERANCE


@dataclass(frozen=True, eq=False)
class _Stretch:
    """A part of the way, from `low` to `high`, with the answer at its ends and the parts it gives."""

    low: float
    high: float
    answers: tuple[float, float]
    parts: np.ndarray

    @property
    def missing(self) -> float:
        return self.answers[1] - self.answers[0] - float(self.parts.sum())


def integrated_gradients(
    answer: Callable[[Tensor], Tensor], given: Tensor, baseline: Tensor, over: int, at_once: int, care: Care = Care()
) -> Shares:
    """Share `answer(given) − answer(baseline)` out among the elements of `given`, summed over one axis of it.

    Args:
        answer: [n, …] → [n], differentiable.
        given, baseline: of one shape, without a batch axis; the straight way between them is integrated along.
        over: the axis that is summed over (width of an embedding, channels of a pixel).
        at_once: points computed together.
    """
    way = given - baseline
    weights = torch.from_numpy(np.polynomial.legendre.leggauss(NODES)[1] / 2)

    def points(places: np.ndarray) -> Tensor:
        return baseline + torch.from_numpy(places).to(given.dtype).view(-1, *[1] * given.ndim) * way

    def answers(places: np.ndarray) -> list[float]:
        with torch.no_grad():
            return torch.cat([answer(part) for part in points(places).split(at_once)]).double().tolist()

    def measured(edges: np.ndarray, known: list[float]) -> list[_Stretch]:
        """A stretch for each pair [low, high]; `known` are the answers there, two for each."""
        inside = (np.polynomial.legendre.leggauss(NODES)[0] + 1) / 2
        many = torch.from_numpy((edges[:, :1] + (edges[:, 1:] - edges[:, :1]) * inside).ravel())
        slopes = []
        for part in many.split(at_once):
            here = points(part.numpy()).requires_grad_(True)
            slopes.append((torch.autograd.grad(answer(here).sum(), here)[0] * way).sum(over + 1).double())
        means = torch.einsum("k,nk...->n...", weights, torch.cat(slopes).unflatten(0, (len(edges), NODES))).numpy()
        return [
            _Stretch(low, high, (known[2 * at], known[2 * at + 1]), means[at] * (high - low))
            for at, (low, high) in enumerate(edges.tolist())
        ]

    cuts = np.linspace(0, 1, care.stretches[0] + 1)
    ends = answers(cuts)
    found = measured(np.stack([cuts[:-1], cuts[1:]], 1), [end for at in range(len(cuts) - 1) for end in ends[at : at + 2]])
    computed, allowed = len(found), care.tolerance * max(abs(ends[-1] - ends[0]), _SMALLEST)
    while sum(abs(one.missing) for one in found) > allowed and computed < care.stretches[1]:
        worst = sorted(found, key=lambda one: -abs(one.missing))[: max(1, (care.stretches[1] - computed) // 2)]
        halved = [one for one in worst if abs(one.missing) > allowed / (2 * len(found)) and one.high - one.low > _SHORTEST]
        if not halved:
            break
        middles = np.array([(one.low + one.high) / 2 for one in halved])
        known = answers(middles)
        edges = [pair for one, at in zip(halved, middles.tolist(), strict=True) for pair in ((one.low, at), (at, one.high))]
        held = [end for one, at in zip(halved, known, strict=True) for end in (one.answers[0], at, at, one.answers[1])]
        found = [one for one in found if one not in halved] + measured(np.array(edges), held)
        computed += len(edges)
    return Shares(np.sum([one.parts for one in found], 0), ends[-1], ends[0])


def grad_cam(layer: nn.Module, answer: Callable[[], Tensor]) -> np.ndarray:
    """Heat [b, h, w] of the map [b, c, h, w] that `layer` gives while `answer` is computed; at least 0, in logits.

    Args:
        answer: the forward pass, to [b].
    """
    held: list[Tensor] = []

    def keep(module: nn.Module, given: object, map_bchw: Tensor) -> Tensor:
        held.append(map_bchw.detach().requires_grad_(True))
        return held[-1].clone()  # what comes after may work in place

    hook = layer.register_forward_hook(keep)
    try:
        with torch.enable_grad():
            total = answer().sum()
            (slopes_bchw,) = torch.autograd.grad(total, held[-1])
    finally:
        hook.remove()
    weights_bc = slopes_bchw.mean((2, 3))
    return torch.relu(torch.einsum("bc,bchw->bhw", weights_bc, held[-1])).detach().double().numpy()
