"""Divergence: a loss or gradient that is no finite number. What is said, and what is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from modelwright.base.console import amount
from modelwright.base.errors import TrainError
from modelwright.spec.routes.route import GradientRoute

KEPT = "last-good"  # folder of the checkpoint that a diverged training leaves
_ROSE = 1.5  # times the lowest of the recent losses: training had begun to come apart before


class Diverged(TrainError):  # noqa: N818  (it says what happened, as the loop does)
    """Training diverged.

    Args:
        problem: what to say.
        weights: the last good ones, by name; None if there are none (not even the starting weights are finite).
        step: after which they stood.
    """

    def __init__(self, problem: TrainError, weights: Mapping[str, Tensor] | None, step: int) -> None:
        super().__init__(problem.came, expected=problem.expected, where=problem.where, remedy=problem.remedy)
        self.weights, self.step = weights, step

    def kept(self, folder: str) -> TrainError:
        """The same, told to a user: where the last good checkpoint is."""
        remedy = f"The last good checkpoint (step {self.step:,}) is {folder}; a route takes it by `from:`. {self.remedy}"
        return TrainError(self.came, expected=self.expected, where=self.where, remedy=remedy)


def finite(weights: Mapping[str, Tensor]) -> bool:
    """Whether every number is one."""
    return all(bool(torch.isfinite(tensor).all()) for tensor in weights.values() if tensor.is_floating_point())


def told(
    what: str, step: int, route: GradientRoute, *, rate: float, before: Sequence[float], precision: str, where: str
) -> TrainError:
    """Why it probably diverged, and what to change.

    Args:
        what: "loss" or "gradient".
        step: the one that was not finite, from 1.
        rate: learning rate of that step.
        before: losses of the steps before it, oldest first.
    """
    came = f"training diverged: the {what} is no finite number at step {step:,} (learning rate {amount(rate, 3)}"
    came += f", loss before {amount(before[-1], 3)})" if before else ")"
    changes = [] if precision == "float32" else ["set precision: float32 (bfloat16 overflows or cancels where float32 does not)"]
    if not before:
        cause = "Nothing had been learned yet, so the learning rate is not to blame: a row or the starting weights hold no finite numbers"
        changes += ["look at the rows of the quarantine and at the checkpoint that the route starts from"]
    else:
        rose = before[-1] > _ROSE * min(before)
        cause = f"The loss had risen from {amount(min(before), 3)} before" if rose else "It came from one step to the next"
        changes.insert(0, f"lower learning_rate (to {amount(route.learning_rate / 3, 2)}, say)")
        changes += ["set clip: 1"] if not route.clip else []
        changes += [f"raise warmup (it is {route.warmup:g})"]
    return TrainError(
        came,
        expected="a finite loss and gradient in every step",
        where=where,
        remedy=f"{cause}. {_sentence(changes)}; then run again.",
    )


def _sentence(parts: Sequence[str]) -> str:
    joined = ", or ".join(parts)
    return joined[0].upper() + joined[1:]
