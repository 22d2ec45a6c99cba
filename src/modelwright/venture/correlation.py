"""Inputs that move together: a Gaussian copula over independent, evenly spread points.

Founders state rank correlations (Spearman: −1 to 1, whatever the laws of the inputs). Points in (0, 1) become normal scores,
the scores are mixed by the Cholesky factor of the normal correlations r = 2·sin(π·ρ/6) (Kruskal 1958), and go back to (0, 1):
every input keeps its own law. The first of a correlated group keeps its very points.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import erf, exp, pi, sin, sqrt, tau

import numpy as np

from modelwright.base.errors import SpecError
from modelwright.venture.draws import Input, normal_quantiles

_REACH, _CELLS = 9.0, 1152  # of the table of the normal distribution: 64 cells a standard deviation
_EDGE = 2.0**-34


@dataclass(frozen=True)
class Copula:
    """What ties inputs together.

    Args:
        names: of the tied inputs, in order.
        factor: lower triangular; factor @ factor.T is their normal correlation matrix.
        unused: keys of stated correlations with an input that has no spread: they change nothing.
    """

    names: tuple[str, ...]
    factor: np.ndarray
    unused: tuple[str, ...] = ()

    def tie(self, points: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The same points by input name, those of tied inputs mixed. Others are handed back as they are."""
        if not self.names:
            return dict(points)
        scores = np.stack([normal_quantiles(points[name]) for name in self.names])
        mixed = normal_shares(self.factor @ scores)
        mixed[0] = points[self.names[0]]
        return {**points, **dict(zip(self.names, mixed, strict=True))}


def copula(stated: Iterable[tuple[str, str, float]], inputs: Mapping[str, Input]) -> Copula:
    """Read the founders' correlations.

    Args:
        stated: (key, key, rank correlation); a key is a setting ("venture.customers.churn") or an input's short name.
        inputs: of the plan, by short name.

    Raises:
        SpecError: an unknown key, a value outside −1 to 1, a pair stated twice, or correlations that contradict each other.
    """
    short = {item.key: name for name, item in inputs.items()} | {name: name for name in inputs}
    pairs: dict[tuple[str, str], float] = {}
    unused: list[str] = []
    for one, two, value in stated:
        for key in (one, two):
            if key not in short:
                _refuse(
                    f"{key!r} is no uncertain input of the plan",
                    f"one of: {', '.join(sorted({item.key for item in inputs.values()}))}",
                )
        first, second = sorted((short[one], short[two]))
        if first == second or not -1 < value < 1:
            _refuse(f"{one} and {two} are to be correlated by {value:g}", "two different inputs and a value between −1 and 1")
        if (first, second) in pairs:
            _refuse(f"{one} and {two} are correlated twice", "each pair once")
        sure = [key for key, name in ((one, first), (two, second)) if not inputs[short[key]].uncertain]
        if sure:
            unused += [f"{one} ~ {two}"]
            continue
        pairs[first, second] = value
    names = tuple(name for name in inputs if any(name in pair for pair in pairs))
    matrix = np.eye(len(names))
    for (one, two), value in pairs.items():
        row, column = names.index(one), names.index(two)
        matrix[row, column] = matrix[column, row] = 2 * sin(pi * value / 6)
    return Copula(names, _factor(matrix, [inputs[name].key for name in names]), tuple(unused))


def _factor(matrix: np.ndarray, keys: Sequence[str]) -> np.ndarray:
    """Cholesky's factor; a matrix that no three variables can have is refused, never mended in silence."""
    if not len(matrix):
        return matrix
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    if smallest <= 1e-10:
        _refuse(
            f"the correlations of {', '.join(keys)} contradict each other (smallest eigenvalue {smallest:.3g})",
            "correlations that some set of variables can have: if A moves with B and B with C, A can't move strongly against C",
        )
    return np.linalg.cholesky(matrix)


def _refuse(came: str, expected: str) -> None:
    raise SpecError(came, expected=expected, where="risk.correlations", remedy="Mend the correlation, or leave it out.")


def normal_shares(scores: np.ndarray) -> np.ndarray:
    """The standard normal's cumulative probability, inside (0, 1): exact values in a table, cubic between them with the exact
    slopes (error below 1e-9)."""
    step = 2 * _REACH / _CELLS
    nodes = [-_REACH + step * place for place in range(_CELLS + 1)]
    values = np.array([0.5 * (1 + erf(node / sqrt(2))) for node in nodes])
    slopes = np.array([exp(-node * node / 2) / sqrt(tau) for node in nodes]) * step
    at = np.clip((np.asarray(scores, dtype=float) + _REACH) / step, 0, _CELLS - 1e-9)
    cell = at.astype(int)
    t = at - cell
    left = values[cell] * (1 + 2 * t) * (1 - t) ** 2 + slopes[cell] * t * (1 - t) ** 2
    right = values[cell + 1] * t**2 * (3 - 2 * t) + slopes[cell + 1] * t**2 * (t - 1)
    return np.clip(left + right, _EDGE, 1 - _EDGE)


def spearman(one: np.ndarray, two: np.ndarray) -> float:
    """Rank correlation of two series without ties, for checking what came out."""
    ranks = [np.argsort(np.argsort(series)).astype(float) for series in (one, two)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
