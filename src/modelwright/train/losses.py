"""Losses by the names that tasks give. Outputs in, mean over the batch out, in float32 whatever the module computes in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor
from torch.nn import functional

Loss = Callable[[Mapping[str, Tensor], Tensor], Tensor]


def cross_entropy(outputs: Mapping[str, Tensor], targets: Tensor) -> Tensor:
    """Logits [b, c] against class numbers [b] int64."""
    return functional.cross_entropy(outputs["logits"].float(), targets)


def binary_cross_entropy(outputs: Mapping[str, Tensor], targets: Tensor) -> Tensor:
    """Logits [b, c] against 0 or 1 for each label [b, c]."""
    return functional.binary_cross_entropy_with_logits(outputs["logits"].float(), targets.float())


LOSSES: Mapping[str, Loss] = {"cross-entropy": cross_entropy, "binary-cross-entropy": binary_cross_entropy}
