"""`sequential`: causal self-attention over a history (SASRec, Kang & McAuley 2018, 1808.09781).

Every place foretells the item after it, all in one pass; norms come before attention and feed-forward. Histories are padded at
their ends, which nothing before them can see.

Shapes: b batch, t steps, h heads, d width of a head, w width (h · d), n items.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from modelwright.base.errors import SpecError
from modelwright.base.nouns import Sizes
from modelwright.models.dropout import Dropout
from modelwright.models.item_answers import ItemAnswers
from modelwright.spec.routes.sequential import Sequential as SequentialRoute


class Layer(nn.Module):
    """Attention to what came before, and feed-forward; each added to its input."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attended_norm, self.narrow_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value, self.attended = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.dropout = Dropout(dropout)

    def forward(self, hidden_btw: Tensor, later_tt: Tensor) -> Tensor:
        b, t, w = hidden_btw.shape
        qkv = self.query_key_value(self.attended_norm(hidden_btw)).view(b, t, 3, self.heads, w // self.heads)
        query_bhtd, key_bhtd, value_bhtd = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        scores_bhtt = (query_bhtd * (1 / math.sqrt(w // self.heads))) @ key_bhtd.transpose(-1, -2)
        chances_bhtt = scores_bhtt.masked_fill(later_tt, torch.finfo(scores_bhtt.dtype).min).softmax(-1)
        mixed_btw = (self.dropout(chances_bhtt) @ value_bhtd).transpose(1, 2).reshape(b, t, w)
        hidden_btw = hidden_btw + self.dropout(self.attended(mixed_btw))
        fed_btw = self.narrow(self.dropout(functional.gelu(self.widen(self.narrow_norm(hidden_btw)))))
        return hidden_btw + self.dropout(fed_btw)


class Sequential(nn.Module):
    """Histories in; logits of every step in training, scores after the last step otherwise."""

    def __init__(self, settings: SequentialRoute, sizes: Sizes) -> None:
        super().__init__()
        width = settings.width
        self.answers = ItemAnswers(sizes, width)
        self.places = nn.Embedding(settings.history, width)
        self.layers = nn.ModuleList(Layer(width, settings.heads, settings.dropout) for _ in range(settings.layers))
        self.norm = nn.LayerNorm(width)
        self.dropout = Dropout(settings.dropout)
        nn.init.normal_(self.places.weight, std=0.02)

    def forward(self, item_ids: Tensor, excluded: Tensor | None = None, asked: Tensor | None = None) -> dict[str, Tensor]:
        steps_t = torch.arange(item_ids.shape[1], device=item_ids.device)
        hidden_btw = self.dropout(self.answers.table(item_ids) + self.places.weight[: item_ids.shape[1]])
        for layer in self.layers:
            hidden_btw = layer(hidden_btw, steps_t[None, :] > steps_t[:, None])
        if excluded is None or asked is None:
            return {"logits": self.answers.logits(self.norm(hidden_btw))}
        last_b11 = ((item_ids > 0).sum(1) - 1).clamp_min(0)[:, None, None]
        last_bw = hidden_btw.gather(1, last_b11.expand(-1, 1, hidden_btw.shape[2]))[:, 0]
        return self.answers(self.norm(last_bw), excluded, asked)


def build(settings: SequentialRoute, sizes: Sizes, checkpoint: Path | None) -> Sequential:
    """From random weights.

    Raises:
        SpecError: the width can't be shared out among the heads.
    """
    if settings.width % settings.heads:
        raise SpecError(
            f"width {settings.width} is no multiple of heads {settings.heads}",
            expected="each head the same width",
            where="route sequential: width",
            remedy=f"Set width: {settings.heads * -(-settings.width // settings.heads)}.",
        )
    return Sequential(settings, sizes)
