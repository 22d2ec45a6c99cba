"""What a task keeps of a model's answers beside its rows: the vectors of a collection that is searched."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from modelwright.base.nouns import Example, Outputs
from modelwright.tasks.contract import Task
from modelwright.train.buckets import lengths_of, sorted_batches
from modelwright.train.precision import choose, device

_ROWS = 64  # computed at a time

Answers = Callable[[Sequence[Example]], Iterable[tuple[list[int], Outputs]]]
"""Outputs of examples, batch by batch: the examples' numbers, and what the model says of them."""


def stand(task: Any, answers: Answers) -> None:
    """Let the task keep what the model says of its collection, if it has one. What stands for a task in a phase has none."""
    examples = task.collection() if isinstance(task, Task) else ()
    if not examples:
        return
    kept: dict[str, np.ndarray] = {}
    for numbers, outputs in answers(examples):
        for name, array in outputs.items():
            kept.setdefault(name, np.empty((len(examples), *array.shape[1:]), array.dtype))[numbers] = array
    task.keep(kept)


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


def answered(task: Task, module: nn.Module, wanted: Literal["auto", "float32", "bfloat16"]) -> Answers:
    """`Answers` of a finished module, on the fastest device and in the precision that training would choose there: a collection may have
    millions of passages. Vectors in bfloat16 differ by about 0.003 in cosine, for half the time."""
    place = device()
    copied = copy.deepcopy(module).to(place, choose(wanted, module, place).dtype).eval()

    def found(examples: Sequence[Example]) -> Iterator[tuple[list[int], Outputs]]:
        for part in sorted_batches(lengths_of(examples), _ROWS):
            inputs = task.collate([examples[number] for number in part]).inputs
            with torch.inference_mode():
                outputs = copied(**{name: torch.from_numpy(array).to(place) for name, array in inputs.items()})
            yield part, {name: tensor.float().cpu().numpy() for name, tensor in outputs.items()}

    return found
