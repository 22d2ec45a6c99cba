"""Predictions beside truths, for tasks that answer with labels: which answers are right, and how sure were they?

Tasks whose predictions carry no labels (numbers, texts) have no confusion, no reliability and no list of mistakes here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelwright.base.nouns import Prediction, Row

EXCERPT = 600
"""Characters of an input that are kept with a mistake."""


@dataclass(frozen=True)
class Answer:
    """One row's truth and what was said of it.

    Args:
        truth, given: labels; one each, or several where rows carry several.
        probability: of the most probable label, 0 to 1.
        scores: the probability of every label; empty where the task gives none.
        several: whether rows carry several labels.
    """

    row: Row
    truth: tuple[str, ...]
    given: tuple[str, ...]
    probability: float
    scores: Mapping[str, float]
    several: bool

    @property
    def right(self) -> bool:
        return set(self.truth) == set(self.given)


def answers(rows: Sequence[Row], predictions: Sequence[Prediction], role: str | None) -> list[Answer]:
    """Labelled answers, in the order of the rows; empty if the task's predictions carry no `label` and `probability`.

    Args:
        role: the column of the truth; None if the task learns from no column.
    """
    found = []
    for row, prediction in zip(rows, predictions, strict=True):
        label, probability = getattr(prediction, "label", None), getattr(prediction, "probability", None)
        if role is None or not isinstance(label, str) or probability is None:
            return []
        truth = row.values[role]
        several = not isinstance(truth, str)
        given = tuple(getattr(prediction, "labels", (label,))) if several else (label,)
        scores = getattr(prediction, "scores", {})
        found.append(Answer(row, tuple(truth) if several else (truth,), given, float(probability), scores, several))
    return found


def statements(found: Sequence[Answer]) -> tuple[list[float], list[bool]]:
    """What was stated with which probability, and whether it was so. With several labels a row, each label's presence or
    absence is a statement of its own."""
    stated: list[float] = []
    true: list[bool] = []
    for answer in found:
        if not answer.several:
            stated.append(answer.probability)
            true.append(answer.right)
        else:
            for label, chance in answer.scores.items():
                stated.append(max(chance, 1 - chance))
                true.append((chance >= 0.5) == (label in answer.truth))
    return stated, true


def mistakes(found: Sequence[Answer], most: int, shown: Callable[[Row], Mapping[str, str]]) -> list[dict[str, Any]]:
    """The wrong answers that were given with most confidence.

    Args:
        shown: what people see of a row (`Task.shown`).
    """
    wrong = sorted((answer for answer in found if not answer.right), key=lambda answer: -answer.probability)
    return [
        {
            "row_id": answer.row.id,
            **_input(shown(answer.row)),
            "truth": list(answer.truth) if answer.several else answer.truth[0],
            "predicted": list(answer.given) if answer.several else answer.given[0],
            "probability": answer.probability,
        }
        for answer in wrong[:most]
    ]


def _input(shown: Mapping[str, str]) -> dict[str, str]:
    return {"input": excerpt(shown.get("text", "")), **({"image": shown["image"]} if "image" in shown else {})}


def excerpt(text: str, most: int = EXCERPT) -> str:
    """The beginning of a text on one line, cut at a space where there is one near the end."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    head = line[:most]
    cut = head.rfind(" ", most - 40)
    return head[: cut if cut > 0 else most].rstrip() + " …"
