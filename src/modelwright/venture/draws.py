"""Draws from uncertain inputs: scrambled Sobol points, turned into values by each input's law.

Laws, both set by a middle value and the P10–P90 range people give:
    size  lognormal: never negative; the middle is the median; both sides may have their own width
    rate  normal, cut to its bounds
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import asinh, inf, log
from statistics import NormalDist
from typing import Literal

import numpy as np

from modelwright.base.evidence import Basis
from modelwright.venture.figures import Figure
from modelwright.venture.sobol import DIMENSIONS, points

_NORMAL = NormalDist()
Z80 = _NORMAL.inv_cdf(0.9)
"""Half the width of the 80 % range of a standard normal."""
Z95 = _NORMAL.inv_cdf(0.975)


@dataclass(frozen=True)
class Input:
    """One uncertain input of the plan.

    Args:
        key: the setting or the evidence it comes from ("venture.customers.churn").
        middle: per month where time matters, money in the venture's currency.
        down, up: standard deviations below and above the middle: of the logarithm for a size, of the value for a rate.
        bounds: of a rate.
        said: as its author wrote it.
    """

    key: str
    middle: float
    law: Literal["size", "rate"]
    basis: Basis
    down: float = 0.0
    up: float = 0.0
    bounds: tuple[float, float] = (0.0, inf)
    said: str = ""
    source: str = ""

    @property
    def uncertain(self) -> bool:
        return self.down > 0 or self.up > 0

    def quantiles(self, p: np.ndarray) -> np.ndarray:
        """The values below which the law has the probabilities `p` (between 0 and 1, exclusive)."""
        if not self.uncertain:
            return np.full(p.shape, self.middle)
        if self.law == "size":
            score = normal_quantiles(p)
            return self.middle * np.exp(np.where(score < 0, self.down, self.up) * score)
        low, high = ((bound - self.middle) / self.up for bound in self.bounds)
        below, inside = _NORMAL.cdf(low), _NORMAL.cdf(high) - _NORMAL.cdf(low)
        return np.clip(self.middle + self.up * normal_quantiles(below + p * inside), *self.bounds)


def draw(
    inputs: Mapping[str, Input],
    paths: int,
    seed: int,
    tie: Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]] | None = None,
) -> dict[str, np.ndarray]:
    """One value per path of each uncertain input; an input without spread is one value for all.

    Args:
        tie: makes inputs move together (`correlation.Copula.tie`): evenly spread points by input name in and out. None: they
            are independent of each other.

    Inputs beyond the Sobol points' 32 dimensions get their quantiles in a random order (Latin hypercube, McKay et al. 1979).
    """
    generator = np.random.default_rng(seed)
    uncertain = [name for name, item in inputs.items() if item.uncertain]
    even = points(paths, min(len(uncertain), DIMENSIONS), generator)
    values = {name: np.array([item.middle]) for name, item in inputs.items()}
    shares = {
        name: even[place] if place < DIMENSIONS else (generator.permutation(paths) + 0.5) / paths
        for place, name in enumerate(uncertain)
    }
    for name, p in (tie(shares) if tie is not None else shares).items():
        values[name] = inputs[name].quantiles(p)
    return values


def size(key: str, middle: float, spread: float, basis: Basis, said: str = "", source: str = "") -> Input:
    """A lognormal input whose P90 − P10 is twice `spread` and whose median is `middle`."""
    sigma = asinh(spread / middle) / Z80 if spread else 0.0
    return Input(key, middle, "size", basis, sigma, sigma, said=said, source=source)


def rate(key: str, middle: float, spread: float, basis: Basis, high: float = inf, said: str = "", source: str = "") -> Input:
    """A normal input between 0 and `high` whose 80 % range, before it is cut, is middle ± spread."""
    deviation = spread / Z80
    return Input(key, middle, "rate", basis, deviation, deviation, (0.0, high), said, source)


def from_figure(key: str, figure: Figure) -> Input:
    """A size known by a figure; its interval is read as a 95 % range, and the two sides may differ."""
    value = figure.value
    up = log(figure.high / value) / Z95 if value > 0 and figure.high else 0.0
    down = log(value / figure.low) / Z95 if value > 0 and figure.low and figure.low > 0 else 0.0
    said = f"{value:.4g} {figure.unit}".removesuffix(" 1")
    return Input(
        key, value, "size", figure.basis, down, up, said=said, source="; ".join(filter(None, (figure.source, figure.note)))
    )


_CENTRE = (
    (2.50908_09287_30122_6727e3, 3.34305_75583_58812_8105e4, 6.72657_70927_00870_0853e4, 4.59219_53931_54987_1457e4,
     1.37316_93765_50946_1125e4, 1.97159_09503_06551_4427e3, 1.33141_66789_17843_7745e2, 3.38713_28727_96366_6080e0),
    (5.22649_52788_52854_5610e3, 2.87290_85735_72194_2674e4, 3.93078_95800_09271_0610e4, 2.12137_94301_58659_5867e4,
     5.39419_60214_24751_1077e3, 6.87187_00749_20579_0830e2, 4.23133_30701_60091_1252e1, 1.0),
)  # fmt: skip
_MIDDLE = (
    (7.74545_01427_83414_07640e-4, 2.27238_44989_26918_45833e-2, 2.41780_72517_74506_11770e-1, 1.27045_82524_52368_38258e0,
     3.64784_83247_63204_60504e0, 5.76949_72214_60691_40550e0, 4.63033_78461_56545_29590e0, 1.42343_71107_49683_57734e0),
    (1.05075_00716_44416_84324e-9, 5.47593_80849_95344_94600e-4, 1.51986_66563_61645_71966e-2, 1.48103_97642_74800_74590e-1,
     6.89767_33498_51000_04550e-1, 1.67638_48301_83803_84940e0, 2.05319_16266_37758_82187e0, 1.0),
)  # fmt: skip
_TAIL = (
    (2.01033_43992_92288_13265e-7, 2.71155_55687_43487_57815e-5, 1.24266_09473_88078_43860e-3, 2.65321_89526_57612_30930e-2,
     2.96560_57182_85048_91230e-1, 1.78482_65399_17291_33580e0, 5.46378_49111_64114_36990e0, 6.65790_46435_01103_77720e0),
    (2.04426_31033_89939_78564e-15, 1.42151_17583_16445_88870e-7, 1.84631_83175_10054_68180e-5, 7.86869_13114_56132_59100e-4,
     1.48753_61290_85061_48525e-2, 1.36929_88092_27358_05310e-1, 5.99832_20655_58879_37690e-1, 1.0),
)  # fmt: skip


def normal_quantiles(p: np.ndarray) -> np.ndarray:
    """Quantiles of the standard normal, about 16 digits (Wichura 1988, algorithm AS 241). 0 < p < 1."""
    centred = np.asarray(p, dtype=float) - 0.5
    with np.errstate(divide="ignore"):
        radius = np.sqrt(-np.log(np.minimum(p, 1 - np.asarray(p))))
    inner = 0.180625 - centred * centred
    result = centred * _ratio(_CENTRE, inner)
    outside = np.abs(centred) > 0.425
    if outside.any():
        far = radius[outside]
        outer = np.where(far <= 5, _ratio(_MIDDLE, far - 1.6), _ratio(_TAIL, far - 5))
        result[outside] = np.copysign(outer, centred[outside])
    return result


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], at: np.ndarray) -> np.ndarray:
    above, below = coefficients
    return np.polyval(above, at) / np.polyval(below, at)
