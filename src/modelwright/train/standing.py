"""What a task keeps of a model's answers beside its rows: the vectors of a collection that is searched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from modelwright.base.nouns import Example, Outputs
from modelwright.tasks.contract import Task
from modelwright.train.buckets import lengths_of, sorted_batches

_ROWS = 64  # computed at a time

Answers = Callable[[Sequence[Example]], Iterable[tuple[list[int], Outputs]]]
"""Outputs of examples, batch by batch: the examples' numbers, and what the model says of them."""


def stand(task: Any, answers: Answers) -> bool:
    """Let the task keep what the model says of its collection; whether it has one. A task that stands for another in a phase has none."""
    examples = task.collection() if isinstance(task, Task) else ()
    if not examples:
        return False
    kept: dict[str, np.ndarray] = {}
    for numbers, outputs in answers(examples):
        for name, array in outputs.items():
            kept.setdefault(name, np.empty((len(examples), *array.shape[1:]), array.dtype))[numbers] = array
    task.keep(kept)
    return True


def stand_in(task: Any, answers: Answers, most: int) -> float:
    """As `stand`, but what the model says of at most `most` examples stands for all, where only time is wanted.

    Returns:
        How many times more there are than were computed; 0 without a collection.
    """
    examples = task.collection() if isinstance(task, Task) else ()
    if not examples:
        return 0.0
    places = np.unique(np.linspace(0, len(examples) - 1, min(most, len(examples))).astype(int))
    kept: dict[str, np.ndarray] = {}
    for numbers, outputs in answers([examples[place] for place in places]):
        for name, array in outputs.items():
            kept.setdefault(name, np.empty((len(places), *array.shape[1:]), array.dtype))[numbers] = array
    task.keep({name: array[np.arange(len(examples)) % len(places)] for name, array in kept.items()})
    return len(examples) / len(places)


def answered(task: Task, answer: Callable[[Mapping[str, Any]], Outputs]) -> Answers:
    """`Answers` of a finished model, which is given a batch's inputs."""

    def found(examples: Sequence[Example]) -> Iterable[tuple[list[int], Outputs]]:
        for part in sorted_batches(lengths_of(examples), _ROWS):
            yield part, answer(task.collate([examples[number] for number in part]).inputs)

    return found
