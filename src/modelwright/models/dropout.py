"""Dropout that costs little on a CPU.

torch draws one random number per element, in one thread: on a small encoder that is a sixth of a training step. Here one
64-bit draw serves eight elements, so the rate is rounded to a multiple of 1/256 (0.1 becomes 26/256 = 0.1016) and the rest
is scaled by the rounded rate, which keeps the expectation exact (Srivastava et al. 2014).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_LEVELS = 256


class Dropout(nn.Module):
    """Zero a share of the elements in training, scale up the others; identity otherwise.

    Args:
        rate: between 0 and 1, exclusive.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.level = min(round(rate * _LEVELS), _LEVELS - 1)

    def forward(self, values: Tensor) -> Tensor:
        if not self.training or self.level == 0:
            return values
        if values.device.type != "cpu":
            return nn.functional.dropout(values, self.level / _LEVELS)
        count = values.numel()
        words = torch.empty(-(-count // 8), dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.uint8)[:count].view(values.shape) >= self.level
        return values * kept.to(values.dtype).mul_(_LEVELS / (_LEVELS - self.level))

    def extra_repr(self) -> str:
        return f"rate={self.level / _LEVELS:.4f}"
