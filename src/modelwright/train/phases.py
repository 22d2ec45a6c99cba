"""A training by gradient, phase after phase on one module: a language model reads, then learns to talk, then what is preferred.

Most routes have one phase, which lies in the route's own folder. Several lie in folders of their own, each with its curve and its
`resume/`; a finished one leaves `phase.json` and its weights, from which a killed run goes on with the next. Every phase has an
optimiser of its own: its memory of an earlier phase's gradients would only mislead it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from modelwright.base.console import Console, amount, duration
from modelwright.base.nouns import Row
from modelwright.base.store import read_json, write_json, write_text
from modelwright.models import names
from modelwright.spec.routes.phases import Phase, taking_place
from modelwright.train import curve, preference
from modelwright.train.buckets import lengths_of
from modelwright.train.loop import Judge, Loop
from modelwright.train.plan import Limits
from modelwright.train.ready import Prepared, make_ready
from modelwright.train.resume import damaged
from modelwright.train.team import clock

PHASE, WEIGHTS = "phase.json", "weights.safetensors"

More = Mapping[str, tuple[Sequence[Row], Sequence[Row]]]
"""Training and validation rows beside the main ones, by name ("dialogues", "preferences")."""


@dataclass(frozen=True)
class Setting:
    """What all phases share.

    Args:
        limits: of the whole route.
        seed: each phase's random numbers follow from it and the phase's place.
        folder: the route's.
        started: reading of `clock` when the work began.
        judge: may end the first phase, and with it the training.
    """

    limits: Limits
    seed: int
    folder: Path
    console: Console
    title: str
    checkpoint_seconds: float
    started: float
    judge: Judge | None = None
    clock: Callable[[], float] = clock


class Phases:
    """The phases of one route whose rows are there.

    Args:
        task: fitted.
        phases: of the route.
        rows: training and validation rows by the name that a phase gives, "main" among them.
        setting: of the whole.
    """

    def __init__(self, task: Any, phases: tuple[Phase, ...], rows: More, setting: Setting) -> None:
        self.task, self.rows, self.setting = task, rows, setting
        self.phases = taking_place(phases, {name: given for name, (given, _) in rows.items()})
        wanted = {phase.rows for phase in phases}
        self.unused = [name for name, (given, _) in rows.items() if len(given) and name not in wanted]
        self.done: list[dict[str, Any]] = []
        self.loop: Loop | None = None
        self.ended = setting.started

    def run(self, module: nn.Module) -> nn.Module:
        """Train `module` through all phases, going on where a killed run stood; gives it back in float32, on the CPU.

        Raises:
            Diverged: a loss is no number any more; `keep` writes what it carries.
            TrainError: a checkpoint to continue from is damaged.
            MachineError: not even one row fits into memory.
        """
        for name in self.unused:
            self.setting.console.line(f"   {self.setting.title}: this route has no phase that learns {name}; they are left out")
        for place, phase in enumerate(self.phases):
            found = self._finished(phase)
            if found is None:
                module, record = self._phase(module, place, phase)
            else:
                record, weights = found
                _load(module, weights, self._folder(phase))
            self.done.append(record)
            self.ended = self.setting.clock()
            if record["stopped_by"] == "judge":
                break
        return module

    def _phase(self, module: nn.Module, place: int, phase: Phase) -> tuple[nn.Module, dict[str, Any]]:
        setting, folder = self.setting, self._folder(phase)
        folder.mkdir(exist_ok=True)
        began = setting.clock() if place else setting.started
        if place:  # the first phase's numbers go on from those that made the weights
            torch.manual_seed(setting.seed + place)
        made = self._ready(module, phase, folder, self._title(place, phase))
        self.loop = loop = Loop(
            made.stepper,
            made.route,
            made.examples,
            (made.rows, made.held),
            limits=self._limits(place),
            seed=setting.seed,
            folder=folder,
            console=setting.console,
            title=self._title(place, phase),
            checkpoint_seconds=setting.checkpoint_seconds,
            started=began,
            clock=setting.clock,
            judge=setting.judge if place == 0 else None,
        )
        outcome = loop.run()
        trained = made.stepper.finish(outcome.weights)
        record = _record(phase, loop, outcome.stopped_by)
        if place == 0:
            reasons = phase.route.reasons(self.task.sizes, int(sum(lengths_of(made.examples))))
            record["settled"] = [{"name": name, "value": value, "reason": why} for name, value, why in reasons]
        if isinstance(made.task, preference.Pairs):
            record["left_out"] = made.task.left_out
        if not self.alone:
            inner = preference.PREFIX if isinstance(made.task, preference.Pairs) else ""
            weights = {name.removeprefix(inner): tensor for name, tensor in outcome.weights.items()}
            names.save_tensors(weights, folder / WEIGHTS, {"phase": phase.name})
            record["seconds"] = loop.spent()
            write_json(folder / PHASE, record)
            loop.resume.clear()
            setting.console.line(_told(setting.title, record))
        return _inside(trained), record

    def _ready(self, module: nn.Module, phase: Phase, folder: Path, title: str) -> Prepared:
        made = make_ready_for(phase, self.task, module, *self.rows[phase.rows])
        return made if phase.preference is None else preference.refer(made, folder, self.setting.console, title)

    def last_good(self, weights: Mapping[str, Tensor]) -> nn.Module:
        """The module with the weights that a diverged phase still had."""
        assert self.loop is not None
        return _inside(self.loop.stepper.finish(weights))

    def _limits(self, place: int) -> Limits:
        return left(self.setting.limits, [phase.share for phase in self.phases[place:]], self.done)

    @property
    def alone(self) -> bool:
        """Whether there is one phase only."""
        return len(self.phases) == 1

    def _folder(self, phase: Phase) -> Path:
        return self.setting.folder if self.alone else self.setting.folder / phase.name

    def _title(self, place: int, phase: Phase) -> str:
        """As the settings' path in the project file, so that an error's place can be looked up."""
        return f"{self.setting.title}.{phase.name}" if place else self.setting.title

    def _finished(self, phase: Phase) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """A phase that an earlier run came to the end of: its record and weights."""
        folder = self._folder(phase)
        if self.alone or not (folder / PHASE).exists():
            return None
        try:
            return read_json(folder / PHASE), names.load_file(folder / WEIGHTS)
        except (OSError, ValueError, SafetensorError) as error:
            raise damaged(folder / WEIGHTS, error) from error

    def spent(self) -> float:
        """Seconds since the very beginning, the runs that this one continues included."""
        if self.alone and self.loop is not None:
            return self.loop.spent()
        return sum(record["seconds"] for record in self.done) + self.setting.clock() - self.ended

    def join(self) -> None:
        """Once the result is written, nothing is left to continue: one curve of the phases that learn to predict (a preference's loss is
        of another kind), and no weights but the checkpoint's."""
        if self.alone:
            if self.loop is not None:
                self.loop.resume.clear()
            return
        lines, steps, seconds = [], 0, 0.0
        for phase, record in zip(self.phases, self.done, strict=False):
            if phase.preference is None:
                for line in (self._folder(phase) / curve.FILE).read_text(encoding="utf-8").splitlines():
                    point = json.loads(line)
                    moved = {"step": point["step"] + steps, "seconds": round(point["seconds"] + seconds, 3), "phase": phase.name}
                    lines.append(json.dumps({**point, **moved}))
            steps, seconds = steps + record["steps"], seconds + record["seconds"]
            (self._folder(phase) / WEIGHTS).unlink(missing_ok=True)
        write_text(self.setting.folder / curve.FILE, "".join(line + "\n" for line in lines))


def make_ready_for(phase: Phase, task: Any, module: nn.Module, rows: Sequence[Row], validation: Sequence[Row]) -> Prepared:
    """Rows, module and optimiser of a phase. Where answers are compared, the module is asked for pairs (see `preference`)."""
    if phase.preference is None:
        return make_ready(module, task, phase.route, rows, validation)
    pairs = preference.Pairs(task)
    rows, validation = pairs.usable(rows), pairs.usable(validation)
    return make_ready(preference.Preferring(module, phase.preference), pairs, phase.route, rows, validation)


def left(limits: Limits, shares: Sequence[float], done: Sequence[Mapping[str, Any]]) -> Limits:
    """What earlier phases leave of the route's budget, for the first of the coming phases by its share among them.

    Args:
        shares: of the coming phases, the next one first.
        done: "seconds" and "steps" of the earlier ones.
    """
    share = shares[0] / sum(shares)
    spent_s, steps = sum(one["seconds"] for one in done), sum(one["steps"] for one in done)
    return replace(
        limits,
        seconds=None if limits.seconds is None else max(0.0, limits.seconds - spent_s) * share,
        steps=None if limits.steps is None else max(1, round((limits.steps - steps) * share)),
    )


def _told(title: str, record: Mapping[str, Any]) -> str:
    score = "" if record["best_score"] is None else f", {record['metric']} {amount(record['best_score'], 3)}"
    return f"   {title}: {record['name']} is done: {record['steps']:,} steps in {duration(record['seconds'])}{score}"


def _inside(module: nn.Module) -> nn.Module:
    """The model itself, without what a phase put around it."""
    return module.model if isinstance(module, preference.Preferring) else module


def _load(module: nn.Module, weights: Mapping[str, Tensor], folder: Path) -> None:
    """A finished phase's weights, which may be of some of the module's parameters only."""
    try:
        strange = module.load_state_dict(weights, strict=False).unexpected_keys
    except RuntimeError as error:
        raise damaged(folder / WEIGHTS, error) from error
    if strange:
        raise damaged(folder / WEIGHTS, ValueError(f"weights of another module: {strange[0]}"))


def _record(phase: Phase, loop: Loop, stopped_by: str) -> dict[str, Any]:
    """What result.json says of a phase."""
    state, stepper = loop.state, loop.stepper
    return {
        "name": phase.name,
        "learns_from": phase.rows,
        "steps": state.step,
        "epochs": round(state.step / loop.plan.steps_per_epoch, 4),
        "rows": state.rows,
        "tokens": state.tokens if stepper.counts_tokens else None,
        "seconds": loop.spent(),
        "step_seconds": state.step_seconds,
        "stopped_by": stopped_by,
        "best_step": state.best_step or state.step,
        "best_score": state.best_score,
        "metric": loop.metric.name,
        "learning_rate": loop.route.learning_rate,
        "rows_per_step": loop.batch_size,
        "rows_at_once": min(loop.part, loop.batch_size),
        "out_of_memory": [{"step": step, "rows": rows, "now": now} for step, rows, now in state.halved],
        "peak_memory_bytes": state.peak_memory_bytes,
        "precision": stepper.precision.name,
        "precision_reason": stepper.precision.reason,
        "compile": stepper.compile,
    }


def summed(done: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The phases as one training: counts are added up; the score and how it ended are the last phase's, precision the first's."""
    first, last = done[0], done[-1]
    seconds = max(sum(record["step_seconds"] for record in done), 1e-9)
    steps, rows = sum(record["steps"] for record in done), sum(record["rows"] for record in done)
    tokens = [record["tokens"] for record in done]
    return {
        "steps": steps,
        "epochs": first["epochs"],
        "rows": rows,
        "samples_per_second": rows / seconds,
        "tokens_per_second": None if None in tokens else math.fsum(tokens) / seconds,
        "stopped_by": last["stopped_by"],
        "best_step": steps - last["steps"] + last["best_step"],
        "best_score": last["best_score"],
        "metric": last["metric"],
        "peak_memory_bytes": max(record["peak_memory_bytes"] for record in done),
        **{name: first[name] for name in ("precision", "precision_reason", "compile", "settled")},
        "phases": list(done),
    }
