"""How many steps there will be.

Rows, epochs and the budget in steps give the natural number. A budget in seconds may allow fewer: then the number is fitted to
the measured time of a step, early, so that the learning rate still falls to its end instead of being cut off on the way. Every
such decision is written down at once, because a continued run must follow the plan of the run it continues, not its own clock.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from modelwright.base.store import write_text
from modelwright.train.resume import damaged

FILE = "plan.jsonl"
AIM = 0.97  # share of the seconds that is planned for; the rest is for what nobody foresaw
_FIRST, _SOON = 8, (8, 16, 32, 64)  # steps after which the plan is looked at; later every sixteenth of it
EVALUATIONS = 100  # at most, before the last one
_TOLERANCE = 0.02  # of the steps left: smaller corrections are not worth bending the schedule for


def evaluate_every(steps: int, steps_per_epoch: int) -> int:
    """Epochs from one evaluation to the next in a training of `steps`: one, unless that would make more than a hundred of them.
    Where every step sees all rows there are as many epochs as steps, and evaluating each would take a good part of the time."""
    return max(1, math.ceil(steps / steps_per_epoch / EVALUATIONS))


@dataclass(frozen=True)
class Limits:
    """What training may spend. None: no limit. `seconds_by` says what the seconds stand for: they may be what money buys."""

    seconds: float | None = None
    steps: int | None = None
    seconds_by: Literal["seconds", "money"] = "seconds"


class Plan:
    """The number of steps, and who set it.

    Args:
        steps_per_epoch, epochs: of the route.
        limits: of the project.
        folder: where decisions are kept; what lies there already is followed.
    """

    def __init__(self, steps_per_epoch: int, epochs: int, limits: Limits, folder: Path) -> None:
        self.steps_per_epoch, self.limits, self.file = steps_per_epoch, limits, folder / FILE
        self.natural = steps_per_epoch * epochs
        self.ends_by: Literal["epochs", "steps", "seconds"] = "epochs"
        if limits.steps is not None and limits.steps < self.natural:
            self.natural, self.ends_by = limits.steps, "steps"
        self.total = self.natural
        self.recorded = _read(self.file)

    def follow(self, step: int) -> None:
        """Stand where the continued run stood after `step` steps."""
        for at, total in sorted(self.recorded.items()):
            if at <= step:
                self.total = total

    def reconsider(self, step: int, spent_s: float, step_s: float, evaluation_s: float, closing_s: float) -> None:
        """Look at the plan after `step` steps; most calls find that it is not yet time, or that all is well.

        Args:
            spent_s: since the beginning, continued runs included.
            step_s: from one step to the next, lately, everything between them included.
            evaluation_s, closing_s: what an evaluation and the end take.
        """
        if self.limits.seconds is None:
            return
        if step in self.recorded:
            self.total = self.recorded[step]
            return
        if step < max(self.recorded, default=0) or not self._due(step):
            return
        left_s = self.limits.seconds * AIM - spent_s - closing_s
        per_step_s = step_s + evaluation_s / (self.steps_per_epoch * self.evaluate_every)
        fitting = step + max(1, math.floor(left_s / per_step_s))
        wanted = min(self.natural, fitting)
        raised_late = wanted > self.total and step > self.total / 2  # the rate is falling: it should not rise again
        if not raised_late and abs(wanted - self.total) > _TOLERANCE * (self.total - step):
            self.total = wanted
            self.recorded[step] = wanted
            lines = [json.dumps({"step": at, "total_steps": total}) for at, total in sorted(self.recorded.items())]
            write_text(self.file, "\n".join(lines) + "\n")

    def _due(self, step: int) -> bool:
        return step in _SOON or (step > _FIRST and step % max(_FIRST, self.total // 16) == 0)

    @property
    def evaluate_every(self) -> int:
        """Epochs from one evaluation to the next."""
        return evaluate_every(self.total, self.steps_per_epoch)

    @property
    def stopped_by(self) -> Literal["epochs", "steps", "seconds", "money"]:
        return self.ends_by if self.total == self.natural else self.limits.seconds_by

    def overdue(self, spent_s: float) -> bool:
        """True once the seconds are spent, whatever was planned."""
        return self.limits.seconds is not None and spent_s >= self.limits.seconds


def _read(file: Path) -> dict[int, int]:
    """Decisions of the run that is continued.

    Raises:
        TrainError: the file is damaged.
    """
    if not file.exists():
        return {}
    try:
        records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        return {int(record["step"]): int(record["total_steps"]) for record in records}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(file, error) from error
