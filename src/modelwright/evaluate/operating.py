"""Decisions made with probabilities: a threshold that clears enough of the healthy, and answers left to people when unsure.

The threshold is set on the validation split and then judged on the test split, as it will be in use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelwright.evaluate.answers import Answer
from modelwright.tasks.contract import Task
from modelwright.tasks.measures.operating import threshold_at_specificity

SHARES = tuple(share / 20 for share in range(20, 0, -1))


def operating(task: Task, validation: Mapping[str, np.ndarray], test: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The part "operating" of evaluation.json; nothing unless the task looks for one of two labels.

    Args:
        validation, test: of `align`: "truth" [n] and "probabilities" [n, 2].

    Returns:
        "operating": "positive" (the label), "wanted" (the specificity asked for), "threshold" (of the positive label's probability), and
        what it does on the test split: "sensitivity", "specificity", "precision" (None where nothing is called positive), "rows".
    """
    positive, wanted = getattr(task, "positive", None), getattr(getattr(task, "learn", None), "specificity", None)
    if positive is None or wanted is None or test["probabilities"].shape[1] != 2:
        return {}
    threshold = threshold_at_specificity(validation["truth"] == positive, validation["probabilities"][:, positive], wanted)
    truth, called = test["truth"] == positive, test["probabilities"][:, positive] >= (threshold if threshold is not None else 2)
    if threshold is None or not truth.any() or truth.all():
        return {}
    return {
        "operating": {
            "positive": task.labels[positive],  # type: ignore[attr-defined]
            "wanted": wanted,
            "threshold": threshold,
            "sensitivity": float(called[truth].mean()),
            "specificity": float((~called[~truth]).mean()),
            "precision": float(truth[called].mean()) if called.any() else None,
            "rows": len(truth),
        }
    }


def coverage(found: Sequence[Answer], floor: float | None) -> dict[str, Any]:
    """The part "coverage" of evaluation.json: how right the surest answers are (El-Yaniv & Wiener 2010).

    Args:
        found: answers of one label each.
        floor: `learn.abstain_below`; None where nothing is left to people.

    Returns:
        "coverage": "curve", a list of "share" (of the rows, the surest first), "accuracy" among them, "rows", and "probability", the least of
        them; and "floor" with the "share" answered and its "accuracy" where a floor is set.
    """
    sure = np.array([answer.probability for answer in found])
    right = np.array([answer.right for answer in found], bool)[np.argsort(-sure, kind="stable")]
    ordered = -np.sort(-sure)
    curve = []
    for share in SHARES:
        rows = round(share * len(found))
        if rows:
            curve.append(
                {"share": share, "accuracy": float(right[:rows].mean()), "rows": rows, "probability": float(ordered[rows - 1])}
            )
    parts: dict[str, Any] = {"curve": curve}
    if floor is not None:
        answered = int((ordered >= floor).sum())
        accuracy = float(right[:answered].mean()) if answered else None
        parts["floor"] = {"probability": floor, "share": answered / len(found), "accuracy": accuracy, "rows": answered}
    return {"coverage": parts}
