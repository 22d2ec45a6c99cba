"""The training loop.

Notable: length buckets, bfloat16 with float32 masters, a plan of steps that is fitted to the time there is, the best weights
by validation score, and checkpoints from which a killed run goes on bit for bit. It knows no task and no architecture: batches
come from the task, steps from `Stepper`. Time comes in as `clock`, so that tests can turn it.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from modelwright.base.console import Console, Progress, amount
from modelwright.base.nouns import Batch, Example, Row
from modelwright.spec.routes.route import GradientRoute
from modelwright.train import compilation, shortage
from modelwright.train.buckets import epoch_batches, lengths_of, turned
from modelwright.train.curve import Curve
from modelwright.train.divergence import Diverged, finite, told
from modelwright.train.plan import Limits, Plan
from modelwright.train.resume import Resume, State, damaged
from modelwright.train.schedule import Schedule
from modelwright.train.step import Stepper

_CURVE_POINTS = 2_000  # losses kept at most
SAVING_SHARE = 0.05  # of the time that checkpoints may take, however often they are asked for
_EVALUATION_GUESS = 0.25  # time of a row in validation, as a share of one in training, until the first was measured
_RECENT = 32  # steps whose pace says how the coming ones will go
_CLOSING_S = 1.0  # reserved for writing the result
_KNOWN = 16  # steps after which the pace is known well enough to say whether compiling pays


Judge = Callable[[int, float], bool]
"""Told the number of whole epochs and the validation score after them; True ends the training."""


@dataclass(frozen=True)
class Outcome:
    """What training gave: the best weights by name, where it ended, and why."""

    weights: dict[str, Tensor]
    state: State
    stopped_by: str


class Loop:
    """One training, from its first step or from where a killed one stood.

    Args:
        stepper: module, optimiser and task.
        route: epochs, batch size, schedule, stopping rules.
        examples: training rows, encoded.
        validation: rows to choose the best weights by, and their encoded form.
        limits: of seconds and steps; seconds count from `started`.
        seed: of the order of rows.
        folder: curve, events and `resume/` go there.
        console, title: for progress.
        checkpoint_seconds: a killed run loses at most about this much.
        started: reading of `clock` when the work began (set-up counts as spent).
        clock: seconds that only grow.
        judge: may end the training after an epoch (a search that has seen better).
        where: of the route's settings, for messages; default: routes.title.
    """

    def __init__(
        self,
        stepper: Stepper,
        route: GradientRoute,
        examples: Sequence[Example],
        validation: tuple[Sequence[Row], Sequence[Example]],
        *,
        limits: Limits,
        seed: int,
        folder: Path,
        console: Console,
        title: str,
        checkpoint_seconds: float,
        started: float,
        clock: Callable[[], float] = time.perf_counter,
        judge: Judge | None = None,
        where: str | None = None,
    ) -> None:
        self.judge, self.where = judge, where or f"routes.{title}"
        self.stepper, self.route, self.examples, self.validation = stepper, route, examples, validation
        self.seed, self.folder, self.console, self.title = seed, folder, console, title
        self.checkpoint_seconds, self.started, self.clock = checkpoint_seconds, started, clock
        self.lengths = lengths_of(examples)
        self.metric = stepper.task.metrics[0]
        self.resume = Resume(folder / "resume")
        self.batch_size, self.part = route.rows_per_step(len(examples)), route.rows_per_part(len(examples))
        self.schedule = Schedule.of(route)
        self.plan = Plan(math.ceil(len(examples) / self.batch_size), route.epochs, limits, folder / "resume")
        self.state = State()
        self.best: dict[str, Tensor] | None = None
        self.before_s = 0.0  # spent by the runs that this one continues
        self.unsaved_best = False
        self.saved_at, self.save_s, self.evaluation_s = started, 0.0, 0.0
        self.ended = started  # the last step
        self.paces: deque[float] = deque(maxlen=_RECENT)  # seconds from step to step
        self.losses: deque[float] = deque(maxlen=_RECENT)

    def run(self) -> Outcome:
        """Train to the end of the plan, the patience, the wanted loss or the seconds.

        Raises:
            Diverged: the loss is no number any more; it carries the last good weights.
            TrainError: the checkpoint to continue from is damaged.
            MachineError: not even one row fits into memory.
        """
        self._continue()
        self.curve = Curve(self.folder, self.state.curve_lines, self.state.step)
        self.saved_at = self.ended = self.clock()
        try:
            with self.console.progress(self.title, self.plan.total) as progress:
                stopped_by = self._epochs(progress)
        finally:
            self.curve.close()
        return Outcome(self.best or self.stepper.optimiser.snapshot(), self.state, stopped_by)

    def _continue(self) -> None:
        found = self.resume.load()
        if found is None:
            return
        self.state, tensors, self.best = found
        try:
            self.stepper.optimiser.restore(tensors)
        except (KeyError, RuntimeError) as error:  # of another module: the folder was mixed up by hand
            raise damaged(self.resume.newest() or self.resume.folder, error) from error
        self.before_s = self.state.seconds
        self.part = self.state.rows_at_once or self.part
        self.plan.follow(self.state.step)
        self.console.line(f"   {self.title}: going on from step {self.state.step:,}")

    def _epochs(self, progress: Progress) -> str:
        state = self.state
        while state.step < self.plan.total:
            self.lengths = turned(self.examples, self.lengths, self.seed, state.epoch)
            batches = epoch_batches(self.lengths, self.batch_size, self.seed, state.epoch)
            for rows in batches[state.place :]:
                self._learn(rows, progress)
                overdue = self.plan.overdue(self.spent())
                if overdue or state.step >= self.plan.total:
                    break
                if state.place < len(batches):
                    self._save_if_due(self.checkpoint_seconds)
            low = False
            if state.place == len(batches):
                low = self._loss_is_low()
                state.epoch, state.place, state.epoch_loss = state.epoch + 1, 0, 0.0
            every = self.plan.evaluate_every
            ending = overdue or low or state.step >= self.plan.total
            score = self._evaluate() if ending or state.epoch % every == 0 else None
            if overdue:
                return self.plan.limits.seconds_by
            if low:
                return "loss"
            if self.route.patience and state.stale >= self.route.patience:
                return "patience"
            if self.judge is not None and score is not None and state.place == 0 and self.judge(state.epoch // every, score):
                return "judge"
            if state.step < self.plan.total:
                self._save_if_due(0.0)
        return self.plan.stopped_by

    def _learn(self, rows: Sequence[int], progress: Progress) -> None:
        state, plan = self.state, self.plan
        self._compile_if_due(rows)
        began = self.clock()
        rate = self.schedule.share(state.step, plan.total)
        loss, norm = self._step(rows, rate)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise self._diverged(loss, rate)
        state.step, state.place = state.step + 1, state.place + 1
        self.losses.append(loss)
        state.rows += len(rows)
        state.epoch_loss += loss * len(rows)
        state.tokens += int(sum(self.lengths[row] for row in rows))
        state.step_seconds += self.clock() - began
        state.peak_memory_bytes = max(state.peak_memory_bytes, self.stepper.memory_bytes())
        if state.step % max(1, plan.natural // _CURVE_POINTS) == 0:
            point = {"step": state.step, "epoch": round(state.step / plan.steps_per_epoch, 4), "seconds": round(self.spent(), 3)}
            self.curve.record({**point, "loss": loss, "learning_rate": self.route.learning_rate * rate})
        now = self.clock()
        self.paces.append(now - self.ended)
        self.ended = now
        pace_s = sum(self.paces) / len(self.paces)
        guess_s = pace_s / self.batch_size * len(self.validation[0]) * _EVALUATION_GUESS
        plan.reconsider(state.step, self.spent(), pace_s, self.evaluation_s or guess_s, guess_s + _CLOSING_S)
        progress.update(state.step, plan.total, f"epoch {state.epoch + 1}/{self.route.epochs}  loss {loss:.3f}  {self._speed()}")

    def _compile_if_due(self, rows: Sequence[int]) -> None:
        """Once, when the pace is known and says that it pays. A run that goes on does as the run before it."""
        state, stepper = self.state, self.stepper
        if stepper.warm or self.route.compile != "auto" or len(rows) < self.batch_size:
            return
        if state.compiled is None and state.step >= _KNOWN and self.paces:
            left_s = sum(self.paces) / len(self.paces) * (self.plan.total - state.step)
            state.compiled = compilation.pays(stepper.module, stepper.place, left_s)
        if state.compiled:
            stepper.compile_now(self._parts(rows))
            self.ended = self.clock()  # the pace of steps is not to blame for it

    def _step(self, rows: Sequence[int], rate: float) -> tuple[float, float]:
        """One optimiser step. Where memory runs out it is done again in parts of half as many rows, whose gradients are summed: the
        step sees the same rows and learns the same, only later."""
        while True:
            try:
                return self.stepper.learn(self._parts(rows), rate)
            except (RuntimeError, MemoryError) as error:
                if not shortage.is_one(error):
                    raise
                if self.stepper.team.size > 1:  # the others wait for this one's gradients, and can't know that they won't come
                    raise shortage.told(str(error), self.where, int(max(self.lengths[row] for row in rows))) from error
                tried, said = min(self.part, len(rows)), str(error)
            # outside of the clause: its traceback holds on to what the failed step had made
            self.stepper.forget()
            if tried == 1:
                raise shortage.told(said, self.where, int(max(self.lengths[row] for row in rows)))
            self.part = self.state.rows_at_once = tried // 2
            self.state.halved.append([self.state.step + 1, tried, self.part])
            self.console.line(
                f"   {self.title}: out of memory at step {self.state.step + 1:,} with {tried:,} rows at a time; going on with "
                f"{self.part:,}. Steps keep their {len(rows):,} rows, whose gradients are summed"
            )

    def _parts(self, rows: Sequence[int]) -> Iterator[tuple[float, Batch]]:
        """The rows of a step, as many at a time as are computed at once, each with its share of the step's loss."""
        task, us = self.stepper.task, self.stepper.team
        if us.size > 1:
            yield from self._parts_of_all(rows)
            return
        parts = (task.collate([self.examples[row] for row in rows[at : at + self.part]]) for at in range(0, len(rows), self.part))
        if len(rows) <= self.part:
            yield from ((1.0, batch) for batch in parts)
            return
        batches = list(parts)
        counts = [task.counted(batch) for batch in batches]
        whole = sum(counts) or 1.0  # where nothing is counted the loss is zero, whatever its shares
        yield from ((count / whole, batch) for count, batch in zip(counts, batches, strict=True))

    def _parts_of_all(self, rows: Sequence[int]) -> Iterator[tuple[float, Batch]]:
        """This process's part of a step. Everybody has as many parts, for gradients meet after each; what is missing is a row that counts
        for nothing."""
        task, us = self.stepper.task, self.stepper.team
        own, size = us.mine(rows), min(self.part, us.most(len(rows)))
        cuts = [own[at : at + size] for at in range(0, us.most(len(rows)), size)]
        batches = [task.collate([self.examples[row] for row in cut or rows[:1]]) for cut in cuts]
        counts = [task.counted(batch) if cut else 0.0 for cut, batch in zip(cuts, batches, strict=True)]
        whole = us.sum(math.fsum(counts)) or 1.0
        yield from ((count / whole, batch) for count, batch in zip(counts, batches, strict=True))

    def _loss_is_low(self) -> bool:
        """Whether the epoch that has just ended had the loss that the route wants."""
        wanted = self.route.stop_at_loss
        return wanted is not None and self.state.epoch_loss / len(self.examples) <= wanted

    def _speed(self) -> str:
        state = self.state
        count, unit = (state.tokens, "tokens") if self.stepper.counts_tokens else (state.rows, "rows")
        return f"{amount(count / max(state.step_seconds, 1e-9), 3)} {unit}/s"

    def _evaluate(self) -> float | None:
        """Score the validation split and keep the weights if they are the best so far (of equals the later)."""
        state = self.state
        rows, examples = self.validation
        if not rows:
            return None
        began = self.clock()
        scores = self.stepper.score(examples, rows)
        score = scores.get(self.metric.name)
        if score is not None:
            sign = 1.0 if self.metric.better == "higher" else -1.0
            rise = math.inf if state.best_score is None else sign * (score - state.best_score)
            if rise >= 0:
                state.best_score, state.best_step = score, state.step
                self.best, self.unsaved_best = self.stepper.optimiser.snapshot(), True
            state.stale = 0 if rise > 0 else state.stale + 1
        point = {"step": state.step, "epoch": round(state.step / self.plan.steps_per_epoch, 4), "seconds": round(self.spent(), 3)}
        self.curve.record({**point, "validation": scores})
        self.ended = self.clock()
        self.evaluation_s = self.ended - began
        return score

    def spent(self) -> float:
        """Seconds since the very beginning, the runs that this one continues included."""
        return self.before_s + self.clock() - self.started

    def _save_if_due(self, after_s: float) -> None:
        """As often as asked, but never so often that saving itself becomes the work."""
        if self.clock() - self.saved_at >= max(after_s, self.save_s / SAVING_SHARE):
            self._save()

    def _save(self) -> None:
        began = self.clock()
        self.curve.flush()
        self.state.seconds, self.state.curve_lines = self.spent(), self.curve.lines
        tensors = self.stepper.optimiser.tensors()
        if self.stepper.team.leads:
            self.resume.save(self.state, tensors, self.best if self.unsaved_best else None)
        self.unsaved_best = False
        self.saved_at = self.clock()
        self.save_s = self.saved_at - began

    def _diverged(self, loss: float, rate: float) -> Diverged:
        """The weights before the step are the last good ones, for a step that is not finite is not applied; if they are broken
        themselves, the best ones of validation are."""
        now = self.stepper.optimiser.snapshot()
        kept, step = (now, self.state.step) if finite(now) else (self.best, self.state.best_step)
        problem = told(
            "gradient" if math.isfinite(loss) else "loss",
            self.state.step + 1,
            self.route,
            rate=self.route.learning_rate * rate,
            before=list(self.losses),
            precision=self.stepper.precision.name,
            where=self.where,
        )
        return Diverged(problem, kept, step)
