"""A table row's numbers and categories as one vector, for models that measure distances.

Numbers are standardised already. A category becomes one position per index, scaled so that two different categories are as far
apart (1) as two numbers that differ by one deviation.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from modelwright.base.nouns import Sizes

SCALE = float(np.sqrt(0.5))
"""Of a category's position: √(2 · ½) = 1 between two different ones."""


def width(sizes: Sizes) -> int:
    """Length of the vector. `sizes`: "numbers", and "categories" (how many indices each has)."""
    return int(sizes["numbers"]) + sum(sizes["categories"])


def vectors(inputs: Mapping[str, np.ndarray], sizes: Sizes) -> np.ndarray:
    """ "numbers" float32 [b, n] and "categories" int64 [b, m] as float32 [b, width]."""
    numbers, categories = inputs["numbers"], inputs["categories"]
    parts = [numbers.astype(np.float32)]
    for column, count in enumerate(sizes["categories"]):
        parts.append(np.eye(count, dtype=np.float32)[categories[:, column]] * np.float32(SCALE))
    return np.concatenate(parts, axis=1)


def stacked(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """One row's inputs as a batch of one."""
    return {name: array[None] for name, array in inputs.items()}
