"""Only the tokens that occur: a checkpoint's embedding table is cut to the rows that the data uses while it trains.

A 30,000-row table is half of a small encoder's weights, yet a company's texts use a third of it. Rows that never occur get no
gradient and (tables are not decayed) never change, so leaving them out of the optimiser changes nothing but time and memory.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

from modelwright.base.nouns import Example

IDS = ("token_ids", "passage_ids")  # the second: of texts that stand beside those of a row
_WORTHWHILE = 0.8  # share of rows in use from which cutting is not worth its bookkeeping


class Vocabulary:
    """A map from a table's rows to those in use.

    A module takes part by naming its table in the attribute `vocabulary_table` (a dotted path to an `nn.Embedding`).

    Args:
        module: its table is replaced by the narrow one, in place; `widen` puts the full one back.
        examples: training examples and validation examples; only looked at where the module takes part.
    """

    def __init__(self, module: nn.Module, examples: Iterable[Example]) -> None:
        self.path: str | None = getattr(module, "vocabulary_table", None)
        self.rows: np.ndarray | None = None
        if self.path is None or not _has(module, self.path):
            return
        table = module.get_submodule(self.path)
        assert isinstance(table, nn.Embedding)
        if not table.weight.requires_grad:
            return
        read = [example.inputs[name] for example in examples for name in IDS if name in example.inputs]
        used = np.unique(np.concatenate([*read, np.zeros(1, np.int64)]))
        if len(used) > _WORTHWHILE * table.num_embeddings:
            return
        self.rows = used
        self.full = table.weight.detach().clone()
        self.lookup = np.zeros(table.num_embeddings, np.int64)
        self.lookup[used] = np.arange(len(used))
        _replace(module, self.path, self.full[torch.from_numpy(used)])

    def narrow(self, name: str, array: np.ndarray) -> np.ndarray:
        """An input's ids as rows of the narrow table; other inputs unchanged."""
        return self.lookup[array] if self.rows is not None and name in IDS else array

    def widen(self, module: nn.Module) -> None:
        """Put the full table back, with what was learned, in place."""
        if self.rows is None or self.path is None:
            return
        learned = module.get_parameter(f"{self.path}.weight").detach().float().cpu()
        self.full[torch.from_numpy(self.rows)] = learned
        _replace(module, self.path, self.full)


def _has(module: nn.Module, path: str) -> bool:
    try:
        return isinstance(module.get_submodule(path), nn.Embedding)
    except AttributeError:  # a foreign encoder behind the same class
        return False


def _replace(module: nn.Module, path: str, weight: torch.Tensor) -> None:
    parent, _, name = path.rpartition(".")
    setattr(module.get_submodule(parent), name, nn.Embedding.from_pretrained(weight, freeze=False))
