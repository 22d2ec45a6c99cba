"""`ft-transformer`: each column a token, and one more that gathers the answer (Gorishniy et al. 2021, 2106.11959).

A number's token is its value times a learned vector, plus another; a category's is looked up. Blocks are pre-norm with ReGLU; the first
norm of the first block is left out, as in the paper.

Shapes: b batch, t tokens, h heads, w width.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from modelwright.base.nouns import Sizes
from modelwright.models.dropout import Dropout
from modelwright.models.mlp_table import _FARTHEST, Categories, answer
from modelwright.spec.routes.ft_transformer import FtTransformer as FtTransformerRoute


class Block(nn.Module):
    """Attention and ReGLU feed-forward, each with its residual.

    Args:
        first: leaves out the norm before the attention.
    """

    def __init__(self, settings: FtTransformerRoute, first: bool) -> None:
        super().__init__()
        width, inner = settings.width, settings.width * 4 // 3
        self.heads = settings.heads
        self.attention_norm = nn.Identity() if first else nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 2 * inner)
        self.narrow = nn.Linear(inner, width)
        self.dropout = Dropout(settings.dropout)

    def forward(self, hidden_btw: Tensor) -> Tensor:
        b, t, w = hidden_btw.shape
        parts = self.query_key_value(self.attention_norm(hidden_btw)).view(b, t, 3, self.heads, w // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        shares = (query @ key.transpose(-1, -2) / math.sqrt(w // self.heads)).softmax(-1)
        mixed = (self.dropout(shares) @ value).transpose(1, 2).reshape(b, t, w)
        hidden_btw = hidden_btw + self.attended(mixed)
        left, right = self.widen(self.norm(hidden_btw)).chunk(2, -1)
        return hidden_btw + self.narrow(self.dropout(left * right.relu()))


class FtTransformer(nn.Module):
    """Numbers and categories in; logits out, or values where a number is learned.

    Args:
        settings: of the route.
        sizes: numbers, categories; classes.
    """

    def __init__(self, settings: FtTransformerRoute, sizes: Sizes) -> None:
        super().__init__()
        width, numbers, depths = settings.width, int(sizes["numbers"]), list(sizes["categories"])
        reach = 1 / math.sqrt(width)
        self.gatherer = nn.Parameter(torch.empty(1, width).uniform_(-reach, reach))
        self.number_weights = nn.Parameter(torch.empty(numbers, width).uniform_(-reach, reach)) if numbers else None
        self.biases = nn.Parameter(torch.empty(numbers + len(depths), width).uniform_(-reach, reach))
        self.categories = Categories(depths, width) if depths else None
        self.blocks = nn.ModuleList(Block(settings, place == 0) for place in range(settings.layers))
        self.norm = nn.LayerNorm(width)
        self.classes = sizes.get("classes")
        self.head = nn.Linear(width, self.classes or 1)

    def forward(self, numbers: Tensor, categories: Tensor) -> dict[str, Tensor]:
        tokens = []
        if self.number_weights is not None:
            near = numbers.to(self.head.weight.dtype).clamp(-_FARTHEST, _FARTHEST)
            tokens.append(near[:, :, None] * self.number_weights)
        if self.categories is not None:
            tokens.append(self.categories(categories))
        columns = torch.cat(tokens, 1) + self.biases
        hidden = torch.cat([self.gatherer.expand(columns.shape[0], 1, -1), columns], 1)
        for block in self.blocks:
            hidden = block(hidden)
        return answer(self.head(self.norm(hidden[:, 0]).relu()), self.classes)


def build(settings: FtTransformerRoute, sizes: Sizes, checkpoint: Path | None) -> FtTransformer:
    """From random weights."""
    return FtTransformer(settings, sizes)
