"""`two-tower`: a user is a pooled history through a small network, an item is a vector (Covington, Adams & Sargin 2016).

How much an item of the history counts is learned for its place from the end: what was had last tells most.

Shapes: b batch, t steps, w width, n items.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from modelwright.base.nouns import Sizes
from modelwright.models.dropout import Dropout
from modelwright.models.item_answers import ItemAnswers
from modelwright.spec.routes.two_tower import TwoTower as TwoTowerRoute


class TwoTower(nn.Module):
    """A history in, scores of all items out."""

    def __init__(self, settings: TwoTowerRoute, sizes: Sizes) -> None:
        super().__init__()
        width = settings.width
        self.answers = ItemAnswers(sizes, width)
        self.counting = nn.Parameter(torch.zeros(settings.history))  # by the distance from the end of the history
        self.widen, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.dropout = Dropout(settings.dropout)

    def forward(self, item_ids: Tensor, excluded: Tensor | None = None, asked: Tensor | None = None) -> dict[str, Tensor]:
        user_bw = self._user(item_ids)
        if excluded is None or asked is None:
            return {"logits": self.answers.logits(user_bw)}
        return self.answers(user_bw, excluded, asked)

    def _user(self, item_ids_bt: Tensor) -> Tensor:
        real_bt = item_ids_bt > 0
        lengths_b1 = real_bt.sum(1, keepdim=True)
        back_bt = (lengths_b1 - 1 - torch.arange(item_ids_bt.shape[1], device=item_ids_bt.device)).clamp_min(0)
        counts_bt = self.counting[back_bt].masked_fill(~real_bt, torch.finfo(self.counting.dtype).min).softmax(1)
        pooled_bw = (counts_bt[:, None, :] @ self.dropout(self.answers.table(item_ids_bt)))[:, 0]
        return pooled_bw + self.narrow(self.dropout(functional.gelu(self.widen(pooled_bw))))


def build(settings: TwoTowerRoute, sizes: Sizes, checkpoint: Path | None) -> TwoTower:
    """From random weights."""
    return TwoTower(settings, sizes)
