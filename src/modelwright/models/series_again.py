"""Training windows laid together again into the series they were cut from, for models that are fitted on whole series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modelwright.base.nouns import Example

_PART = 1 << 16  # as the task splits positions


def training_series(examples: Sequence[Example]) -> dict[int, np.ndarray]:
    """By number: float64 [n], in the task's units; NaN where no window has a step. Targets of windows count before what later
    windows remember: fillings of a hole differ between them."""
    by_number: dict[int, list[tuple[int, Example]]] = {}
    for example in examples:
        context = example.inputs["context"]
        by_number.setdefault(int(example.inputs["series"]), []).append((round(context[3]) * _PART + round(context[4]), example))
    return {number: _joined(found) for number, found in sorted(by_number.items())}


def _joined(windows: Sequence[tuple[int, Example]]) -> np.ndarray:
    history = len(windows[0][1].inputs["history"])
    horizon = len(np.asarray(windows[0][1].target))
    start = min(origin - int(example.inputs["seen"].sum()) for origin, example in windows)
    values = np.full(max(origin for origin, _ in windows) + horizon - start, np.nan)
    for which in ("history", "target"):
        for origin, example in windows:
            center, rest, spread = (float(number) for number in example.inputs["context"][:3])
            seen = int(example.inputs["seen"].sum())
            scaled = example.inputs["history"][history - seen :] if which == "history" else np.asarray(example.target)
            at = origin - start - (seen if which == "history" else 0)
            values[at : at + len(scaled)] = center + rest + spread * scaled.astype(np.float64)
    return values
