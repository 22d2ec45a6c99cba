"""One optimiser step, and answers without learning: the part of training that forecast times and loop repeats."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from modelwright.base.machine import resident_bytes
from modelwright.base.nouns import Batch, Example, Outputs, Row
from modelwright.spec.routes.route import GradientRoute
from modelwright.tasks.contract import Task
from modelwright.train import augment, compilation, losses, shortage
from modelwright.train.buckets import lengths_of, sorted_batches
from modelwright.train.optimisers import Optimiser
from modelwright.train.precision import Precision
from modelwright.train.standing import stand
from modelwright.train.team import in_turn, team
from modelwright.train.vocabulary import Vocabulary

_VALIDATION_ROWS = 64  # in a batch: no gradients are kept, so more fit than in training
_VALIDATION_TOKENS = 1 << 15  # but not more of them, where rows are long


class Stepper:
    """A module, its optimiser and its loss on one device.

    Args:
        module: in float32 on the CPU; moved and converted here.
        task: gives collate, loss, decode, align and score.
        vocabulary: rows of the embedding table that are in use.
    """

    def __init__(
        self,
        module: nn.Module,
        task: Task,
        route: GradientRoute,
        precision: Precision,
        vocabulary: Vocabulary,
        place: torch.device,
    ) -> None:
        self.task, self.vocabulary, self.place, self.precision = task, vocabulary, place, precision
        self.team = team()
        self.plain = copy.deepcopy(module) if self.team.sharded else None
        self.module = module.to(place)
        # the conversion drops digits: masters start from the full ones, and what stays frozen gets them back in `finish`
        full = {key: value.clone() for key, value in module.state_dict().items() if _is_converted(value, precision.dtype)}
        if self.team.sharded:  # shards are masters themselves: each layer is converted when it is put together
            self.team.share_out(self.module, precision.dtype)
            full = {}
        else:
            self.module.to(precision.dtype)
        self.optimiser = Optimiser(self.module, route)
        if full:
            self.optimiser.start(full)
        self.frozen = {name: value for name, value in full.items() if name not in set(self.optimiser.names)}
        compiled, self.compile = compilation.choose(route.compile, self.module, place)
        self.compiled = self.team.together(compiled, place)
        self.warm = False  # whether layers are compiled, and for which batches
        self.loss = losses.choose(task.loss, task.sizes, route)
        self.augment = augment.choose(route, task.sizes.get("classes"))
        self.scored_rows = _VALIDATION_ROWS

    def learn(self, parts: Iterable[tuple[float, Batch]], rate: float) -> tuple[float, float]:
        """One step at `rate`, a share of the peak rate: (loss before it, gradient norm). Weights stay if either is not finite.

        Args:
            parts: of the step's rows, each with its share of the loss; shares add up to one. Several parts are computed one after
                the other and their gradients summed, so that a step may see more rows than fit into memory.
        """
        self.module.train()
        total = 0.0
        for share, batch in parts:
            loss = self._loss(batch)
            if share == 1.0:
                loss.backward()
                total = float(loss.detach())
            else:
                (loss * (share * self.team.size)).backward()  # a team's gradients are averaged
                self.optimiser.collect()
                total += float(loss.detach()) * share
        self.warm = self.warm or (self.compile.startswith("always") and bool(compilation.parts(self.module)))
        return self.team.sum(total), self.optimiser.step(rate)

    def compile_now(self, parts: Iterable[tuple[float, Batch]]) -> None:
        """Compile the layers for batches like these. Nothing is learned."""
        compilation.compile_parts(self.module)
        self.compile = "auto: one layer is compiled for all, because enough time was left for it to pay"
        with torch.random.fork_rng(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the compiler warns of its own ways
            self.module.train()
            for _, batch in parts:
                self._loss(batch).backward()
        self.optimiser.forget()
        self.warm = True

    def _loss(self, batch: Batch) -> Tensor:
        inputs = self._tensors(batch.inputs)
        targets: Any = None if self.task.loss == losses.GIVEN else self._tensor(batch.targets)
        if self.augment is not None:
            inputs, targets = self.augment(inputs, targets)
        try:
            with compilation.steady(self.warm):
                outputs = self.compiled(**inputs)
        except RuntimeError as error:  # the compiler works on the first call, and its errors are of this kind
            if not self.compile.startswith(("always", "auto")) or shortage.is_one(error):
                raise
            raise compilation.failed(error) from error
        weights = batch.weights
        return self.loss(outputs, targets, None if weights is None else self._tensor(weights))

    def answer(self, batch: Batch) -> Outputs:
        """Outputs in float32, without learning."""
        self.module.eval()
        with torch.no_grad() if self.team.sharded else torch.inference_mode(), compilation.steady(self.warm):
            outputs = self.module(**self._tensors(batch.inputs))
        return {name: tensor.float().cpu().numpy() for name, tensor in outputs.items()}

    def score(self, examples: Sequence[Example], rows: Sequence[Row], standing: bool = True) -> dict[str, float]:
        """The task's metrics on `rows`, whose encoded form is `examples`.

        Args:
            standing: let the task see what the module says now of its collection, before anything is looked up in it.
        """
        predictions: list[Any] = [None] * len(rows)
        if standing:
            stand(self.task, self.answers)
        for part, outputs in self.answers(examples):
            if not all(np.isfinite(array).all() for array in outputs.values()):
                return {}
            for number, prediction in zip(part, self.task.decode(outputs, [rows[number].id for number in part]), strict=True):
                predictions[number] = prediction
        return self.task.score(self.task.align(predictions, rows))

    def answers(self, examples: Sequence[Example]) -> Iterator[tuple[list[int], Outputs]]:
        """Outputs of all examples, batch by batch: the examples' numbers, and `answer`. Where memory runs out, fewer at a time."""
        lengths = lengths_of(examples)
        waiting = [
            part[at : at + size]
            for part in sorted_batches(lengths, self.scored_rows)
            for size in [max(1, _VALIDATION_TOKENS // max(1, int(lengths[part[-1]])))]
            for at in range(0, len(part), size)
        ][::-1]
        if self.team.size > 1:
            together = in_turn(waiting[::-1], lambda part: self.answer(self.task.collate([examples[number] for number in part])))
            yield from together
            return
        while waiting:
            part = waiting.pop()
            try:
                outputs = self.answer(self.task.collate([examples[number] for number in part]))
            except (RuntimeError, MemoryError) as error:
                if not shortage.is_one(error) or len(part) == 1:
                    raise
                outputs = None
            if outputs is None:
                self.scored_rows = half = len(part) // 2  # from now on; nothing but memory depends on it
                waiting += [part[half:], part[:half]]
                self.forget()
            else:
                yield part, outputs

    def forget(self) -> None:
        """Let go of a step that ran out of memory."""
        self.optimiser.forget()
        if self.place.type == "cuda":
            torch.cuda.empty_cache()

    def memory_bytes(self) -> int:
        """Held now: by this process, and at most so far on the GPU if there is one."""
        return torch.cuda.max_memory_allocated(self.place) if self.place.type == "cuda" else resident_bytes()

    @property
    def counts_tokens(self) -> bool:
        """Whether an example's length is a number of tokens."""
        return any("tokens" in axes for axes in self.task.axes.values())

    def finish(self, weights: Mapping[str, Tensor]) -> nn.Module:
        """The module as it is shipped: float32, on the CPU, whole vocabulary, with these trained weights."""
        self.module = (self.module if self.plain is None else self.plain).to(torch.float32).cpu().eval()
        self.module.load_state_dict({**self.frozen, **weights}, strict=False)
        self.vocabulary.widen(self.module)
        return self.module

    def _tensors(self, inputs: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
        return {name: self._tensor(self.vocabulary.narrow(name, array)) for name, array in inputs.items()}

    def _tensor(self, array: np.ndarray | None) -> Tensor:
        assert array is not None, "rows without labels reach training"
        return torch.from_numpy(array).to(self.place, non_blocking=True)


def _is_converted(value: Tensor, dtype: torch.dtype) -> bool:
    return value.is_floating_point() and value.dtype != dtype
