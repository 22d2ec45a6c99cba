"""How the learning rate moves: up in a straight line, then down. Pure arithmetic over (step, total)."""

from __future__ import annotations

import math
from typing import Literal

Kind = Literal["cosine", "linear", "constant"]


def share(step: int, total: int, warmup: float, kind: Kind) -> float:
    """Share of the peak rate for one step, in (0, 1].

    Args:
        step: from 0 to total − 1.
        total: steps planned; it may change while training, and the rate then follows the new plan.
        warmup: share of `total` in which the rate rises.
        kind: cosine (Loshchilov & Hutter 2017, 1608.03983) and linear end near zero; constant stays.
    """
    rising = round(warmup * total)
    if step < rising:
        return (step + 1) / rising
    if kind == "constant":
        return 1.0
    done = (step - rising) / max(1, total - rising)
    left = 1.0 - min(1.0, done)
    return max(left, 1e-3) if kind == "linear" else max(0.5 * (1 - math.cos(math.pi * left)), 1e-3)
