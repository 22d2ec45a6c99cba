"""What is explained: which rows, and which number of their answer.

Explanations read answers that were already given (predictions-*.jsonl); nothing is scored again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest
from typing import Any

import numpy as np

Line = Mapping[str, Any]
"""A line of predictions-*.jsonl."""


def telling(lines: Sequence[Line], most: int) -> list[Line]:
    """Up to `most` lines: half of them the mistakes made with most confidence, the rest right answers, those of most confidence of
    each label in turn."""
    sure = sorted(lines, key=lambda line: -line["probability"])
    wrong = [line for line in sure if not right(line)]
    mistakes = wrong[: max(most // 2, most - (len(sure) - len(wrong)))]
    return [*mistakes, *by_turns([line for line in sure if right(line)], most - len(mistakes))]


def by_turns(lines: Sequence[Line], most: int) -> list[Line]:
    """Up to `most` lines, in turn of each answered label, labels in the order of their first line."""
    held: dict[str, list[Line]] = {}
    for line in lines:
        held.setdefault(line["label"], []).append(line)
    return [line for line in chain.from_iterable(zip_longest(*held.values())) if line is not None][:most]


def right(line: Line) -> bool:
    return labels_of(line["truth"]) == set(given(line))


def given(line: Line) -> tuple[str, ...]:
    """The label that was answered, or the labels of a row that may have several."""
    return (line["label"],) if isinstance(line["truth"], str) else tuple(line["labels"])


def labels_of(truth: Any) -> set[str]:
    return {truth} if isinstance(truth, str) else set(truth)


def told(line: Line) -> dict[str, Any]:
    """What is said of a line beside its explanation."""
    truth = line["truth"]
    return {
        "row_id": line["row_id"],
        "truth": truth if isinstance(truth, str) else list(truth),
        "predicted": line["label"] if isinstance(truth, str) else list(given(line)),
        "label": line["label"],
        "probability": line["probability"],
        "right": right(line),
    }


def direction(label: int, classes: int, several: bool) -> np.ndarray:
    """What of the logits is explained, as weights float32 [classes]: of one label of several, its logit; where labels exclude each
    other, the logit less the mean of all, since adding one number to all of them changes no answer."""
    weights = np.zeros(classes, np.float32)
    weights[label] = 1
    return weights if several else weights - np.float32(1 / classes)
