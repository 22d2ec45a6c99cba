"""Gradient descent: full-batch, mini-batch and stochastic, with and without momentum.

θ parameters, g gradient (clipped, weight decay added), η rate. How many rows g is the mean over is the route's `batch_size`:
all of them ("full"; Cauchy 1847), one (stochastic; Robbins & Monro 1951), or some.

    plain      θ ← θ − η g
    momentum   v ← μ v + g            θ ← θ − η v             (Polyak 1964; Rumelhart et al. 1986)
    nesterov   v ← μ v + g            θ ← θ − η (g + μ v)     (Nesterov 1983, as Sutskever et al. 2013 write it)

v starts at the first g. Weight decay λ is an L2 penalty: g ← g + λ θ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from modelwright.spec.routes.route import GradientRoute


def sgd(groups: Sequence[dict[str, Any]], route: GradientRoute) -> torch.optim.Optimizer:
    """(Stochastic) gradient descent with the route's `momentum` and `nesterov`."""
    nesterov = route.nesterov and route.momentum > 0
    return torch.optim.SGD(groups, lr=route.learning_rate, momentum=route.momentum, nesterov=nesterov, fused=True)
