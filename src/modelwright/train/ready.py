"""Everything that the first step of a training needs: the module with its optimiser, and the rows as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

from torch import nn

from modelwright.base.nouns import Example, Row
from modelwright.spec.routes.route import GradientRoute
from modelwright.tasks.contract import Task
from modelwright.train.buckets import lengths_of
from modelwright.train.precision import choose, device
from modelwright.train.step import Stepper
from modelwright.train.vocabulary import Vocabulary


@dataclass(frozen=True)
class Prepared:
    """Module and optimiser, training rows and validation rows as numbers.

    Args:
        route: with everything settled that it left to the rows.
        examples: of the training rows.
        rows, held: of the validation split: rows, and their examples.
    """

    task: Any
    route: GradientRoute
    stepper: Stepper
    examples: Sequence[Example]
    held: Sequence[Example]
    rows: Sequence[Row] = ()

    @cached_property
    def lengths(self) -> Sequence[int]:
        return lengths_of(self.examples)


def make_ready(module: nn.Module, task: Any, route: GradientRoute, rows: Sequence[Row], validation: Sequence[Row]) -> Prepared:
    """Encode the rows and set the module up for its first step.

    Args:
        task: fitted; a Task, or what stands for one in a phase (`preference.Pairs`).
    """
    examples, held = task.lessons(rows), task.encode_many(validation)
    if type(route).settled is not GradientRoute.settled:
        route = route.settled(task.sizes, int(sum(lengths_of(examples))))
    standing = task.collection() if isinstance(task, Task) else ()
    vocabulary = Vocabulary(module, chain(examples, held, standing))
    place = device()
    precision = choose(route.precision, module, place)
    return Prepared(task, route, Stepper(module, task, route, precision, vocabulary, place), examples, held, validation)
