"""Forecasts, looked at: how errors grow with the horizon, and a few windows with what was said and what came.

Only tasks that forecast give what is needed: "truth" [n, h] (NaN where there is no value), "quantiles" [n, h, q] and "scale" [n]
among the aligned arrays, and windows as rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelwright.base.nouns import Prediction, Row
from modelwright.tasks.measures import forecasting as measures
from modelwright.tasks.series.windows import naive_forecast

NEEDED = ("truth", "quantiles", "scale")
SHOWN = 4
"""Windows that are shown, spread evenly over the series and the test period."""
PAST = 3
"""Horizons of history that are shown before each."""


def by_steps(rows: Sequence[Row], predictions: Sequence[Prediction], aligned: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """{"forecasts": {"levels", "steps", "windows"}}; empty for other tasks.

    "steps": for each step of the horizon, MASE of the median and of the seasonal naive forecast, and the share of values inside the
    80 % interval (None where nothing is defined). "windows": times, history, truth, and the quantiles by level.
    """
    if not all(name in aligned for name in NEEDED):
        return {}
    truth, quantiles, scale = (aligned[name] for name in NEEDED)
    levels = [float(level) for level in predictions[0].quantiles]  # type: ignore[attr-defined]
    low, middle, high = (quantiles[..., levels.index(level)] for level in (0.1, 0.5, 0.9))
    naive = np.stack([naive_forecast(row, int(row.values["season"]), truth.shape[1]) for row in rows])
    errors, of_naive = (measures.scaled_errors(truth, median, scale) for median in (middle, naive))
    held = measures.inside(truth, low, high)
    steps = [
        {
            "step": step + 1,
            "mase": measures.mean(errors[:, step]),
            "naive": measures.mean(of_naive[:, step]),
            "coverage": measures.mean(held[:, step]),
        }
        for step in range(truth.shape[1])
    ]
    picked = np.unique(np.linspace(0, len(rows) - 1, SHOWN + 1).round().astype(int)[1:])
    shown = [_window(rows[place], predictions[place]) for place in picked]
    return {"forecasts": {"levels": levels, "steps": steps, "windows": shown}}


def _window(row: Row, prediction: Prediction) -> dict[str, Any]:
    said = prediction.as_json()
    history = list(row.values["history"])[-PAST * len(said["values"]) :]
    return {
        "row_id": row.id,
        "series": row.values.get("series"),
        "times": said["times"],
        "history": history,
        "truth": list(row.values["value"]),
        "quantiles": said["quantiles"],
    }
