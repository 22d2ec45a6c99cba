"""Which rows make a batch: rows of similar length together, in a seeded order.

Each epoch shuffles all rows, sorts stretches of fifty batches by length, cuts them into batches and shuffles those: padding
stays small, and no two epochs are alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelwright.base.nouns import Example

_STRETCH = 50  # batches sorted together; enough for even batches, few enough that neighbours change from epoch to epoch


def lengths_of(examples: Sequence[Example]) -> Sequence[int]:
    """The length of each. Examples that are made only when they are asked for may know their `lengths` beforehand."""
    known = getattr(examples, "lengths", None)
    return [example.length for example in examples] if known is None else known


def turned(examples: Sequence[Example], lengths: Sequence[int], seed: int, epoch: int) -> Sequence[int]:
    """The lengths in an epoch. Examples that are drawn anew in each (other passages, other words hidden) have `turn(seed, epoch)`,
    which is called first; there are always as many of them."""
    turn = getattr(examples, "turn", None)
    if turn is None:
        return lengths
    turn(seed, epoch)
    return lengths_of(examples)


def epoch_batches(lengths: Sequence[int], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Row numbers of each batch of one epoch; every row once. Depends on nothing but the arguments."""
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(lengths))
    sizes = np.asarray(lengths)
    batches: list[list[int]] = []
    for start in range(0, len(order), batch_size * _STRETCH):
        stretch = order[start : start + batch_size * _STRETCH]
        stretch = stretch[np.argsort(sizes[stretch], kind="stable")]
        batches += [stretch[at : at + batch_size].tolist() for at in range(0, len(stretch), batch_size)]
    return [batches[number] for number in generator.permutation(len(batches))]


def sorted_batches(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Row numbers of each batch when nothing is learned: by length, so that hardly anything is padding."""
    order = np.argsort(np.asarray(lengths), kind="stable").tolist()
    return [order[at : at + batch_size] for at in range(0, len(order), batch_size)]
