"""From one vector per token to one vector per row; padding never counts.

Shapes: b batch, t tokens, w width.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Pooling = Literal["mean", "first"]


def mean(hidden_btw: Tensor, mask_bt: Tensor) -> Tensor:
    """Mean over real tokens [b, w]; a row without any gives zeros."""
    weights_bt = mask_bt.to(hidden_btw.dtype)
    total_bw = torch.bmm(weights_bt[:, None], hidden_btw)[:, 0]
    return total_bw / weights_bt.sum(1, keepdim=True).clamp(min=1)


def largest(hidden_btw: Tensor, mask_bt: Tensor) -> Tensor:
    """Largest value over real tokens [b, w]; a row without any gives a large negative number, not minus infinity."""
    return hidden_btw.masked_fill(mask_bt[:, :, None] == 0, torch.finfo(hidden_btw.dtype).min).amax(1)


def pool(hidden_btw: Tensor, mask_bt: Tensor, how: Pooling) -> Tensor:
    """[b, w] by name: "mean" of real tokens, or the "first" token (BERT's [CLS])."""
    return mean(hidden_btw, mask_bt) if how == "mean" else hidden_btw[:, 0]
