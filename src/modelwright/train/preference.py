"""Direct preference optimisation (Rafailov et al. 2023, 2305.18290): of two answers to a prompt, make the wanted one likelier.

    loss = −log σ(m),  m = β · [(log π(chosen) − log π₀(chosen)) − (log π(rejected) − log π₀(rejected))]

π₀ is the model as the phase found it. Its log-probabilities never change, so they are computed once, before the first step, and kept
in a file: half the memory and a third less work than a second model beside the first. With label smoothing ε (conservative DPO, Mitchell
2023) the loss is (1 − ε) · −log σ(m) + ε · −log σ(−m). The score is the share of validation pairs with m > 0 (m = 0 counts half).

Everything runs in the ordinary loop: `Pairs` stands for the task, `Preferring` for the module.

Shapes: b pairs in a batch, 2 answers of a pair (chosen, rejected), t tokens.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

from modelwright.base.console import Console
from modelwright.base.errors import DataError
from modelwright.base.nouns import Batch, Example, Outputs, Row
from modelwright.base.store import writing
from modelwright.spec.routes.phases import Preference
from modelwright.tasks.chat.messages import read_messages, write_messages
from modelwright.tasks.contract import Metric
from modelwright.train.losses import IGNORED
from modelwright.train.ready import Prepared
from modelwright.train.resume import damaged

PREFERRED = "preferred"
PREFIX = "model."  # of the model's weights in `Preferring`
REFERENCE = "reference.npy"
_INPUTS = ("input_ids", "attention_mask", "labels")


class Pairs:
    """Pairs of answers as a task: the loop's view of `learn.preferences`.

    Args:
        task: the fitted language task, which encodes conversations.
    """

    metrics = (Metric(PREFERRED, "higher"), Metric("preference-loss", "lower", "nat"), Metric("margin", "higher", "nat"))
    loss = "given"

    def __init__(self, task: Any) -> None:
        self.task, self.sizes = task, task.sizes
        self.axes = dict.fromkeys(_INPUTS, ("batch", "answers", "tokens"))
        self.left_out = 0
        self.encoded: dict[str, Example] = {}

    def usable(self, rows: Sequence[Row]) -> list[Row]:
        """The pairs that teach something: two different answers, of which some tokens are inside the context. Others are counted.

        Raises:
            DataError: no pair is left.
        """
        kept = []
        for row in rows:
            example = self._pair(row)
            if example is None:
                self.left_out += 1
            else:
                self.encoded[row.id] = example
                kept.append(row)
        if rows and not kept:
            raise DataError(
                f"none of {len(rows):,} pairs of answers can be learned from: their answers are equal, or lie beyond the context",
                expected="a chosen and a rejected answer that differ inside the context",
                where="learn.preferences",
                remedy="Raise learn.context, or look at the columns chosen and rejected.",
            )
        return kept

    def encode_many(self, rows: Sequence[Row]) -> list[Example]:
        return [self.encoded.pop(row.id) for row in rows]

    def lessons(self, rows: Sequence[Row]) -> list[Example]:
        return self.encode_many(rows)

    def _pair(self, row: Row) -> Example | None:
        """Both answers, padded to one length, with labels on the answer alone; None if they are no pair."""
        prompt = read_messages(row.values["messages"], f"learn.preferences, row {row.id}", DataError)
        found = []
        for role in ("chosen", "rejected"):
            messages = write_messages([*prompt, {"role": "assistant", "content": row.values[role]}])
            example = self.task.conversation(Row(f"{row.id} ({role})", {"messages": messages}))
            found.append((example.inputs["input_ids"], example.inputs["attention_mask"], answer_labels(example.target)))
        (chosen, _, chosen_labels), (rejected, _, rejected_labels) = found
        learned = all((labels[1:] != IGNORED).any() for labels in (chosen_labels, rejected_labels))
        if not learned or np.array_equal(chosen, rejected):
            return None
        length = max(len(chosen), len(rejected))
        fills = (self.sizes["padding"], 0, IGNORED)
        inputs = {
            name: np.stack([_padded(answer[at], length, fill) for answer in found])
            for at, (name, fill) in enumerate(zip(_INPUTS, fills, strict=True))
        }
        return Example(row.id, inputs, 2 * length)  # tokens of both answers

    def collate(self, examples: Sequence[Example]) -> Batch:
        """Inputs int64 [b, 2, t], padded to the longest; "reference" float32 [b, 2] (zeros before it is known)."""
        longest = max(example.inputs["input_ids"].shape[-1] for example in examples)
        fills = {"input_ids": self.sizes["padding"], "attention_mask": 0, "labels": IGNORED}
        inputs = {
            name: np.stack([_padded(example.inputs[name], longest, fill) for example in examples]) for name, fill in fills.items()
        }
        nothing = np.zeros(2, np.float32)
        inputs["reference"] = np.stack([example.inputs.get("reference", nothing) for example in examples])
        return Batch(tuple(example.row_id for example in examples), inputs)

    def counted(self, batch: Batch) -> float:
        return float(len(batch.row_ids))

    def decode(self, outputs: Outputs, row_ids: Sequence[str]) -> list[tuple[float, float]]:
        """Margin and loss of each pair, nat."""
        return [(float(margin), float(loss)) for margin, loss in zip(outputs["margins"], outputs["values"], strict=True)]

    def align(self, predictions: Sequence[tuple[float, float]], rows: Sequence[Row]) -> dict[str, np.ndarray]:
        margins, losses = np.array(predictions, np.float64).reshape(-1, 2).T
        return {"margins": margins, "losses": losses}

    def score(self, aligned: Mapping[str, np.ndarray]) -> dict[str, float]:
        margins = aligned["margins"]
        return {
            PREFERRED: float(((margins > 0) + 0.5 * (margins == 0)).mean()),
            "preference-loss": float(aligned["losses"].mean()),
            "margin": float(margins.mean()),
        }


def answer_labels(target_t: np.ndarray) -> np.ndarray:
    """A conversation's labels with the last answer's only: earlier answers belong to the prompt.

    Args:
        target_t: token ids, −100 where nothing is learned; each answer is one unbroken stretch.
    """
    learned = np.flatnonzero(target_t != IGNORED)
    if not len(learned):
        return target_t
    breaks = np.flatnonzero(np.diff(learned) > 1)
    first = learned[breaks[-1] + 1] if len(breaks) else learned[0]
    labels = target_t.copy()
    labels[:first] = IGNORED
    return labels


def _padded(values: np.ndarray, length: int, fill: int) -> np.ndarray:
    """Filled up along the last axis."""
    wider = np.full((*values.shape[:-1], length), fill, np.int64)
    wider[..., : values.shape[-1]] = values
    return wider


class Preferring(nn.Module):
    """A language model asked for pairs.

    Args:
        model: forward(input_ids [n, t], attention_mask [n, t], labels [n, t]) → {"values": [n]}: nats of each row, scaled so that
            their mean over rows is the mean over learned tokens.
        settings: of the phase.
    """

    def __init__(self, model: nn.Module, settings: Preference) -> None:
        super().__init__()
        self.model, self.settings = model, settings

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor, reference: Tensor) -> dict[str, Tensor]:
        """ "values" [b]: the loss, "margins" [b]: m, "nats" [b, 2]: −log π of each answer."""
        tokens_b2 = (labels[..., 1:] != IGNORED).sum(-1)
        values = self.model(input_ids.flatten(0, 1), attention_mask.flatten(0, 1), labels.flatten(0, 1))["values"]
        nats_b2 = values.float().view(tokens_b2.shape) * (tokens_b2.sum() / tokens_b2.numel())
        margins_b = margins(nats_b2, reference, self.settings.beta)
        losses_b = losses(margins_b, self.settings.label_smoothing)
        if self.settings.likelihood:
            losses_b = losses_b + self.settings.likelihood * nats_b2[:, 0] / tokens_b2[:, 0]
        return {"values": losses_b, "margins": margins_b, "nats": nats_b2}


def margins(nats_b2: Tensor, reference_b2: Tensor, beta: float) -> Tensor:
    """m [b], from −log π and −log π₀ of the chosen and the rejected answer, nat."""
    gained_b2 = reference_b2.float() - nats_b2
    return beta * (gained_b2[:, 0] - gained_b2[:, 1])


def losses(margins_b: Tensor, smoothing: float) -> Tensor:
    """The loss of each pair."""
    loss_b = -functional.logsigmoid(margins_b)
    return loss_b if not smoothing else (1 - smoothing) * loss_b - smoothing * functional.logsigmoid(-margins_b)


def refer(made: Prepared, folder: Path, console: Console, title: str) -> Prepared:
    """Give each pair the starting weights' −log-probabilities, computed once: a continued run reads what the first one wrote.

    Args:
        made: the phase as it starts.
        folder: of the phase; the file lies in it.

    Raises:
        TrainError: the file is damaged.
    """
    path = folder / REFERENCE
    pairs = [*made.examples, *made.held]
    if path.exists():
        try:
            known = np.load(path, allow_pickle=False)
            if known.shape != (len(pairs), 2):
                raise ValueError(f"it holds {known.shape}, not {(len(pairs), 2)}")
        except (OSError, ValueError, EOFError) as error:
            raise damaged(path, error) from error
    else:
        known = np.zeros((len(pairs), 2), np.float32)
        with console.progress(f"{title}: where the answers stand", len(pairs)) as progress:
            done = 0
            for part, outputs in made.stepper.answers(pairs):
                known[part] = outputs["nats"]
                done += len(part)
                progress.update(done)
        with writing(path):
            sibling = path.with_name(f"{path.name}.{os.getpid()}.tmp")
            with sibling.open("wb") as file:
                np.save(file, known, allow_pickle=False)
            sibling.replace(path)
    told = [replace(pair, inputs={**pair.inputs, "reference": row}) for pair, row in zip(pairs, known, strict=True)]
    count = len(made.examples)
    return replace(made, examples=told[:count], held=told[count:])
