"""The border at which a model's outputs become answers: what is not a finite number never gets past it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelwright.base.errors import ReleaseError
from modelwright.base.nouns import Outputs


def finite(outputs: Outputs, name: str, row_ids: Sequence[str]) -> np.ndarray:
    """The output called `name`, whose first axis is the rows.

    Raises:
        ReleaseError: a number in it is NaN or infinite; it names the first such row.
    """
    found = np.asarray(outputs[name])
    broken = ~np.isfinite(found.reshape(len(found), -1)).all(1)
    if broken.any():
        raise ReleaseError(
            "the model's outputs are not finite numbers",
            expected=f"finite {name}",
            where=f"row {row_ids[int(np.flatnonzero(broken)[0])]}",
            remedy="The weights are damaged, or training diverged: train again with a smaller learning_rate.",
        )
    return found
