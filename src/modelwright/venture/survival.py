"""How long customers stay: from usage records (Kaplan–Meier, shifted-beta-geometric), or from one stated churn.

A record is (duration in months, whether the customer was seen to leave); one who is still there is censored. Customers differ,
so that the loyal ones remain and churn falls with age: one average churn makes lifetimes too short. The shifted-beta-geometric
law (Fader & Hardie 2007, "How to project customer retention") gives each customer a churn of their own from a beta law:

    P(T=1) = α/(α+β),  P(T=t) = P(T=t−1)·(β+t−2)/(α+β+t−1),  S(t) = S(t−1)·(β+t−1)/(α+β+t−1)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

import numpy as np

from modelwright.base.errors import DataError
from modelwright.venture.draws import Z80, Z95, Input

RECORDS = "records/usage"
_LEAST_LEAVERS = 5
_SIDE, _ZOOMS = 9, 90


@dataclass(frozen=True)
class Records:
    """The service's own records, one entry per customer.

    Args:
        durations: months from the first payment to the last seen, ≥ 0.
        observed: True: the customer left then; False: still there, the record ends.
        requests: requests a month of each of them; None: not counted.
        source: where the records were read.

    Raises:
        DataError: different lengths, negative or infinite numbers, or nobody.
    """

    durations: np.ndarray
    observed: np.ndarray
    requests: np.ndarray | None = None
    source: str = "the service's usage records"

    def __post_init__(self) -> None:
        object.__setattr__(self, "durations", np.asarray(self.durations, dtype=float))
        object.__setattr__(self, "observed", np.asarray(self.observed, dtype=bool))
        sizes = {self.durations.shape, self.observed.shape}
        numbers = [self.durations]
        if self.requests is not None:
            object.__setattr__(self, "requests", np.asarray(self.requests, dtype=float))
            assert self.requests is not None
            sizes.add(self.requests.shape)
            numbers.append(self.requests)
        bad = any(not np.isfinite(part).all() or (part < 0).any() for part in numbers)
        if len(sizes) != 1 or self.durations.ndim != 1 or not self.durations.size or bad:
            raise DataError(
                f"usage records of the shapes {sorted(sizes)}{' with negative or infinite numbers' if bad else ''}",
                expected="one finite duration ≥ 0 and one mark (left or still there) per customer",
                where=self.source,
                remedy="Mend the records.",
            )


@dataclass(frozen=True)
class Curve:
    """A survival curve in steps: at `times` (months) the share falls to `share`, with a 95 % interval."""

    times: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray


def kaplan_meier(durations: np.ndarray, observed: np.ndarray) -> Curve:
    """S(t) = Π (1 − leavers/at risk) over the times up to t (Kaplan & Meier 1958); intervals by Greenwood's formula on the
    scale log(−log S), which keeps them between 0 and 1."""
    durations, observed = np.asarray(durations, dtype=float), np.asarray(observed, dtype=bool)
    times = np.unique(durations[observed])
    left = np.array([np.count_nonzero(observed & (durations == time)) for time in times], dtype=float)
    risk = np.array([np.count_nonzero(durations >= time) for time in times], dtype=float)
    share = np.cumprod(1 - left / risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(left / (risk * (risk - left)))
        reach = Z95 * np.sqrt(variance) / np.abs(np.log(share))
        low, high = share ** np.exp(reach), share ** np.exp(-reach)
    gone = share <= 0
    return Curve(times, share, np.where(gone, 0.0, low), np.where(gone, 0.0, high))


def at(curve: Curve, months: np.ndarray) -> np.ndarray:
    """The curve's share at those months; 1 before the first departure."""
    place = np.searchsorted(curve.times, months, side="right") - 1
    return np.where(place < 0, 1.0, curve.share[np.maximum(place, 0)] if curve.share.size else 1.0)


@dataclass(frozen=True)
class BetaGeometric:
    """The fitted law; `log_likelihood` at its maximum."""

    alpha: float
    beta: float
    log_likelihood: float

    def survival(self, months: int) -> np.ndarray:
        """S(0), …, S(months − 1)."""
        steps = np.arange(1, months)
        return np.concatenate([[1.0], np.cumprod((self.beta + steps - 1) / (self.alpha + self.beta + steps - 1))])


def fit(durations: np.ndarray, observed: np.ndarray) -> BetaGeometric:
    """Maximum likelihood. A departure during month t counts as T = t; one still there after t whole months as S(t).

    The likelihood is searched on a grid of mean churn and of how alike customers are (α+β), which shrinks around its best
    point: two numbers that hardly depend on each other, so that no ridge leads it astray.

    Raises:
        DataError: nobody left, or everybody left at once: the law can't be told.
    """
    durations, observed = np.asarray(durations, dtype=float), np.asarray(observed, dtype=bool)
    left = np.bincount(np.maximum(np.ceil(durations[observed]), 1).astype(int))
    stay = np.bincount(np.floor(durations[~observed]).astype(int))
    months = max(left.size, stay.size)
    left, stay = (np.pad(part, (0, months - part.size)).astype(float) for part in (left, stay))
    if not left.sum() or left[1:2].sum() == left.sum() + stay.sum():
        raise DataError(
            f"{int(left.sum())} of {durations.size} customers left",
            expected="some who left and some who stayed longer",
            where=RECORDS,
            remedy="Wait for more months of records; until then the stated churn counts.",
        )
    centre, width = (0.0, log(5.0)), (6.0, 6.0)
    for _ in range(_ZOOMS):
        mean, alike = (c + w * np.linspace(-1, 1, _SIDE) for c, w in zip(centre, width, strict=True))
        alike = np.clip(alike, log(1e-2), log(1e5))
        scores = _likelihood(mean[:, None], alike[None, :], left, stay)
        row, column = np.unravel_index(int(scores.argmax()), scores.shape)
        centre = (float(mean[row]), float(alike[column]))
        spread = (width[axis] * (1.0 if spot in (0, _SIDE - 1) else 0.8) for axis, spot in enumerate((row, column)))
        width = (next(spread), next(spread))
    share, total = 1 / (1 + exp(-centre[0])), exp(centre[1])
    return BetaGeometric(share * total, (1 - share) * total, float(scores.max()))


def _likelihood(mean: np.ndarray, alike: np.ndarray, left: np.ndarray, stay: np.ndarray) -> np.ndarray:
    """Log-likelihood for logits of the mean churn and logarithms of α+β."""
    total = np.exp(alike)
    alpha, beta = total / (1 + np.exp(-mean)), total / (1 + np.exp(mean))
    result = np.zeros(np.broadcast_shapes(mean.shape, alike.shape))
    survived = np.zeros_like(result)  # log S(t − 1)
    for month in range(1, left.size):
        if left[month]:  # P(T=t) = S(t−1)·α/(α+β+t−1)
            result = result + left[month] * (survived + np.log(alpha / (total + month - 1)))
        survived = survived + np.log((beta + month - 1) / (total + month - 1))
        if stay[month]:
            result = result + stay[month] * survived
    return result


def churn_of(records: Records) -> Input:
    """Monthly churn = departures / customer-months, with the spread of a Poisson count: measured."""
    left, exposure = float(records.observed.sum()), float(records.durations.sum())
    if exposure <= 0 or left == 0:
        raise DataError(
            f"{left:.0f} departures in {exposure:.1f} customer-months",
            expected="at least one departure and some months of use",
            where=records.source,
            remedy="Wait for more months of records; until then leave them out, and the stated churn counts.",
        )
    middle = min(left / exposure, 1.0)
    deviation = middle / left**0.5
    said = f"{middle:.2%} ± {deviation * Z80:.2%} per month"
    source = f"{records.source}: {left:.0f} departures in {exposure:,.0f} customer-months; replaces venture.customers.churn"
    return Input("venture.customers.churn", middle, "rate", "measured", deviation, deviation, (0.0, 1.0), said, source)


def requests_of(records: Records) -> Input | None:
    """Mean requests a month of one customer, with its standard error; None where nobody counted them."""
    if records.requests is None or not records.requests.any():
        return None
    middle, count = float(records.requests.mean()), records.requests.size
    deviation = float(records.requests.std(ddof=1)) / count**0.5 / middle if count > 1 else 0.0
    said = f"{middle:.4g} per month"
    source = f"{records.source}: mean of {count:,} customers; replaces venture.customers.requests"
    return Input("venture.customers.requests", middle, "size", "measured", deviation, deviation, said=said, source=source)


def fitted(records: Records | None) -> BetaGeometric | None:
    """The law of the records; None without records, or with fewer than five departures: too few to tell two numbers."""
    if records is None or records.observed.sum() < _LEAST_LEAVERS:
        return None
    if records.observed.all() and (np.ceil(records.durations) <= 1).all():
        return None
    return fit(records.durations, records.observed)


def lifetime_months(churn: np.ndarray, discount: np.ndarray, months: float) -> np.ndarray:
    """Σ S(t)/(1+d)^t for t = 0 … months − 1 and S(t) = (1 − churn)^t: how many months' margin a customer is worth."""
    kept = (1 - churn) / (1 + discount)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(kept < 1, (1 - kept**months) / (1 - kept), months)


def discounted(survival: np.ndarray, discount: np.ndarray) -> np.ndarray:
    """The same for any curve S(0), S(1), …; one value per discount."""
    powers = (1 + np.atleast_1d(discount)[:, None]) ** -np.arange(survival.size)
    return powers @ survival
