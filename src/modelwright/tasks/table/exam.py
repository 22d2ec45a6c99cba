"""Made tables that table tasks are examined on: small, learnable, with every type of column and what breaks readers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from modelwright.base.nouns import Row

KINDS = ("two-classes", "three-classes")
_PLACES = ("harbour", "hill", "mill", "market")
_GOOD = ("quiet", "sunny", "renovated", "spacious", "garden")
_BAD = ("noisy", "dark", "damp", "cramped", "road")


def table(seed: int, rows: int = 120) -> list[tuple[dict[str, Any], float]]:
    """Columns of every type with gaps, and a score that depends on them."""
    draw = np.random.default_rng(seed)
    made = []
    for number in range(rows):
        size, age = float(draw.normal(80, 20)), float(draw.integers(0, 90))
        place, month = int(draw.integers(0, len(_PLACES))), int(draw.integers(1, 13))
        kind = bool(draw.random() < 0.5)
        words = [str(word) for word in draw.choice(_GOOD if kind else _BAD, 3)]
        score = (size - 80) / 20 + (1.0, -1.0, 0.5, 0.0)[place] + (0.8 if kind else -0.8) - (age - 45) / 60
        made.append(
            (
                {
                    "size": None if draw.random() < 0.1 else round(size, 2),
                    "age": str(int(age)),  # as a CSV file gives it
                    "place": "?" if draw.random() < 0.05 else _PLACES[place],
                    "remark": f"a {words[0]} flat, {words[1]} and {words[2]}, number {number % 7}",
                    "sold": f"20{24 + number % 2}-{month:02d}-{1 + number % 28:02d}",
                    "lift": bool(draw.random() < 0.5),
                    "country": "here",  # constant: left out
                },
                score + float(draw.normal(0, 0.2)),
            )
        )
    return made


def labelled(seed: int, kind: str) -> list[Row]:
    """120 rows of two or three classes, cut by the score."""
    made = table(seed)
    names = ("no", "yes") if kind == KINDS[0] else ("high", "low", "middle")

    def label(score: float) -> str:
        if kind == KINDS[0]:
            return names[int(score > 0)]
        return "high" if score > 0.7 else "low" if score < -0.7 else "middle"

    return [Row(f"exam-{number}", {**columns, "label": label(score)}) for number, (columns, score) in enumerate(made)]


def numbered(seed: int) -> list[Row]:
    """120 rows with a number to predict, far from 0."""
    return [
        Row(f"exam-{number}", {**columns, "target": 1000.0 + 150.0 * score})
        for number, (columns, score) in enumerate(table(seed))
    ]


def strange(target: dict[str, Any]) -> list[Row]:
    """Rows whose cells are of a wrong type, or that lack a column."""
    good = table(0, 1)[0][0]
    wrong: list[dict[str, Any]] = [
        {**good, "size": "large"},
        {**good, "size": [1, 2]},
        {**good, "size": True},
        {**good, "place": {"name": "hill"}},
        {**good, "sold": "last summer"},
        {**good, "sold": "2024-13-45"},
        {**good, "remark": 7},
        {name: value for name, value in good.items() if name != "place"},
    ]
    return [Row("strange", {**columns, **target}) for columns in wrong]


def requests() -> list[Any]:
    """Hostile requests: each is answered, or refused by RequestError."""
    good = table(0, 1)[0][0]
    return [
        {"features": good},
        {"features": {**good, "size": None, "place": None, "remark": None, "sold": None, "lift": None, "age": None}},
        {"features": {**good, "place": "a place never seen"}},
        {"features": {**good, "size": 1e308, "age": -1e308}},
        {"features": {**good, "size": math.inf, "age": -math.inf}},
        {"features": {**good, "size": math.nan}},
        {"features": {**good, "size": 10**400}},
        {"features": {**good, "remark": "\ud800 \x00 " + "word " * 20_000}},
        {"features": {**good, "sold": "9999-12-31T23:59:59.999999+00:00"}},
        {"features": {**good, "lift": "true"}},
        {"features": {name: value for name, value in good.items() if name != "size"}},
        {"features": {**good, "colour": "red"}},
        {"features": {**good, "size": "large"}},
        {"features": {**good, "place": ["hill"]}},
        {"features": {}},
        {"features": [good]},
        good,
        {},
        None,
        "size 80",
        [good],
        {"features": good, "explain": "yes"},
        {"features": good, "other": 1},
    ]
