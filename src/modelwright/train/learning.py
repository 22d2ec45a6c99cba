"""The measured learning curve: the same route on smaller, nested parts of the training split, scored on the same validation rows.

It says what more data would bring (`venture/learning.py` reads it further to the right). Each part is a beginning of one order of the
rows in which every beginning has the same mix of labels, so that the points differ by size alone. The test split is not touched.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelwright.base.errors import DataError, TrainError
from modelwright.base.nouns import Row
from modelwright.base.store import read_json, write_json
from modelwright.spec.routes.route import Route
from modelwright.tasks.contract import Task
from modelwright.train.plan import Limits
from modelwright.train.route import train_route

LEARNING = "learning.json"
_MOST = 0.5
"""Share of the route's seconds that smaller trainings may take all together; the rest is for the one that ships."""


def nested(rows: Sequence[Row], label: str | None, seed: int) -> list[Row]:
    """The rows in an order whose every beginning is a smaller set of the same mix: of each label its share, and at least one.

    Args:
        label: the role that rows are balanced by; None: at random.
    """
    draw = random.Random(seed)
    groups: dict[Any, list[Row]] = {}
    for row in draw.sample(list(rows), len(rows)):
        groups.setdefault(None if label is None else row.values.get(label), []).append(row)
    placed = []
    for members in groups.values():
        start = draw.random()  # so that groups of one size do not all begin at once
        placed += [((number + start) / len(members) if number else 0.0, row) for number, row in enumerate(members)]
    if len(groups) == 1:
        return [row for _, row in placed]
    return [row for _, row in sorted(placed, key=lambda item: item[0])]


def measure(
    task: type[Task],
    route: Route,
    rows: Sequence[Row],
    validation: Sequence[Row],
    shares: Sequence[float],
    *,
    folder: Path,
    limits: Limits,
    seed: int,
    **settings: Any,
) -> dict[str, Any]:
    """Train on each share below 1 and write the scores into `folder`/learning.json, one by one: a killed run keeps them.

    Args:
        shares: of the training rows, ascending.
        limits: of the route; the parts take at most half of its seconds, and stop where these are spent.
        settings: the others of `train_route`.

    Returns:
        {"metric", "better", "unit", "points": [{"share", "rows", "score", "seconds"}], "left_out": [{"share", "why"}], "seconds"}.
    """
    metric = task.metrics[0]
    file = folder / LEARNING
    about = {"metric": metric.name, "better": metric.better, "unit": metric.unit}
    found: dict[str, Any] = {**about, "points": [], "left_out": [], "seconds": 0.0}
    if file.exists():
        found = read_json(file)
    known = {item["share"] for item in (*found["points"], *found["left_out"])}
    label = next((column.role for column in task.columns if column.kind == "label" and not column.input), None)
    ordered = nested(rows, label, seed)
    for share in (share for share in shares if share < 1 and share not in known):
        part = folder / f"learning-{share:g}"
        part.mkdir(exist_ok=True)
        left = None if limits.seconds is None else limits.seconds * _MOST - found["seconds"]
        if left is not None and left <= 0:
            found["left_out"].append({"share": share, "why": "half of the route's time was spent on smaller parts"})
        else:
            found = _point(found, task, route, ordered, validation, share, part, replace(limits, seconds=left), seed, settings)
        write_json(file, found)
        shutil.rmtree(part)
    return found


def _point(
    found: dict[str, Any],
    task: type[Task],
    route: Route,
    ordered: Sequence[Row],
    validation: Sequence[Row],
    share: float,
    folder: Path,
    limits: Limits,
    seed: int,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    count = max(2, round(share * len(ordered)))
    try:
        result = train_route(task, route, ordered[:count], validation, folder=folder, limits=limits, seed=seed, **settings)
    except (DataError, TrainError) as error:  # too small a part teaches nothing: that is a finding, not the end of the run
        return {**found, "left_out": [*found["left_out"], {"share": share, "why": error.came}]}
    if result["best_score"] is None:
        return {
            **found,
            "left_out": [*found["left_out"], {"share": share, "why": "the metric is not defined on validation rows"}],
        }
    point = {"share": share, "rows": count, "score": result["best_score"], "seconds": result["seconds"]}
    return {**found, "points": [*found["points"], point], "seconds": found["seconds"] + result["seconds"]}


def add_whole(folder: Path, rows: int, result: Mapping[str, Any]) -> dict[str, Any]:
    """The curve with its last point: the training that ships."""
    found = read_json(folder / LEARNING)
    points = [point for point in found["points"] if point["share"] < 1]
    if result["best_score"] is not None:
        points.append({"share": 1.0, "rows": rows, "score": result["best_score"], "seconds": result["seconds"]})
    found["points"] = points
    write_json(folder / LEARNING, found)
    return found
