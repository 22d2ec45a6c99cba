"""`popularity`: the share of users who liked each item, the same for everybody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.base.nouns import Example, Sizes
from modelwright.models.item_scores import ItemScores, Step, popularity


class Fitted(ItemScores):
    """Shares by item."""

    architecture = "popularity"
    names = ("prior",)

    def raw(self, profile_bn: np.ndarray) -> np.ndarray:
        return self.arrays["prior"]

    def steps(self) -> tuple[list[Step], dict[str, np.ndarray]]:
        return [("Identity", ("prior",), "raw", {})], {}


def fit(settings: Any, sizes: Sizes, examples: Sequence[Example], seed: int) -> Fitted:
    """Count. Nothing is drawn: `seed` is in the signature that fit routes share."""
    return Fitted({"prior": popularity(examples, sizes, settings.half_life)}, sizes["excluded"])
