"""Histories as numbers, in three ways of reading.

profile: which items, all at once, for models that see a user as a row of a matrix.
history: the latest items in order, each one's successor learned on its own.
sequence: the latest items in order, the successor of every one learned in one pass.

In "history" and "sequence", 0 is padding, 1 to n are the items, and n + 1 stands at the beginning of every history: the model
learns from it what to say to somebody of whom nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from modelwright.base.nouns import Batch, Example, stack_targets

READS = ("profile", "history", "sequence")
PADDING = 0
NOT_COUNTED = -100  # a target that no loss counts
DAY_S = 86_400.0


def profile(ids: Sequence[int], count: bool) -> tuple[np.ndarray, np.ndarray]:
    """Different items int64 [h], rising, and how much each weighs float32 [h]: 1, or how often it occurs."""
    found, times = np.unique(np.asarray(ids, np.int64), return_counts=True)
    return found, times.astype(np.float32) if count else np.ones(len(found), np.float32)


def latest(ids: Sequence[int], items: int, limit: int) -> np.ndarray:
    """The last `limit` of [beginning, items…] as int64 [t], shifted past the padding."""
    return np.array([items + 1, *(one + 1 for one in ids)][-limit:], np.int64)


def profile_lesson(user: str, ids: Sequence[int], ages: Sequence[float], count: bool) -> Example:
    """A user's whole history. `ages`: days before the newest interaction of all, of each item's last occurrence."""
    items, weights = profile(ids, count)
    youngest = dict(zip(ids, ages, strict=True))  # later occurrences overwrite earlier ones
    days = np.array([youngest[int(item)] for item in items], np.float32)
    return Example(user, {"items": items, "weights": weights, "ages": days}, 1)


def pair_lessons(user: str, ids: Sequence[int], weights: Sequence[float], items: int, limit: int) -> list[Example]:
    """Each item of the history, asked for after those before it."""
    found = []
    for place, item in enumerate(ids):
        before = latest(ids[max(0, place - limit) : place], items, limit)
        found.append(Example(user, {"item_ids": before}, len(before), np.array(item, np.int64), float(weights[place])))
    return found


def step_lessons(user: str, ids: Sequence[int], weights: Sequence[float], items: int, limit: int) -> list[Example]:
    """The history in windows of at most `limit` steps, the last one full; each step's target is the item after it."""
    whole, targets = np.array([items + 1, *(one + 1 for one in ids[:-1])], np.int64), np.asarray(ids, np.int64)
    found, end = [], len(ids)
    while end > 0:
        begin = max(0, end - limit)
        weight = float(np.mean(weights[begin:end]))
        found.append(Example(user, {"item_ids": whole[begin:end]}, end - begin, targets[begin:end], weight))
        end = begin
    return found[::-1]


def collate(examples: Sequence[Example], items: int) -> Batch:
    """Stack examples of either kind, questions or lessons.

    Inputs: "profile" float32 [b, items] or "item_ids" int64 [b, t]; and of questions "excluded" bool [b, items] and "asked"
    int64 [b, 2] (how many items, out of how many known ones).
    """
    first = examples[0].inputs
    inputs: dict[str, np.ndarray] = {}
    if "item_ids" in first:
        inputs["item_ids"] = _padded([example.inputs["item_ids"] for example in examples], PADDING)
    else:
        inputs["profile"] = np.zeros((len(examples), items), np.float32)
        for row, example in zip(inputs["profile"], examples, strict=True):
            row[example.inputs["items"]] = example.inputs["weights"]
    if "asked" in first:
        inputs["excluded"] = np.zeros((len(examples), items), bool)
        for row, example in zip(inputs["excluded"], examples, strict=True):
            row[example.inputs["excluded"]] = True
        inputs["asked"] = np.stack([example.inputs["asked"] for example in examples])
    steps = _of_steps(examples)
    # steps are of different lengths: only their weights can be stacked as they are
    targets, weights = stack_targets([replace(example, target=None) for example in examples] if steps else examples)
    if steps:
        targets = _padded([example.target for example in examples if example.target is not None], NOT_COUNTED)
    return Batch(tuple(example.row_id for example in examples), inputs, targets, weights)


def _of_steps(examples: Sequence[Example]) -> bool:
    target = examples[0].target
    return target is not None and target.ndim == 1 and target.dtype == np.int64


def _padded(arrays: Sequence[np.ndarray], padding: int) -> np.ndarray:
    """[b, longest], each array at the beginning of its row."""
    whole = np.full((len(arrays), max(map(len, arrays))), padding, np.int64)
    for row, array in zip(whole, arrays, strict=True):
        row[: len(array)] = array
    return whole
