"""One trained route, measured: quality with intervals, for whom, where it errs, how sure it is, how fast it answers.

What is measured is what production runs: the exported graph, with the task's own `encode` and `decode` around it.
Slices, confusion, reliability and mistakes are the test split's; latency is measured on validation rows.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from modelwright.base.console import Console, Progress
from modelwright.base.errors import DataError
from modelwright.base.graph import Graph, graph_file, open_graph
from modelwright.base.journey import Runner, predict, served_bytes, single
from modelwright.base.nouns import Prediction, Row
from modelwright.base.store import write_json, write_text
from modelwright.base.timing import latency_ms
from modelwright.evaluate.answers import answers, mistakes, statements
from modelwright.evaluate.calibration import reliability
from modelwright.evaluate.confusion import confusion
from modelwright.evaluate.explain import of_columns
from modelwright.evaluate.files import EVALUATION, draws_file, predictions_file
from modelwright.evaluate.forecasts import by_steps
from modelwright.evaluate.intervals import Draws, draw
from modelwright.evaluate.numbers import residuals
from modelwright.evaluate.operating import coverage, operating
from modelwright.evaluate.ranking import by_places
from modelwright.evaluate.slices import gaps, score_slices, slice_rows
from modelwright.spec.evaluate import Evaluate
from modelwright.tasks.contract import Task, load_task

LATENCY_ROWS = 200


def evaluate_route(
    source: Path,
    settings: Evaluate,
    validation: Sequence[Row],
    test: Sequence[Row],
    out: Path,
    console: Console,
    seed: int,
    paid: Path | None = None,
) -> dict[str, Any]:
    """Measure the graph in `source`, or the service that is asked instead, and write evaluation.json, predictions and bootstrap
    resamples into `out`.

    Args:
        source: a train folder: model.onnx (or asker.json) and the task's files.
        seed: of the bootstrap; give every route the same one, so that their resamples are pairs.
        paid: record of a bought model's paid answers.

    Returns:
        The content of evaluation.json.

    Raises:
        DataError: a split is empty or unlabelled.
        ReleaseError: the graph or the task's files are missing or damaged.
        SpecError: `settings.slices` names a column that no row has.
    """
    splits = {"validation": validation, "test": test}
    for name, rows in splits.items():
        if not rows:
            raise DataError(
                f"the {name} split has no rows",
                expected="rows to measure on",
                where=f"data.split.{name}",
                remedy="Raise the split's share, or bring more data.",
            )
    task = load_task(source)
    # before the work: a wrong column name should cost no time
    named = tuple(dict.fromkeys((*task.slices, *settings.slices, *settings.groups)))
    parts = slice_rows(test, task.columns, named)
    graph = open_graph(source, paid=paid)
    out.mkdir(parents=True, exist_ok=True)
    began = time.process_time()
    with console.progress("evaluate", total=len(validation) + len(test)) as progress:
        predictions = _predict(task, graph, splits, progress)
    own_cpu_s = (time.process_time() - began) / (len(validation) + len(test))
    aligned = {name: task.align(predictions[name], rows) for name, rows in splits.items()}
    drawn: dict[str, Draws] = {}
    for name, rows in splits.items():
        drawn[name] = draw(task.score, aligned[name], [row.id for row in rows], settings.resamples, seed)
        drawn[name].save(out / draws_file(name))
        _write_predictions(out / predictions_file(name), task, rows, predictions[name])
    if isinstance(graph, Graph):
        timing = latency_ms(single(task, graph), validation[:LATENCY_ROWS], settings.latency_seconds)
        bought = {}
    else:  # each answer was waited for once; to wait again would be to pay again
        timing = {**graph.latency_ms(), "cpu_s": own_cpu_s}
        bought = {"bought": graph.usage()}
    slices = score_slices(parts, task.score, aligned["test"], [row.id for row in test], settings.resamples, seed)
    evaluation = {
        "splits": {name: {"rows": len(rows), "metrics": drawn[name].figures()} for name, rows in splits.items()},
        "chance": float(task.chance(test)),
        "headline": task.metrics[0].name,
        "resamples": settings.resamples,
        "slices": [part.as_json() for part in slices],
        "gaps": gaps(slices, (*settings.slices, *settings.groups), task.metrics[0].name),
        **by_places(aligned["test"]),
        **by_steps(test, predictions["test"], aligned["test"]),
        **_labels(task, test, predictions["test"], settings.mistakes),
        **residuals(aligned["test"], seed),
        **operating(task, aligned["validation"], aligned["test"]),
        **(of_columns(task, graph, validation, seed) if isinstance(graph, Graph) else {}),
        **bought,
        "latency_ms": {key: value for key, value in timing.items() if key != "cpu_s"},
        "cpu_seconds_per_request": timing["cpu_s"],
        "size_bytes": served_bytes(task, graph_file(source)),
    }
    write_json(out / EVALUATION, evaluation)
    return evaluation


def _predict(task: Task, graph: Runner, splits: Mapping[str, Sequence[Row]], progress: Progress) -> dict[str, list[Prediction]]:
    found: dict[str, list[Prediction]] = {}
    for name, rows in splits.items():
        before = sum(map(len, found.values()))

        def advance(done: int, before: int = before) -> None:
            progress.update(before + done)

        found[name] = predict(task, graph, rows, advance)
    return found


def _role(task: Task) -> str | None:
    """Where the truth stands in a row; the first column that is learned from, if the task does not say."""
    return task.reference or next((column.role for column in task.columns if not column.input), None)


def _write_predictions(path: Path, task: Task, rows: Sequence[Row], predictions: Sequence[Prediction]) -> None:
    role = _role(task)
    lines = []
    for row, prediction in zip(rows, predictions, strict=True):
        truth = {} if role is None else {"truth": row.values.get(role)}
        lines.append(json.dumps({"row_id": row.id, **truth, **prediction.as_json()}, ensure_ascii=False) + "\n")
    write_text(path, "".join(lines))


def _labels(task: Task, rows: Sequence[Row], predictions: Sequence[Prediction], most: int) -> dict[str, Any]:
    """Confusion, reliability and mistakes, as far as the task's answers are labels."""
    found = answers(rows, predictions, _role(task))
    if not found:
        return {}
    parts: dict[str, Any] = {"mistakes": mistakes(found, most, task.shown)}
    stated, true = statements(found)
    if stated:
        parts["calibration"] = {"bins": reliability(stated, true)}
    if not any(answer.several for answer in found):
        parts["confusion"] = confusion([answer.truth[0] for answer in found], [answer.given[0] for answer in found])
        parts |= coverage(found, getattr(getattr(task, "learn", None), "abstain_below", None))
    return parts
