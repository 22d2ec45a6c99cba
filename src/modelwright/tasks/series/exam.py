"""Made series that forecasting is examined on: small, learnable, and with what breaks readers."""

from __future__ import annotations

from typing import Any

import numpy as np

from modelwright.base.nouns import Row
from modelwright.tasks.series.grid import Grid
from modelwright.tasks.series.records import Series
from modelwright.tasks.series.settings import Forecasting
from modelwright.tasks.series.windows import Plan, cut

KINDS = ("one-series", "several-series", "holes")
_FAR = 10**9


def rows(seed: int, kind: str) -> list[Row]:
    """About 120 windows of a horizon of 4. `kind` is one of KINDS: monthly with trend and season; three daily series of different
    size that follow a known column; weekdays with holes and a level that wanders."""
    generator = np.random.default_rng(seed)
    if kind == "several-series":
        learn = Forecasting(horizon=4, known=("plan",))
        found = [_driven(generator, name, size) for name, size in (("north", 1.0), ("south", 50.0), ("west", 1e4))]
        plan = Plan(Grid("D"), (_FAR, _FAR), 7, 21, 7)
    elif kind == "holes":
        learn = Forecasting(horizon=4)
        found = [_weekdays(generator)]
        plan = Plan(Grid("B"), (_FAR, _FAR), 5, 20, 5)
    else:
        learn = Forecasting(horizon=4)
        found = [_monthly(generator)]
        plan = Plan(Grid("M"), (_FAR, _FAR), 12, 24, 12)
    return [row for one in found for row in cut(one, plan, learn, None, None, 1)][:120]


def _monthly(generator: np.random.Generator) -> Series:
    at = np.arange(160.0)
    values = 100 + 0.8 * at + 12 * np.sin(2 * np.pi * at / 12) + generator.normal(0, 1, 160)
    return Series("", 360, values, np.zeros((160, 0)))


def _driven(generator: np.random.Generator, name: str, size: float) -> Series:
    at = np.arange(51.0)
    plan = generator.choice([0.0, 1.0, 2.0], 51)
    values = size * (10 + np.sin(2 * np.pi * at / 7) + 0.15 * at + 0.3 * plan + generator.normal(0, 0.1, 51))
    return Series(name, 18_000, values, plan[:, None])


def _weekdays(generator: np.random.Generator) -> Series:
    at = np.arange(150.0)
    values = 20 + np.cumsum(generator.normal(0.4, 0.2, 150)) + np.sin(2 * np.pi * at / 5)
    values[generator.choice(150, 12, replace=False)] = np.nan
    return Series("", 12_000, values, np.zeros((150, 0)))


def strange() -> list[Row]:
    """Windows whose history is of a wrong type."""
    wrong = [
        None,
        "1,2,3",
        3.5,
        ["a"] * 30,
        [float("nan")] * 30,
        [1.0] * 29 + [float("inf")],
        [1e200] * 30,
        {"a": 1},
        [True] * 30,
    ]
    return [
        Row(f"strange-{number}", {"time": 0.0, "history": history, "frequency": "D", "season": 7, "scale": 1.0})
        for number, history in enumerate(wrong)
    ]


def requests() -> list[Any]:
    """Hostile requests: each must be answered, or refused by RequestError."""
    line = [float(value) for value in range(40)]
    points = [{"time": f"2024-{month:02d}-01", "value": 3.0 + month} for month in range(1, 13)]
    plan = {"known": {"plan": [1.0] * 44}}
    good: dict[str, Any] = {"start": "2024-01-01", "history": line}
    return [
        good,
        {**good, **plan},
        {**good, "series": "north", **plan},
        {**good, "series": "\x00 nobody knows 这个", "horizon": 2, **plan},
        {**good, "horizon": 3},
        {**good, "horizon": 99},
        {**good, "horizon": 0},
        {"history": points},
        {"history": [*points, points[0]]},
        {"history": points[:1]},
        {"history": [*points[:3], *points[9:]]},
        {"history": [{"time": "soon", "value": 1.0}]},
        {"history": [{"time": "2024-01-01", "value": None}]},
        {"history": [{"time": "2024-01-01"}]},
        {"history": [{"time": "0001-01-01", "value": 1.0}, {"time": "9999-12-31", "value": 1.0}]},
        {"history": [{"time": 1e300, "value": 1.0}]},
        {"start": "2024-01-01", "history": [None] * 40},
        {"start": "2024-01-01", "history": [*line[:-1], None]},
        {"start": "2024-01-01", "history": [None, *line], **plan},
        {"start": "2024-01-01", "history": [5.0] * 40},
        {"start": "2024-01-01", "history": [0.0] * 40, **plan},
        {"start": "2024-01-01", "history": [-1e29, 1e29] * 20},
        {"start": "2024-01-01", "history": [1e31] * 40},
        {"start": "2024-01-01", "history": [float("nan")] * 40},
        {"start": "2024-01-01", "history": [float("inf")] * 40},
        {"start": "2024-01-01", "history": ["1"] * 40},
        {"start": "2024-01-01", "history": [True] * 40},
        {"start": "2024-01-01", "history": []},
        {"start": "2024-01-01", "history": line[:1]},
        {"start": "2024-01-01", "history": [1.0] * 100_001},
        {"start": "2024-01-06", "history": line},
        {"start": "", "history": line},
        {"start": "17", "history": line},
        {"start": True, "history": line},
        {"start": "9999-12-30", "history": line},
        {"history": line},
        {**good, "known": {"plan": [1.0]}},
        {**good, "known": {"rain": [1.0] * 44}},
        {**good, "known": {"plan": "high"}},
        {**good, "more": 1},
        {},
        None,
        3,
        "forecast",
        [1.0, 2.0],
        b"bytes",
    ]
