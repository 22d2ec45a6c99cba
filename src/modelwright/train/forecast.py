"""What a training will cost, before it is paid for: a few real steps on this machine, then arithmetic.

Set-up is done for real (tokens, weights), steps are timed at several lengths, validation and saving once each; the plan of
batches that training will follow says how often each occurs. Nothing is looked up in tables of machines.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from modelwright.base.console import Console
from modelwright.base.machine import resident_bytes
from modelwright.base.nouns import Row
from modelwright.models import registry
from modelwright.spec.routes.phases import MAIN, Phase, taking_place
from modelwright.spec.routes.route import GradientRoute, Route
from modelwright.spec.section import Section
from modelwright.tasks.contract import Task
from modelwright.train import shortage
from modelwright.train.buckets import epoch_batches
from modelwright.train.loop import SAVING_SHARE
from modelwright.train.memory import freed_memory_kept
from modelwright.train.phases import More, left, make_ready_for
from modelwright.train.plan import AIM, Limits, evaluate_every
from modelwright.train.ready import Prepared
from modelwright.train.resume import Resume, State
from modelwright.train.route import score_fitted
from modelwright.train.standing import Answers, answered, stand_in

_ROWS = 4_000  # encoded at most: lengths and vocabulary of more rows look the same
_LENGTHS = 3  # different batch lengths that are timed
_REPEATS = 2  # timed steps at each length, after one that is not counted
_SCORED = 128  # validation rows timed
_STANDING = 48  # of a collection, whose texts take about as long as each other
_SPREAD = 0.15  # half width of the interval, as a share: what steps vary by on a machine that does other things too


@dataclass(frozen=True)
class _Parts:
    """Seconds by what they go to, and bytes."""

    setup_s: float
    epoch_s: float
    evaluation_s: float
    saving_s: float
    memory_bytes: int


def forecast_route(
    task: type[Task],
    route: Route,
    rows: Sequence[Row],
    validation: Sequence[Row],
    *,
    checkpoint: Path | None,
    limits: Limits,
    seed: int,
    console: Console,
    learn: Section | None = None,
    more: More | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """Predict what `train_route` will report for the same arguments.

    Returns:
        forecast.json's content. `seconds` is the whole of `train_route`; `seconds_low` supposes that early stopping ends it as
        soon as it may, `seconds_high` that the machine is busier than now.

    Raises:
        DataError, ReleaseError: as train_route.
    """
    with console.progress(f"forecast {route.name}") as progress:
        progress.update(0)
        began = clock()
        fitted = task.fit(rows, route, checkpoint, learn)
        fit_s = clock() - began
        if isinstance(route, GradientRoute) and not route.trained:
            return _as_it_is(fitted, fit_s, route, validation, checkpoint, clock)
        if isinstance(route, GradientRoute):
            with torch.random.fork_rng(), freed_memory_kept():
                return _gradient(
                    fitted, fit_s, route, {MAIN: (rows, validation), **(more or {})}, checkpoint, limits, seed, clock
                )
        return _fit(fitted, fit_s, route, rows, validation, seed, clock)


def _gradient(
    fitted: Task,
    fit_s: float,
    route: GradientRoute,
    rows_of: More,
    checkpoint: Path | None,
    limits: Limits,
    seed: int,
    clock: Callable[[], float],
) -> dict[str, Any]:
    """Phase by phase, each with its share of what the ones before it leave."""
    torch.manual_seed(seed)
    began = clock()
    module = registry.build(route, fitted.sizes, checkpoint)
    before_s = fit_s + clock() - began
    phases = taking_place(fitted.phases(route), {name: given for name, (given, _) in rows_of.items()})
    found: list[dict[str, Any]] = []
    for place, phase in enumerate(phases):
        allowed = left(limits, [one.share for one in phases[place:]], found)
        rows, validation = rows_of[phase.rows]
        found.append(_phase(fitted, phase, module, before_s, rows, validation, allowed, seed, clock))
        before_s = 0.0
    return found[0] if len(found) == 1 else _together(phases, found)


def _together(phases: Sequence[Phase], found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Times and steps add up; memory is the largest."""
    sums = {name: sum(one[name] for one in found) for name in ("seconds", "seconds_low", "seconds_high", "steps")}
    notes = [f"{phase.name}: {note}" for phase, one in zip(phases, found, strict=True) for note in one["notes"]]
    parts = [
        {"name": phase.name, "seconds": one["seconds"], "steps": one["steps"]} for phase, one in zip(phases, found, strict=True)
    ]
    return {
        **found[0],
        **sums,
        "peak_memory_bytes": max(one["peak_memory_bytes"] for one in found),
        "notes": notes,
        "phases": parts,
    }


def _phase(
    fitted: Task,
    phase: Phase,
    module: nn.Module,
    before_s: float,
    rows: Sequence[Row],
    validation: Sequence[Row],
    limits: Limits,
    seed: int,
    clock: Callable[[], float],
) -> dict[str, Any]:
    sample, held = _strided(rows, _ROWS), _strided(validation, _ROWS)
    began = clock()
    ready = make_ready_for(phase, fitted, module, sample, held)
    held = list(ready.rows)
    prepare_s = (clock() - began) * len(rows) / max(1, len(sample))
    scale = len(rows) / max(1, len(sample))
    lessons = round(len(ready.examples) * scale)
    route = ready.route
    if type(route).settled is not GradientRoute.settled:  # by the tokens of all rows
        route = phase.route.settled(fitted.sizes, round(sum(ready.lengths) * scale))
    wished = route.rows_per_part(lessons)
    part, steps = _time_what_fits(ready, wished, seed, clock, f"routes.{route.name}")
    batches = epoch_batches(ready.lengths, part, seed, 0)
    standing_s = _time_standing(ready.task, ready.stepper.answers, clock) if phase.rows == MAIN else 0.0
    answer_s = _time_evaluation(ready, held, clock)
    refer_s = answer_s * (len(rows) + len(validation)) if phase.preference is not None else 0.0
    parts = _Parts(
        setup_s=before_s
        + prepare_s
        + steps.first_s
        + refer_s
        + standing_s,  # what the task keeps of the finished model's answers
        epoch_s=scale * sum(steps.seconds(max(ready.lengths[row] for row in batch)) for batch in batches),
        evaluation_s=standing_s + answer_s * len(validation),
        saving_s=_time_saving(ready, clock),
        memory_bytes=steps.memory_bytes + ready.stepper.optimiser.bytes(),
    )
    found = _sum(parts, route, limits, lessons, ready)
    if part < wished:
        found["notes"].append(
            f"memory is too small for {wished:,} rows at a time; with {part:,} steps learn the same, only later"
        )
    return found


def _time_what_fits(ready: Prepared, part: int, seed: int, clock: Callable[[], float], where: str) -> tuple[int, _Steps]:
    """Rows computed at a time, halved until they fit as training will halve them, and the times of steps."""
    while True:
        try:
            return part, _time_steps(ready, part, seed, clock)
        except (RuntimeError, MemoryError) as error:
            if not shortage.is_one(error):
                raise
            said = str(error)
        ready.stepper.forget()
        if part == 1:
            raise shortage.told(said, where, int(max(ready.lengths)))
        part = max(1, part // 2)


def _sum(parts: _Parts, route: GradientRoute, limits: Limits, rows: int, ready: Prepared) -> dict[str, Any]:
    """From seconds of each part to the whole, under the limits."""
    per_epoch = -(-rows // route.rows_per_step(rows))
    notes = []
    steps = per_epoch * route.epochs
    if limits.steps is not None and limits.steps < steps:
        steps = limits.steps
        notes.append(f"ends after {steps:,} steps: the budget's")
    every = evaluate_every(steps, per_epoch)
    step_s = parts.epoch_s / per_epoch
    evaluation_s, saving_s = parts.evaluation_s, parts.saving_s

    def whole(count: float) -> float:
        epochs = -(-count // per_epoch)
        learning_s = count * step_s + -(-epochs // every) * evaluation_s
        saves_s = min(epochs * saving_s, learning_s * SAVING_SHARE)
        return parts.setup_s + learning_s + saves_s + saving_s

    seconds = whole(steps)
    soonest = min(steps, per_epoch * every * (route.patience + 1)) if route.patience else steps
    if route.stop_at_loss is not None:
        soonest = min(soonest, per_epoch)
    low, high = whole(soonest) * (1 - _SPREAD), seconds * (1 + _SPREAD)
    if soonest < steps:
        notes.append(f"the low end is early stopping after epoch {-(-soonest // per_epoch)}, the soonest possible")
    if limits.seconds is not None and seconds > limits.seconds * AIM:
        overhead_s = whole(0)
        share = max(0.0, limits.seconds * AIM - overhead_s) / max(seconds - overhead_s, 1e-9)
        steps = max(1, int(steps * share))
        seconds, low, high = limits.seconds * AIM, min(low, limits.seconds * (1 - _SPREAD)), limits.seconds
        notes.append(f"the budget of {limits.seconds:,.0f} s allows about {steps:,} steps; the schedule is fitted to them")
    return {
        "seconds": seconds,
        "seconds_low": min(low, seconds),
        "seconds_high": high,
        "peak_memory_bytes": parts.memory_bytes,
        "steps": steps,
        "samples_per_second": rows / parts.epoch_s,
        "precision": ready.stepper.precision.name,
        "precision_reason": ready.stepper.precision.reason,
        "compile": ready.stepper.compile,
        "notes": notes,
    }


@dataclass(frozen=True)
class _Steps:
    """Seconds of a step by the longest row in its batch."""

    lengths: list[int]
    measured_s: list[float]
    first_s: float
    memory_bytes: int

    def seconds(self, length: int) -> float:
        return float(np.interp(length, self.lengths, self.measured_s))


def _time_steps(ready: Prepared, part: int, seed: int, clock: Callable[[], float]) -> _Steps:
    """Time steps at the shortest, middle and longest batches of an epoch. The very first step also warms the machine up."""
    longest = {max(ready.lengths[row] for row in batch): batch for batch in epoch_batches(ready.lengths, part, seed, 0)}
    ordered = sorted(longest)
    chosen = sorted({ordered[round(at * (len(ordered) - 1) / (_LENGTHS - 1))] for at in range(_LENGTHS)})
    first_s, measured_s, memory = 0.0, [], 0
    for number, length in enumerate(chosen):
        whole = [(1.0, ready.task.collate([ready.examples[row] for row in longest[length]]))]
        warm_s = _time(lambda: ready.stepper.learn(whole, 0.0), clock)  # noqa: B023  rate 0: only time is wanted
        step_s = min(_time(lambda: ready.stepper.learn(whole, 0.0), clock) for _ in range(_REPEATS))  # noqa: B023
        first_s = max(0.0, warm_s - step_s) if number == 0 else first_s
        measured_s.append(step_s)
        memory = max(memory, ready.stepper.memory_bytes())
    return _Steps(chosen, measured_s, first_s, memory)


def _time_evaluation(ready: Prepared, held: Sequence[Row], clock: Callable[[], float]) -> float:
    """Seconds of a validation row, by scoring some of them; the first call, which is not counted, warms up."""
    if not held:
        return 0.0
    some = [int(at) for at in np.linspace(0, len(held) - 1, min(len(held), _SCORED))]
    examples, rows = [ready.held[at] for at in some], [held[at] for at in some]
    ready.stepper.score(examples[:8], rows[:8], standing=False)
    return _time(lambda: ready.stepper.score(examples, rows, standing=False), clock) / len(some)


def _time_standing(task: Task, answers: Answers, clock: Callable[[], float]) -> float:
    """Seconds of computing what the task keeps, by computing some of it; the first call warms up."""
    if not stand_in(task, answers, 8):
        return 0.0
    began = clock()
    times = stand_in(task, answers, _STANDING)
    return (clock() - began) * times


def _as_it_is(
    fitted: Task,
    fit_s: float,
    route: GradientRoute,
    validation: Sequence[Row],
    checkpoint: Path | None,
    clock: Callable[[], float],
) -> dict[str, Any]:
    """A checkpoint that is not trained: what is left is to compute what the task keeps, and to score."""
    began = clock()
    with torch.random.fork_rng():
        module = registry.build(route, fitted.sizes, checkpoint).eval()
    answers = answered(fitted, module, route.precision)
    build_s = clock() - began
    standing_s = _time_standing(fitted, answers, clock)
    held = _strided(validation, 64)
    score_s = 0.0
    if held:
        began = clock()
        for numbers, outputs in answers(fitted.encode_many(held)):
            fitted.decode(outputs, [held[number].id for number in numbers])
        score_s = 2 * (clock() - began) * len(validation) / len(held)  # calibrated, and scored
    whole = fit_s + build_s + standing_s + score_s
    return {
        "seconds": whole,
        "seconds_low": whole * (1 - _SPREAD),
        "seconds_high": whole * (1 + _SPREAD),
        "peak_memory_bytes": resident_bytes(),
        "steps": 0,
        "samples_per_second": 0.0,
        "precision": "float32",
        "precision_reason": "nothing is trained",
        "compile": "never: nothing is trained",
        "notes": ["the checkpoint is taken as it is"],
    }


def _time_saving(ready: Prepared, clock: Callable[[], float]) -> float:
    """Write one checkpoint, as training will."""
    with tempfile.TemporaryDirectory() as folder:
        tensors = ready.stepper.optimiser.tensors()
        return _time(lambda: Resume(Path(folder) / "resume").save(State(), tensors, None), clock)


def _fit(
    fitted: Task,
    fit_s: float,
    route: Route,
    rows: Sequence[Row],
    validation: Sequence[Row],
    seed: int,
    clock: Callable[[], float],
) -> dict[str, Any]:
    """Fit a sixth and a third of the rows; the growth between them says what all will take."""
    sample = _strided(rows, _ROWS)
    encode_s = _time(lambda: fitted.lessons(sample[: max(1, len(sample) // 4)]), clock) * 4 * len(rows) / len(sample)
    seconds: list[float] = []
    for share in (6, 3):
        part = fitted.lessons(_strided(sample, max(2, len(sample) // share)))
        before = clock()
        model = registry.fit(route, fitted.sizes, part, seed)
        seconds.append(clock() - before)
    growth = float(np.clip(np.log2(max(seconds[1], 1e-6) / max(seconds[0], 1e-6)), 0.5, 2.0))
    solve_s = seconds[1] * (3 * len(rows) / len(sample)) ** growth
    held = _strided(validation, 64)
    score_s = _time(lambda: score_fitted(fitted, model, held), clock) * len(validation) / len(held) if held else 0.0
    whole = fit_s + encode_s + solve_s + score_s
    return {
        "seconds": whole,
        "seconds_low": whole * (1 - _SPREAD) - solve_s * 0.2,
        "seconds_high": whole * (1 + _SPREAD) + solve_s * 0.2,
        "peak_memory_bytes": resident_bytes(),
        "steps": 1,
        "samples_per_second": len(rows) / max(solve_s, 1e-9),
        "precision": "float32",
        "precision_reason": "it is solved, not trained step by step",
        "compile": "never: nothing is traced",
        "notes": [f"fitted on a sixth and a third of the rows; time grows as rows^{growth:.2f}"],
    }


def _strided(rows: Sequence[Any], count: int) -> list[Any]:
    """`count` rows spread evenly over all."""
    if len(rows) <= count:
        return list(rows)
    return [rows[int(at)] for at in np.linspace(0, len(rows) - 1, count)]


def _time(call: Callable[[], Any], clock: Callable[[], float]) -> float:
    began = clock()
    call()
    return clock() - began
