"""Laws beyond lognormal sizes and normal rates: PERT, Beta and negative binomial, as inputs of the plan.

Each is an `Input` with quantiles of its own, so that `draws.draw`, the tornado and Sobol indices take it like any other. scipy
has the same functions; importing it takes longer than a whole plan (a test holds the two together).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, lgamma, log, log1p

import numpy as np

from modelwright.base.evidence import Basis
from modelwright.venture.draws import Input

_STEPS = 300  # of the continued fraction; it settles in a few dozen for shapes people state
_MOST_COUNT = 1_000_000  # counts beyond this are sizes: state them as such


@dataclass(frozen=True)
class Beta(Input):
    """A share between `bounds`, Beta-distributed with the shapes `first` and `second` (both > 0)."""

    first: float = 1.0
    second: float = 1.0

    @property
    def uncertain(self) -> bool:
        return True

    def quantiles(self, p: np.ndarray) -> np.ndarray:
        low, high = self.bounds
        return low + (high - low) * beta_quantiles(p, self.first, self.second)


@dataclass(frozen=True)
class Count(Input):
    """Things that come one by one: negative binomial with mean `middle` and variance middle + middle² / `evenness`."""

    evenness: float = inf

    @property
    def uncertain(self) -> bool:
        return self.middle > 0

    def quantiles(self, p: np.ndarray) -> np.ndarray:
        return count_quantiles(p, self.middle, self.evenness)


def pert(key: str, low: float, mode: float, high: float, basis: Basis = "assumed", said: str = "", source: str = "") -> Input:
    """An expert's "at least, most likely, at most" (Malcolm et al. 1959): Beta between the ends with mean
    (low + 4·mode + high) / 6. Equal ends are a sure value.

    Raises:
        ValueError: not low ≤ mode ≤ high.
    """
    if not low <= mode <= high:
        raise ValueError(f"{key}: at least {low}, most likely {mode}, at most {high} are out of order")
    if low == high:
        return Input(key, mode, "rate", basis, said=said, source=source)
    first = 1 + 4 * (mode - low) / (high - low)
    return Beta(key, mode, "rate", basis, bounds=(low, high), said=said, source=source, first=first, second=6 - first)


def beta(key: str, successes: float, failures: float, basis: Basis = "estimated", said: str = "", source: str = "") -> Input:
    """A share of which `successes` and `failures` were counted: Beta with Jeffreys' prior (half a count on each side).

    Raises:
        ValueError: negative counts.
    """
    if successes < 0 or failures < 0:
        raise ValueError(f"{key}: {successes} of {successes + failures} is no count")
    first, second = successes + 0.5, failures + 0.5
    share = first / (first + second)
    return Beta(key, share, "rate", basis, bounds=(0.0, 1.0), said=said, source=source, first=first, second=second)


def count(key: str, mean: float, evenness: float, basis: Basis = "assumed", said: str = "", source: str = "") -> Input:
    """A number of things; the smaller `evenness`, the more some months differ from others (inf: Poisson).

    Raises:
        ValueError: a negative mean, an evenness that is not positive, or a mean too large to be counted.
    """
    if mean < 0 or evenness <= 0 or mean > _MOST_COUNT / 100:
        raise ValueError(f"{key}: mean {mean} and evenness {evenness}; a mean from 0 to {_MOST_COUNT // 100:,}, evenness above 0")
    return Count(key, mean, "size", basis, said=said, source=source, evenness=evenness)


def beta_share(x: np.ndarray, first: float, second: float) -> np.ndarray:
    """The regularised incomplete beta function I_x(first, second), by its continued fraction (Lentz 1976)."""
    x = np.asarray(x, dtype=float)
    turned = x > (first + 1) / (first + second + 2)  # the fraction settles fast below the mean; above it, mirror
    inside = np.where(turned, 1 - x, x)
    one = np.where(turned, second, first)
    two = np.where(turned, first, second)
    scale = lgamma(first + second) - lgamma(first) - lgamma(second)
    with np.errstate(divide="ignore", invalid="ignore"):
        front = np.exp(scale + one * np.log(inside) + two * np.log1p(-inside)) / one
        share = np.where(inside <= 0, 0.0, front * _fraction(inside, one, two))
    return np.clip(np.where(turned, 1 - share, share), 0.0, 1.0)


def _fraction(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    tiny = 1e-300
    c, d = np.ones_like(x), 1 - (a + b) * x / (a + 1)
    d = 1 / np.where(np.abs(d) < tiny, tiny, d)
    result = d.copy()
    for step in range(1, _STEPS):
        for term in (
            step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step)),
            -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1)),
        ):
            d = 1 + term * d
            d = 1 / np.where(np.abs(d) < tiny, tiny, d)
            c = 1 + term / c
            c = np.where(np.abs(c) < tiny, tiny, c)
            change = c * d
            result = result * change
        if np.all(np.abs(change - 1) < 1e-14):
            break
    return result


def beta_quantiles(p: np.ndarray, first: float, second: float) -> np.ndarray:
    """Values below which Beta(first, second) has the probabilities `p`: a table for the start, then Newton's steps inside a
    bracket that only narrows."""
    p = np.asarray(p, dtype=float)
    even = np.linspace(0, 1, 513)
    grid = 0.5 - 0.5 * np.cos(np.pi * even)  # denser at both ends, where shapes below 1 are steep
    shares = np.maximum.accumulate(beta_share(grid, first, second))
    place = np.clip(np.searchsorted(shares, p, side="right"), 1, grid.size - 1)
    low, high = grid[place - 1], grid[place]
    x = np.clip(np.interp(p, shares, grid), low, high)
    scale = lgamma(first + second) - lgamma(first) - lgamma(second)
    for _ in range(40):
        miss = beta_share(x, first, second) - p
        low, high = np.where(miss < 0, x, low), np.where(miss > 0, x, high)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            slope = np.exp(scale + (first - 1) * np.log(x) + (second - 1) * np.log1p(-x))
            step = x - miss / slope
        outside = ~np.isfinite(step) | (step <= low) | (step >= high)
        moved = np.where(outside, (low + high) / 2, step)
        if np.all(np.abs(moved - x) <= 1e-14 + 1e-12 * np.abs(x)):
            return moved
        x = moved
    return x


def count_quantiles(p: np.ndarray, mean: float, evenness: float = inf) -> np.ndarray:
    """Smallest count whose cumulative probability reaches `p`: negative binomial, Poisson where evenness is infinite."""
    if mean == 0:
        return np.zeros(np.shape(p))
    spread = (mean + (mean**2 / evenness if evenness < inf else 0.0)) ** 0.5
    most = int(min(_MOST_COUNT, mean + 60 * spread + 60))
    counts = np.arange(most)
    if evenness < inf:
        start = -evenness * log1p(mean / evenness)
        ratio = np.log((counts + evenness) / (counts + 1)) + log(mean / (mean + evenness))
    else:
        start = -mean
        ratio = log(mean) - np.log(counts + 1.0)
    logs = start + np.concatenate([[0.0], np.cumsum(ratio)])
    total = np.cumsum(np.exp(logs)) if start > -700 else np.cumsum(np.exp(logs - logs.max())) * exp(logs.max())
    return np.searchsorted(total, np.asarray(p) - 1e-13).astype(float)
