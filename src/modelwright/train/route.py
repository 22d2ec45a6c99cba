"""One route, trained: rows in, a folder with task, weights, curve and result out. Gradient and fit kinds end alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from modelwright.base.console import Console
from modelwright.base.machine import resident_bytes
from modelwright.base.nouns import Example, Outputs, Row
from modelwright.base.store import write_json
from modelwright.models import registry
from modelwright.spec.routes.route import GradientRoute, Route
from modelwright.spec.section import Section
from modelwright.tasks.contract import Task
from modelwright.train.buckets import sorted_batches
from modelwright.train.loop import Judge, Loop
from modelwright.train.memory import freed_memory_kept
from modelwright.train.plan import Limits
from modelwright.train.precision import choose, device
from modelwright.train.step import Stepper
from modelwright.train.vocabulary import Vocabulary

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

    Returns:
        What result.json holds.

    Raises:
        DataError: the rows can't teach the task.
        TrainError: divergence, or a damaged checkpoint.
        ReleaseError: the checkpoint to start from is damaged.
    """
    started = time.perf_counter()
    fitted = task.fit(rows, route, checkpoint, learn)
    fitted.save(folder)
    if isinstance(route, GradientRoute):
        with torch.random.fork_rng(), freed_memory_kept():
            ready = prepare(fitted, route, rows, validation, checkpoint, seed)
            loop = Loop(
                ready.stepper,
                route,
                ready.examples,
                (validation, ready.held),
                limits=limits,
                seed=seed,
                folder=folder,
                console=console,
                title=title,
                checkpoint_seconds=checkpoint_seconds,
                started=started,
                judge=judge,
            )
            outcome = loop.run()
        module = ready.stepper.finish(outcome.weights)
        registry.save(module, route, fitted.sizes, folder / CHECKPOINT)
        _watch(fitted, partial(registry.outputs, module), validation, folder)
        fitted.save(folder / CHECKPOINT)  # with its tokenizer, so that the folder loads elsewhere as any checkpoint does
        result = _gradient_result(loop, outcome.state, outcome.stopped_by)
        result["seconds"] = loop.spent()
        write_json(folder / RESULT, result)
        loop.resume.clear()
        return result
    result = _fit(fitted, route, rows, validation, seed, folder)
    result["seconds"] = time.perf_counter() - started
    write_json(folder / RESULT, result)
    return result


@dataclass(frozen=True)
class Prepared:
    """Everything the first step needs: module and optimiser, training rows and validation rows as numbers."""

    task: Task
    stepper: Stepper
    examples: list[Example]
    held: list[Example]

    @cached_property
    def lengths(self) -> list[int]:
        return [example.length for example in self.examples]


def prepare(
    task: Task, route: GradientRoute, rows: Sequence[Row], validation: Sequence[Row], checkpoint: Path | None, seed: int
) -> Prepared:
    """Module, optimiser and encoded rows, ready for the first step. Seeds torch's generator (the caller forks it)."""
    examples, held = task.lessons(rows), task.encode_many(validation)
    torch.manual_seed(seed)
    module = registry.build(route, task.sizes, checkpoint)
    vocabulary = Vocabulary(module, [*examples, *held])
    place = device()
    precision = choose(route.precision, module, place)
    return Prepared(task, Stepper(module, task, route, precision, vocabulary, place), examples, held)


def _gradient_result(loop: Loop, state: Any, stopped_by: str) -> dict[str, Any]:
    stepper, seconds = loop.stepper, max(state.step_seconds, 1e-9)
    return {
        "steps": state.step,
        "epochs": round(state.step / loop.plan.steps_per_epoch, 4),
        "rows": state.rows,
        "samples_per_second": state.rows / seconds,
        "tokens_per_second": state.tokens / seconds if stepper.counts_tokens else None,
        "stopped_by": stopped_by,
        "best_step": state.best_step or state.step,
        "best_score": state.best_score,
        "metric": loop.metric.name,
        "peak_memory_bytes": state.peak_memory_bytes,
        "precision": stepper.precision.name,
        "precision_reason": stepper.precision.reason,
        "compile": stepper.compile,
        "parameters": _parameters(stepper.module),
    }


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
