"""One route, trained: rows in, a folder with task, weights, curve and result out. Gradient and fit kinds end alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from modelwright.base.console import Console
from modelwright.base.errors import TrainError
from modelwright.base.machine import resident_bytes
from modelwright.base.nouns import Outputs, Row
from modelwright.base.store import write_json
from modelwright.models import registry
from modelwright.spec.routes.phases import MAIN
from modelwright.spec.routes.route import GradientRoute, Route
from modelwright.spec.section import Section
from modelwright.tasks.contract import Task
from modelwright.train.buckets import sorted_batches
from modelwright.train.divergence import KEPT, Diverged
from modelwright.train.loop import Judge
from modelwright.train.memory import freed_memory_kept
from modelwright.train.phases import More, Phases, Setting, summed
from modelwright.train.plan import Limits
from modelwright.train.ready import Prepared, make_ready
from modelwright.train.standing import answered, stand
from modelwright.train.team import clock

__all__ = ["CHECKPOINT", "RESULT", "Limits", "Prepared", "prepare", "score_fitted", "train_route"]

CHECKPOINT, RESULT = "checkpoint", "result.json"


def train_route(
    task: type[Task],
    route: Route,
    rows: Sequence[Row],
    validation: Sequence[Row],
    *,
    checkpoint: Path | None,
    limits: Limits,
    seed: int,
    folder: Path,
    console: Console,
    title: str,
    checkpoint_seconds: float,
    learn: Section | None = None,
    judge: Judge | None = None,
    more: More | None = None,
) -> dict[str, Any]:
    """Train one route and write the task's files, `checkpoint/`, `curve.jsonl`, `tensorboard/` and `result.json`.

    Args:
        task: what is learned; fitted on `rows` here.
        rows, validation: the splits; the best weights are chosen by the headline metric on `validation`.
        checkpoint: folder that the route starts from; None from scratch.
        limits: of seconds and steps.
        seed: of weights, order and dropout; the same seed gives the same losses on the same machine.
        folder: exists. A `resume/` in it is continued, and removed at the end.
        title: the route's name in the project, for messages.
        checkpoint_seconds: a killed run loses at most about this much.
        learn: the task's own settings; None for its defaults.
        judge: may end a training by gradient descent after an epoch.
        more: rows of later phases, by name ("dialogues", "preferences"); each phase takes place if its rows are there. Several phases
            lie in folders of their own inside `folder`.

    Returns:
        What result.json holds.

    Raises:
        DataError: the rows can't teach the task.
        TrainError: divergence (the last good weights are then a checkpoint in `last-good/`), or a damaged checkpoint.
        MachineError: not even one row fits into memory.
        ReleaseError: the checkpoint to start from is damaged.
    """
    started = clock()
    fitted = task.fit(rows, route, checkpoint, learn)
    fitted.save(folder)
    if isinstance(route, GradientRoute) and not route.trained:
        result = _as_it_is(fitted, route, validation, checkpoint, seed, folder)
        result["seconds"] = clock() - started
        write_json(folder / RESULT, result)
        return result
    if isinstance(route, GradientRoute):
        setting = Setting(limits, seed, folder, console, title, checkpoint_seconds, started, judge)
        phases = Phases(fitted, task.phases(route), {MAIN: (rows, validation), **(more or {})}, setting)
        return _descend(fitted, route, phases, checkpoint)
    result = _fit(fitted, route, rows, validation, seed, folder)
    result["seconds"] = clock() - started
    write_json(folder / RESULT, result)
    return result


def _descend(fitted: Task, route: GradientRoute, phases: Phases, checkpoint: Path | None) -> dict[str, Any]:
    """Train by gradient, phase after phase."""
    setting, folder = phases.setting, phases.setting.folder
    validation = phases.rows[MAIN][1]
    with torch.random.fork_rng(), freed_memory_kept():
        torch.manual_seed(setting.seed)
        module = registry.build(route, fitted.sizes, checkpoint)
        try:
            module = phases.run(module)
        except Diverged as error:
            raise _kept(error, phases, route, fitted) from error
    registry.save(module, route, fitted.sizes, folder / CHECKPOINT)
    _stand(fitted, route, module, folder)
    _watch(fitted, partial(registry.outputs, module), validation, folder)
    fitted.save(folder / CHECKPOINT)  # with its tokenizer, so that the folder loads elsewhere as any checkpoint does
    result = {**summed(phases.done), "left_out": phases.unused, "parameters": _parameters(module)}
    if not phases.alone:
        result |= _scored_again(fitted, module, validation)
    result["seconds"] = phases.spent()
    write_json(folder / RESULT, result)
    phases.join()
    return result


def _kept(error: Diverged, phases: Phases, route: GradientRoute, fitted: Task) -> TrainError:
    """What a diverged training leaves: the last good weights as a checkpoint that loads like any other."""
    if error.weights is None:
        return error
    target = phases.setting.folder / KEPT
    registry.save(phases.last_good(error.weights), route, fitted.sizes, target)
    fitted.save(target)
    return error.kept(str(target))


def _scored_again(task: Task, module: nn.Module, validation: Sequence[Row]) -> dict[str, Any]:
    """The headline metric of what ships, on the main validation rows: later phases were judged by rows of their own."""
    if not validation:
        return {"metric": task.metrics[0].name, "best_score": None}
    answers = _answers(task, partial(registry.outputs, module), validation)
    return {"metric": task.metrics[0].name, "best_score": task.score(task.align(answers, validation)).get(task.metrics[0].name)}


def prepare(
    task: Task, route: GradientRoute, rows: Sequence[Row], validation: Sequence[Row], checkpoint: Path | None, seed: int
) -> Prepared:
    """Module, optimiser and encoded rows, ready for the first step. Seeds torch's generator (the caller forks it)."""
    torch.manual_seed(seed)
    return make_ready(registry.build(route, task.sizes, checkpoint), task, route, rows, validation)


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _fit(task: Task, route: Route, rows: Sequence[Row], validation: Sequence[Row], seed: int, folder: Path) -> dict[str, Any]:
    """A model of kind "fit": one solve instead of steps."""
    examples = task.lessons(rows)
    began = time.perf_counter()
    model = registry.fit(route, task.sizes, examples, seed)
    seconds = time.perf_counter() - began
    peak = resident_bytes()
    model.save(folder / CHECKPOINT)
    _watch(task, model.outputs, validation, folder)
    score = score_fitted(task, model, validation) if validation else {}
    return {
        "steps": 1,
        "epochs": 1.0,
        "rows": len(rows),
        "samples_per_second": len(rows) / max(seconds, 1e-9),
        "tokens_per_second": None,
        "stopped_by": "fitted",
        "best_step": 1,
        "best_score": score.get(task.metrics[0].name),
        "metric": task.metrics[0].name,
        "peak_memory_bytes": peak,
        "precision": "float32",
        "precision_reason": "it is solved, not trained step by step",
        "compile": "never: nothing is traced",
        "parameters": model.parameters,
    }


def _as_it_is(
    task: Task, route: GradientRoute, validation: Sequence[Row], checkpoint: Path | None, seed: int, folder: Path
) -> dict[str, Any]:
    """A checkpoint that answers without any training: `rows` of the result is 0."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = registry.build(route, task.sizes, checkpoint).eval()
    registry.save(module, route, task.sizes, folder / CHECKPOINT)
    answer = partial(registry.outputs, module)
    _stand(task, route, module, folder)
    _watch(task, answer, validation, folder)
    task.save(folder / CHECKPOINT)
    score = task.score(task.align(_answers(task, answer, validation), validation)) if validation else {}
    return {
        "steps": 0,
        "epochs": 0.0,
        "rows": 0,
        "samples_per_second": 0.0,
        "tokens_per_second": None,
        "stopped_by": "untrained",
        "best_step": 0,
        "best_score": score.get(task.metrics[0].name),
        "metric": task.metrics[0].name,
        "peak_memory_bytes": resident_bytes(),
        "precision": "float32",
        "precision_reason": "nothing is trained",
        "compile": "never: nothing is trained",
        "parameters": _parameters(module),
    }


def _stand(task: Task, route: GradientRoute, module: nn.Module, folder: Path) -> None:
    """Let the task keep what the finished model says of its collection, if it has one, and save what it kept."""
    if task.collection():
        stand(task, answered(task, module, route.precision))
        task.save(folder)


def _watch(task: Task, outputs: Callable[[Mapping[str, Any]], Outputs], validation: Sequence[Row], folder: Path) -> None:
    """Let the task see the finished model's answers, if it learns from them, and save what it learned."""
    if validation and type(task).watch is not Task.watch:
        task.watch(_answers(task, outputs, validation), validation)
        task.save(folder)


def score_fitted(task: Task, model: registry.Fitted, rows: Sequence[Row]) -> Mapping[str, float]:
    """The task's metrics of a fitted model on `rows`."""
    return task.score(task.align(_answers(task, model.outputs, rows), rows))


def _answers(task: Task, answer: Callable[[Mapping[str, Any]], Outputs], rows: Sequence[Row]) -> list[Any]:
    examples = task.encode_many(rows)
    predictions: list[Any] = [None] * len(rows)
    for part in sorted_batches([example.length for example in examples], 64):
        outputs = answer(task.collate([examples[number] for number in part]).inputs)
        for number, prediction in zip(part, task.decode(outputs, [rows[number].id for number in part]), strict=True):
            predictions[number] = prediction
    return predictions
