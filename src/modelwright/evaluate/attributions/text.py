"""Which words spoke for an answer: a reader's inputs get shares of the logit, and its places carry them back into the text.

TF-IDF with a linear layer is a sum, so that its shares are exact: weight × value of each n-gram. Every other route has a table of
embeddings, and the shares are integrated gradients over the embeddings that go in. The baseline is the same row with the table's mean,
an average word, in place of every word (special tokens stay what they are). Zeros, the usual choice, are a place where a recurrent
network tips over: from them a fifth of a bidirectional LSTM's answers came in one jump that no word could be given.

Shapes: n nodes, t tokens, w width, f features, c classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from modelwright.base.errors import TrainError
from modelwright.base.nouns import Row
from modelwright.evaluate.attributions.methods import NODES, Care, Shares, integrated_gradients
from modelwright.models.tfidf_linear import Fitted
from modelwright.tasks.text.reader import Places
from modelwright.tasks.text.scripts import display_places, fold
from modelwright.tasks.text_classification import TextClassification

EXACT, GRADIENTS = "exact", "integrated-gradients"
NGRAM_READERS = ("ngrams", "hashed-ngrams")
TINY = 1e-12
_TOKENS_AT_ONCE = 4_096
_IDS = "token_ids"
QUICK = Care(stretches=(2, 2))


@dataclass(frozen=True)
class Told:
    """One text, explained.

    Args:
        shares: of each entry of the reader, [entries].
        places: of each entry.
        ngrams: whether entries are n-grams, not tokens.
    """

    text: str
    shares: Shares
    places: Sequence[Places]
    ngrams: bool

    def words(self) -> list[tuple[int, int, float]]:
        """Each word, sign, or character of a script without spaces, with its share: (start, end, logits). An n-gram's share goes to
        its occurrences, and to the words of each, in equal parts."""
        words = display_places(self.text)
        starts, ends = np.array([start for start, _ in words]), np.array([end for _, end in words])
        parts = np.zeros(len(words))
        for part, ranges in zip(self.shares.parts.tolist(), self.places, strict=True):
            for start, end in ranges:
                first, last = int(np.searchsorted(ends, start, "right")), int(np.searchsorted(starts, end, "left"))
                if last > first:
                    parts[first:last] += part / len(ranges) / (last - first)
        return [(start, end, part) for (start, end), part in zip(words, parts.tolist(), strict=True)]

    def terms(self) -> dict[str, float]:
        """Shares by spelling: of n-grams where the reader's entries are n-grams, otherwise of words."""
        if self.ngrams:
            held = zip(self.shares.parts.tolist(), self.places, strict=True)
            pieces = [(*ranges[0], part) for part, ranges in held if ranges]
        else:
            pieces = self.words()
        found: dict[str, float] = {}
        for start, end, part in pieces:
            term = " ".join(fold(self.text[start:end]).split())
            found[term] = found.get(term, 0.0) + part
        return found


class Linear:
    """Shares of TF-IDF features: see the formula in models/tfidf_linear.py."""

    method = EXACT

    def __init__(self, task: TextClassification, fitted: Fitted) -> None:
        self.task, self.fitted = task, fitted

    def cost(self, row: Row) -> float:
        """Multiplications; next to none."""
        return 0.0

    def tell(self, row: Row, direction_c: np.ndarray, quick: bool = False) -> Told:
        text, fitted = row.values["text"], self.fitted
        inputs = self.task.encode(row).inputs
        ids_f, counts_f = inputs["feature_ids"], inputs["counts"].astype(np.float64)
        weights_f = np.where(counts_f > 0, 1 + np.log(np.maximum(counts_f, 1)), 0) * fitted.idf[ids_f]
        weights_f /= max(float(np.linalg.norm(weights_f)), TINY)
        parts_f = weights_f * (fitted.table[ids_f].astype(np.float64) @ direction_c)
        value = float(fitted.outputs({name: array[None] for name, array in inputs.items()})["logits"][0] @ direction_c)
        shares = Shares(parts_f, value, float(fitted.bias @ direction_c))
        return Told(text, shares, self.task.reader.places(text), ngrams=True)


class Gradients:
    """Shares of embeddings.

    Args:
        module: in eval mode, on the CPU; its weights are frozen here.
    """

    method = GRADIENTS

    def __init__(self, task: TextClassification, module: nn.Module) -> None:
        self.task, self.module = task, module.requires_grad_(False)
        tables = sum(child.weight.numel() for child in module.modules() if isinstance(child, nn.Embedding))
        self.weights = sum(parameter.numel() for parameter in module.parameters()) - tables

    def cost(self, row: Row) -> float:
        """Multiplications of a quick look at a row, roughly: forward, and back to the embeddings, at each node."""
        return 2.0 * NODES * QUICK.stretches[0] * self.weights * self.task.encode(row).length

    def tell(self, row: Row, direction_c: np.ndarray, quick: bool = False) -> Told:
        """Share a row's answer out.

        Args:
            direction_c: which number of the answer (`picked.direction`).
            quick: few nodes, and no more where parts are missing: for means over many rows.

        Raises:
            TrainError: the module looks its tokens up in no table.
        """
        text = row.values["text"]
        places = self.task.reader.places(text)
        inputs = {name: torch.from_numpy(array) for name, array in self.task.collate([self.task.encode(row)]).inputs.items()}
        table = self._table(inputs)
        given_tw = table(inputs[_IDS][0]).detach()
        average_w = table.weight.mean(0)
        stays_t1 = torch.tensor([not ranges for ranges in places])[:, None]
        direction = torch.from_numpy(direction_c)

        def answer(points_ntw: Tensor) -> Tensor:
            many = {name: tensor.expand(len(points_ntw), -1) for name, tensor in inputs.items()}
            with _giving(table, points_ntw):
                return self.module(**many)["logits"].float() @ direction

        at_once = max(1, _TOKENS_AT_ONCE // len(given_tw))
        baseline_tw = torch.where(stays_t1, given_tw, average_w)
        shares = integrated_gradients(answer, given_tw, baseline_tw, 1, at_once, QUICK if quick else Care())
        ngrams = self.task.reader.name in NGRAM_READERS
        return Told(text, shares, places, ngrams)

    def _table(self, inputs: dict[str, Tensor]) -> nn.Embedding:
        """The table that the tokens are looked up in: the first that is given them."""
        found: list[nn.Embedding] = []

        def look(module: nn.Module, given: tuple[Any, ...]) -> None:
            if len(given) == 1 and given[0].shape == inputs[_IDS].shape and torch.equal(given[0], inputs[_IDS]):
                assert isinstance(module, nn.Embedding)
                found.append(module)

        hooks = [child.register_forward_pre_hook(look) for child in self.module.modules() if isinstance(child, nn.Embedding)]
        try:
            with torch.inference_mode():
                self.module(**inputs)
        finally:
            for hook in hooks:
                hook.remove()
        if not found:
            raise TrainError(
                f"no table of {type(self.module).__name__} is given the tokens",
                expected="a module that looks its tokens up in a table of embeddings",
                where="evaluate.explain",
                remedy="Set evaluate.explain.rows: 0, and report the checkpoint that the route starts from.",
            )
        return found[0]


class _giving:  # noqa: N801  (read as a phrase: with _giving(table, points))
    """While it lasts, a table gives these embeddings whatever it is asked."""

    def __init__(self, table: nn.Embedding, points: Tensor) -> None:
        self.hook: Callable[[], None] = table.register_forward_hook(lambda module, given, output: points.clone()).remove

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self.hook()


Explainer = Linear | Gradients
