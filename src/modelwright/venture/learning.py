"""What would more data bring? A learning curve through measured points, with its uncertainty, read further to the right.

score(n) = ceiling − a · n^(−b): a power law (Hestness et al. 2017, 1712.00409). Few points say little about ceiling and exponent,
so none of them is "the" fit: every pair on a grid is weighed by how well it explains the points (a flat prior, the scatter
integrated out), and the answer is the weighted spread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from modelwright.base.errors import SpecError
from modelwright.venture.figures import Figure

_EXPONENTS = np.linspace(0.05, 1.5, 59)
_CEILINGS = 321
_LEAST_SCATTER = 0.002  # nobody measures a score more finely: a test set of 10,000 rows at 95 % has this standard error


@dataclass(frozen=True)
class Curve:
    """The fitted family; flat arrays over the grid.

    Args:
        ceiling, a, exponent: of each member.
        weight: its probability; they add up to 1.
        scatter: typical distance of a point from the curve.
        points: (rows, score) as measured.
    """

    ceiling: np.ndarray
    a: np.ndarray
    exponent: np.ndarray
    weight: np.ndarray
    scatter: float
    points: tuple[tuple[float, float], ...]

    def at(self, rows: float) -> tuple[float, float, float]:
        """(P10, P50, P90) of the score with so many rows."""
        return self._quantiles(self.ceiling - self.a * rows**-self.exponent)

    def gain(self, rows: float, more: float) -> tuple[float, float, float]:
        """(P10, P50, P90) of what going from `rows` to `more` brings."""
        return self._quantiles(self.a * (rows**-self.exponent - more**-self.exponent))

    def _quantiles(self, values: np.ndarray) -> tuple[float, float, float]:
        order = np.argsort(values)
        reached = np.cumsum(self.weight[order])
        low, middle, high = (
            float(values[order[min(int(np.searchsorted(reached, share)), len(order) - 1)]]) for share in (0.1, 0.5, 0.9)
        )
        return low, middle, high


def fit(points: Sequence[tuple[float, float]], best_possible: float = 1.0, errors: Sequence[float] | None = None) -> Curve:
    """Fit the family to measured points.

    Args:
        points: (training rows, score on the same held-out rows), a score that grows with quality.
        best_possible: no score lies above it.
        errors: standard error of each score, where it is known; else the scatter about the curve decides.

    Raises:
        SpecError: fewer than three different sizes, or scores above the best possible.
    """
    sizes = np.array([rows for rows, _ in points], dtype=float)
    scores = np.array([score for _, score in points], dtype=float)
    if len(set(sizes.tolist())) < 3 or (sizes <= 0).any() or (scores > best_possible).any() or not np.isfinite(scores).all():
        raise SpecError(
            f"the learning curve has {len(set(sizes.tolist()))} different sizes and scores up to {scores.max() if len(scores) else 'none'}",
            expected=f"at least three different numbers of rows, and scores of at most {best_possible:g}",
            where="learning curve",
            remedy="Measure the same route on, for instance, a quarter, a half and all of the rows.",
        )
    if errors is not None and (len(errors) != len(points) or min(errors) <= 0):
        raise SpecError(
            f"{len(errors)} standard errors for {len(points)} points",
            expected="a positive one for each point",
            where="learning curve",
            remedy="Leave them out if they are not known.",
        )
    ceilings = np.linspace(float(scores.max()), best_possible, _CEILINGS)
    ceiling, exponent = (grid.ravel() for grid in np.meshgrid(ceilings, _EXPONENTS, indexing="ij"))
    weights = np.ones(len(points)) if errors is None else 1 / np.asarray(errors, dtype=float) ** 2
    basis = sizes[:, None] ** -exponent[None, :]
    gap = ceiling[None, :] - scores[:, None]
    a = np.maximum((weights[:, None] * basis * gap).sum(0) / (weights[:, None] * basis**2).sum(0), 0.0)
    missed = (weights[:, None] * (gap - a * basis) ** 2).sum(0)
    if errors is None:  # the scatter is unknown and integrated out, which leaves a power of the sum of squares
        freedom = max(1.0, len(points) - 2.0)
        floor = _LEAST_SCATTER**2 * len(points)
        logarithm = -(freedom / 2) * np.log(missed + floor)
        scatter = float(np.sqrt((missed.min() + floor) / freedom))
    else:
        logarithm, scatter = -missed / 2, float(np.sqrt(1 / weights.mean()))
    weight = np.exp(logarithm - logarithm.max())
    return Curve(ceiling, a, exponent, weight / weight.sum(), scatter, tuple((float(n), float(s)) for n, s in points))


def more_data(
    points: Sequence[tuple[float, float]],
    metric: str,
    *,
    factor: float = 2.0,
    best_possible: float = 1.0,
    better: Literal["higher", "lower"] = "higher",
    errors: Sequence[float] | None = None,
    price_per_row: Figure | None = None,
    worth_per_point: Figure | None = None,
) -> dict[str, Any]:
    """What `factor` times the data would bring, what it costs, and what it may cost.

    Args:
        best_possible: no score is better than it.
        better: of the metric; of one that is better when lower, the gain is how much it falls.
        price_per_row: of collecting and labelling one ("USD").
        worth_per_point: what 0.01 more of the score is worth in money, if the founders can say.

    Returns:
        {"metric", "rows", "rows_more", "now", "then", "gain", "cost", "may_cost", "worth_it", "extrapolated", "figures", "curve"};
        intervals are P10–P90; what was not stated is None. `worth_it`: True if even the low gain pays, False if not even the
        high one does, else None.

    Raises:
        SpecError: as `fit`; a factor that is not above 1.
    """
    if not factor > 1:
        raise SpecError(
            f"a factor of {factor:g}", expected="more than 1", where="learning curve", remedy="2 asks for twice the data."
        )
    # an error is turned into a score and, because nobody knows its size, measured in parts of the largest
    sign = 1.0 if better == "higher" else -max((abs(score) for _, score in points), default=1.0) or -1.0
    curve = fit(
        [(rows, score / sign) for rows, score in points],
        best_possible / sign,
        None if errors is None else [error / abs(sign) for error in errors],
    )
    rows = max(size for size, _ in curve.points)
    more = rows * factor
    now, then, gain = _turned(curve.at(rows), sign), _turned(curve.at(more), sign), _turned(curve.gain(rows, more), abs(sign))
    note = f"P10–P90 of power laws through {len(curve.points)} measured points; {factor:g} × the rows lies beyond them"
    figures = [
        _figure(f"score-with-{factor:g}x-data", then, metric, note).as_json(f"score-with-{factor:g}x-data"),
        _figure(f"gain-from-{factor:g}x-data", gain, metric, note).as_json(f"gain-from-{factor:g}x-data"),
    ]
    cost = None if price_per_row is None else price_per_row.value * (more - rows)
    may_cost = None if worth_per_point is None else [worth_per_point.value * value * 100 for value in gain]
    worth = None
    if cost is not None and may_cost is not None:
        worth = True if cost <= may_cost[0] else False if cost > may_cost[2] else None
    grid = np.geomspace(min(size for size, _ in curve.points), more, 25)
    return {
        "metric": metric,
        "better": better,
        "points": [{"rows": size, "score": sign * score} for size, score in curve.points],
        "rows": rows,
        "rows_more": more,
        "now": list(now),
        "then": list(then),
        "gain": list(gain),
        "cost": cost,
        "may_cost": may_cost,
        "worth_it": worth,
        "extrapolated": f"{more:,.0f} rows; measured up to {rows:,.0f}",
        "figures": figures,
        "curve": {
            "rows": grid.tolist(),
            **dict(
                zip(
                    ("p10", "p50", "p90"),
                    map(list, zip(*(_turned(curve.at(size), sign) for size in grid), strict=True)),
                    strict=True,
                )
            ),
        },
    }


def _turned(spread: tuple[float, float, float], sign: float) -> tuple[float, float, float]:
    """(P10, P50, P90) of the metric itself, of one whose sign was turned for the fit."""
    low, middle, high = (sign * value for value in spread)
    return (low, middle, high) if sign > 0 else (high, middle, low)


def _figure(name: str, spread: tuple[float, float, float], metric: str, note: str) -> Figure:
    return Figure(spread[1], metric, "estimated", spread[0], spread[2], note=note, source=name)
