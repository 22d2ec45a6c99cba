"""`mlp` for tables: embedded columns, then layers of linear, activation, dropout (Gorishniy et al. 2021, 2203.05556).

Shapes: b batch, n numbers, m categories, t bins, e embedding, w width.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from modelwright.base.nouns import Sizes
from modelwright.models.activations import activation
from modelwright.models.dropout import Dropout
from modelwright.spec.routes.mlp_table import MlpTable as MlpTableRoute

_FARTHEST = 10.0  # deviations: what lies farther is taken as that far
_FREQUENCIES, _FREQUENCY_SPREAD = 16, 0.5


class Categories(nn.Module):
    """One table for all columns' categories; those never seen in training start, and stay, at zero.

    Args:
        depths: indices of each column.
        width: of an embedding.
    """

    starts: Tensor

    def __init__(self, depths: list[int], width: int) -> None:
        super().__init__()
        starts = torch.tensor([0, *depths]).cumsum(0)
        self.table = nn.Embedding(int(starts[-1]), width)
        self.register_buffer("starts", starts[:-1], persistent=False)
        with torch.no_grad():
            nn.init.normal_(self.table.weight, std=1 / math.sqrt(width))
            self.table.weight[starts[:-1]] = 0.0

    def forward(self, categories_bm: Tensor) -> Tensor:
        """[b, m, e]."""
        return self.table(categories_bm + self.starts)


class Piecewise(nn.Module):
    """How far a number reaches into each of its quantile bins, 0 to 1 (2203.05556, 3.2), and the number itself.

    Args:
        edges: of each number, rising.
    """

    low: Tensor
    width: Tensor

    def __init__(self, edges: list[list[float]]) -> None:
        super().__init__()
        bins = max(1, max(len(one) - 1 for one in edges))
        low, width = torch.zeros(len(edges), bins), torch.full((len(edges), bins), torch.inf)  # a bin that is not there reaches 0
        for place, one in enumerate(edges):
            known = torch.tensor(one, dtype=torch.float32)
            if len(one) > 1:
                low[place, : len(one) - 1] = known[:-1]
                width[place, : len(one) - 1] = known[1:] - known[:-1]
        self.register_buffer("low", low, persistent=False)
        self.register_buffer("width", width, persistent=False)
        self.size = len(edges) * (bins + 1)

    def forward(self, numbers_bn: Tensor) -> Tensor:
        """[b, n · (t + 1)]."""
        reached = ((numbers_bn[:, :, None] - self.low) / self.width).clamp(0, 1)
        return torch.cat([reached, numbers_bn[:, :, None] / _FARTHEST * 3], 2).flatten(1)


class Periodic(nn.Module):
    """Sines and cosines of learned frequencies, a linear layer of its own for each number, ReLU (2203.05556, 3.3: "PLR").

    Args:
        numbers: how many.
        width: that each becomes.
    """

    def __init__(self, numbers: int, width: int) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(torch.randn(numbers, _FREQUENCIES) * _FREQUENCY_SPREAD)
        self.weights = nn.Parameter(torch.randn(numbers, 2 * _FREQUENCIES, width) / math.sqrt(2 * _FREQUENCIES))
        self.bias = nn.Parameter(torch.zeros(numbers, 1, width))
        self.size = numbers * width

    def forward(self, numbers_bn: Tensor) -> Tensor:
        """[b, n · e]."""
        turns = 2 * math.pi * numbers_bn[:, :, None] * self.frequencies
        waves_nbf = torch.cat([turns.sin(), turns.cos()], 2).transpose(0, 1)
        return (waves_nbf @ self.weights + self.bias).relu().transpose(0, 1).flatten(1)


class MlpTable(nn.Module):
    """Numbers and categories in; logits out, or values where a number is learned.

    Args:
        settings: of the route.
        sizes: numbers, categories, edges; classes.
    """

    def __init__(self, settings: MlpTableRoute, sizes: Sizes) -> None:
        super().__init__()
        depths, numbers = list(sizes["categories"]), int(sizes["numbers"])
        self.categories = Categories(depths, settings.embedding) if depths else None
        self.numbers: Piecewise | Periodic | None = None
        size = len(depths) * settings.embedding
        if numbers and settings.numbers == "piecewise":
            self.numbers = Piecewise([list(edges) for edges in sizes["edges"]])
        elif numbers and settings.numbers == "periodic":
            self.numbers = Periodic(numbers, settings.embedding)
        size += numbers if self.numbers is None else self.numbers.size
        self.plain = bool(numbers)
        self.layers = nn.ModuleList(
            nn.Linear(size if place == 0 else settings.width, settings.width) for place in range(settings.layers)
        )
        self.activation, self.dropout = activation(settings.activation), Dropout(settings.dropout)
        self.classes = sizes.get("classes")
        self.head = nn.Linear(settings.width, self.classes or 1)

    def forward(self, numbers: Tensor, categories: Tensor) -> dict[str, Tensor]:
        kind = self.head.weight.dtype
        parts = []
        if self.plain:
            near = numbers.to(kind).clamp(-_FARTHEST, _FARTHEST)
            parts.append(near if self.numbers is None else self.numbers(near))
        if self.categories is not None:
            parts.append(self.categories(categories).flatten(1))
        hidden = torch.cat(parts, 1)
        for layer in self.layers:
            hidden = self.dropout(self.activation(layer(hidden)))
        return answer(self.head(hidden), self.classes)


def answer(outputs_bc: Tensor, classes: int | None) -> dict[str, Tensor]:
    """Logits, or values [b] where there are no classes."""
    return {"values": outputs_bc[:, 0]} if classes is None else {"logits": outputs_bc}


def build(settings: MlpTableRoute, sizes: Sizes, checkpoint: Path | None) -> MlpTable:
    """From random weights."""
    return MlpTable(settings, sizes)
