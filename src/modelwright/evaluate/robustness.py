"""How much quality is lost when texts are typed carelessly: the same test rows with slips of the finger, answered by the same graph.

Five of a hundred letters or characters are swapped with the next, dropped, doubled or change their case, by a seeded draw. Routes
that hang on exact words lose more than those that read parts of words. Rows without texts are not disturbed, and nothing is
said of them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.base.graph import open_graph
from modelwright.base.journey import predict
from modelwright.base.nouns import Row
from modelwright.evaluate.intervals import bounds
from modelwright.tasks.contract import Task, load_task

SHARE = 0.05
MOST_ROWS = 200
"""Asked twice each; enough for an interval of a few points."""


def disturb(text: str, draw: random.Random, share: float = SHARE) -> str:
    """The text with slips: about `share` of its letters are hit."""
    found, place = [], 0
    while place < len(text):
        letter = text[place]
        if not letter.isalnum() or draw.random() >= share:
            found.append(letter)
            place += 1
            continue
        slip = draw.choice(("swap", "drop", "double", "case"))
        if slip == "swap" and place + 1 < len(text):
            found += [text[place + 1], letter]
            place += 2
            continue
        found.append({"drop": "", "double": letter * 2, "case": letter.swapcase()}.get(slip, letter))
        place += 1
    return "".join(found)


def robustness(
    source: Path, rows: Sequence[Row], resamples: int, seed: int, most: int = MOST_ROWS, paid: Path | None = None
) -> dict[str, Any] | None:
    """What the headline metric loses on disturbed texts.

    Args:
        source: a train folder: model.onnx (or asker.json) and the task's files.
        rows: the test split; a seeded sample of at most `most` is asked, undisturbed and disturbed.
        paid: record of a bought model's paid answers.

    Returns:
        {"metric", "rows", "share", "clean", "disturbed", "loss", "low", "high"}: the loss is positive where quality falls, with a
        95 % interval by the paired bootstrap; None where no input is a text or the metric is not defined on these rows.
    """
    task = load_task(source)
    roles = [column.role for column in task.columns if column.input and column.kind == "text"]
    sample = list(rows) if len(rows) <= most else random.Random(seed).sample(list(rows), most)
    draw = random.Random(seed)
    other = [_disturbed(row, roles, draw) for row in sample]
    if not any(one.values != two.values for one, two in zip(sample, other, strict=True)):
        return None
    graph = open_graph(source, paid=paid)
    aligned = [task.align(predict(task, graph, part), part) for part in (sample, other)]
    return _loss(task, aligned, len(sample), resamples, seed)


def _disturbed(row: Row, roles: Sequence[str], draw: random.Random) -> Row:
    texts = {role: disturb(row.values[role], draw) for role in roles if isinstance(row.values.get(role), str)}
    # a text of a letter or two can lose all of them; an empty text is no careless one
    return Row(row.id, {**row.values, **{role: text for role, text in texts.items() if text.strip()}})


def _loss(task: Task, aligned: Sequence[Any], rows: int, resamples: int, seed: int) -> dict[str, Any] | None:
    metric = task.metrics[0]
    sign = 1.0 if metric.better == "higher" else -1.0

    def both(picked: np.ndarray) -> tuple[float, float]:
        clean, other = (
            task.score({name: array[picked] for name, array in part.items()}).get(metric.name, np.nan) for part in aligned
        )
        return clean, other

    clean, other = both(np.arange(rows))
    if np.isnan(clean) or np.isnan(other):
        return None
    generator = np.random.default_rng(seed)
    drawn = np.array([both(generator.integers(0, rows, rows)) for _ in range(resamples)])
    return {
        "metric": metric.name,
        "rows": rows,
        "share": SHARE,
        "clean": float(clean),
        "disturbed": float(other),
        "loss": float(sign * (clean - other)),
        **bounds(sign * (drawn[:, 0] - drawn[:, 1])),
    }
