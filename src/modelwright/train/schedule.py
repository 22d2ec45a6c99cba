"""How the learning rate moves. Pure arithmetic over (step, total): a plan that changes while training bends the rate with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from modelwright.spec.routes.route import GradientRoute
from modelwright.spec.routes.route import Schedule as Kind

_FIRST = 1 / 25  # of the peak rate, where one-cycle starts; Smith & Topin's ratio


@dataclass(frozen=True)
class Schedule:
    """A rise to the peak rate, then one of several ways down.

    The rise is a straight line over the first `warmup` share of the steps (Goyal et al. 2017, 1706.02677); one-cycle's is a cosine.

    Args:
        kind: see the functions of this module.
        warmup: share of the steps in which the rate rises.
        floor: least share of the peak rate, for kinds that fall to an end.
        decay_share: warmup-stable-decay: share of all steps in which the rate falls.
        drop_every, drop_factor: step and exponential: after this share of all steps the rate is multiplied with this factor.
    """

    kind: Kind = "cosine"
    warmup: float = 0.1
    floor: float = 1e-3
    decay_share: float = 0.2
    drop_every: float = 0.3
    drop_factor: float = 0.1

    @classmethod
    def of(cls, route: GradientRoute) -> Self:
        """The schedule that a route asks for."""
        return cls(route.schedule, route.warmup, route.rate_floor, route.decay_share, route.drop_every, route.drop_factor)

    def share(self, step: int, total: int) -> float:
        """Share of the peak rate for one step, in [0, 1].

        Args:
            step: from 0 to total − 1.
            total: steps planned; it may change while training, and the rate then follows the new plan.
        """
        rising = round(self.warmup * total)
        if step < rising:
            risen = (step + 1) / rising
            return risen if self.kind != "one-cycle" else _FIRST + (1 - _FIRST) * 0.5 * (1 - math.cos(math.pi * risen))
        return _WAYS[self.kind](self, step, rising, total)


def _constant(schedule: Schedule, step: int, rising: int, total: int) -> float:
    """1."""
    return 1.0


def _linear(schedule: Schedule, step: int, rising: int, total: int) -> float:
    """max(floor, 1 − d), d the share of the falling steps that are done."""
    return max(_left(step, rising, total), schedule.floor)


def _cosine(schedule: Schedule, step: int, rising: int, total: int) -> float:
    """max(floor, ½(1 + cos πd)), d as above (Loshchilov & Hutter 2017, 1608.03983, without restarts)."""
    return max(0.5 * (1 - math.cos(math.pi * _left(step, rising, total))), schedule.floor)


def _stable_decay(schedule: Schedule, step: int, rising: int, total: int) -> float:
    """1, then max(floor, 1 − √d) over the last `decay_share` of the steps, d the share of these that are done (warm-up, stable,
    decay: Hu et al. 2024, 2404.06395; the root: Hägele et al. 2024, 2405.18392)."""
    falling = max(1, min(total - rising, round(schedule.decay_share * total)))
    done = (step - (total - falling)) / falling
    return 1.0 if done <= 0 else max(1.0 - math.sqrt(min(1.0, done)), schedule.floor)


def _step(schedule: Schedule, step: int, rising: int, total: int) -> float:
    """factor^⌊s / every⌋, s the share of all steps that are done (He et al. 2016, 1512.03385: a tenth, twice)."""
    return schedule.drop_factor ** math.floor(step / (total * schedule.drop_every))


def _exponential(schedule: Schedule, step: int, rising: int, total: int) -> float:
    """factor^((s − w) / every): `step` without its stairs, from 1 where the rise w ends."""
    return schedule.drop_factor ** ((step - rising) / (total * schedule.drop_every))


def _inverse_sqrt(schedule: Schedule, step: int, rising: int, total: int) -> float:
    """√(w / n) in step n (from 1), w the steps of the rise (Vaswani et al. 2017, 1706.03762). The one that needs no end."""
    return math.sqrt(max(1, rising) / (step + 1))


def _left(step: int, rising: int, total: int) -> float:
    return 1.0 - min(1.0, (step - rising) / max(1, total - rising))


_WAYS: Mapping[Kind, Callable[[Schedule, int, int, int], float]] = {
    "constant": _constant,
    "linear": _linear,
    "cosine": _cosine,
    "warmup-stable-decay": _stable_decay,
    "step": _step,
    "exponential": _exponential,
    "inverse-sqrt": _inverse_sqrt,
    "one-cycle": _cosine,  # Smith & Topin 2018, 1708.07120: from 1/25 up and down again by cosines; momentum stays as it is
}
