"""The last layer that trained recommenders share: a vector for each user against a vector for each item.

In training: logits, for the softmax over the catalogue. Otherwise: scores, with the lowest where an item may not be recommended,
and what was asked, passed through for whoever reads the answer.

Shapes: b batch, w width, n items.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from modelwright.base.nouns import Sizes


class ItemAnswers(nn.Module):
    """Item vectors and how much each is liked by everybody.

    Args:
        sizes: items, and the score of an excluded one.
    """

    def __init__(self, sizes: Sizes, width: int) -> None:
        super().__init__()
        self.items, self.excluded = sizes["items"], float(sizes["excluded"])
        self.table = nn.Embedding(self.items + 2, width)  # 0 padding, 1 to n items, n + 1 the beginning of a history
        self.liking = nn.Parameter(torch.zeros(self.items))
        nn.init.normal_(self.table.weight, std=width**-0.5)

    def logits(self, users: Tensor) -> Tensor:
        """[…, w] → […, n]."""
        return users @ self.table.weight[1 : self.items + 1].T + self.liking

    def forward(self, users_bw: Tensor, excluded: Tensor, asked: Tensor) -> dict[str, Tensor]:
        scores_bn = torch.where(excluded, self.excluded, self.logits(users_bw))
        return {"scores": scores_bn, "asked_for": asked + 0}
