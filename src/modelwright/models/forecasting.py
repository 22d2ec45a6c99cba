"""What networks that forecast share: a straight line from the past as the starting point, and quantiles that never cross.

The median is `history @ anchor + network`: the anchor starts as the last season's level plus the mean shape of the seasons (Zeng et
al. 2022, 2205.13504, found linear maps of the history hard to beat), the network's part as zero. So training starts from a fair
forecast, and a short series costs nothing. The other levels are the median plus sums of positive steps (as in Park et al. 2022, 2111.06581).

Shapes: b batch, l history, h horizon, t = l + h, f features, w width, q levels.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from modelwright.base.nouns import Sizes

_FIRST_WIDTH = 0.5
"""Distance of neighbouring levels before anything is learned, in spreads of a window's history."""


class QuantileHead(nn.Module):
    """From the history and a state for each step of the horizon to quantiles.

    Args:
        width: of the states.
        sizes: history, horizon, season, quantiles.
    """

    def __init__(self, width: int, sizes: Sizes) -> None:
        super().__init__()
        levels = sizes["quantiles"]
        self.median = levels.index(0.5)
        self.anchor = nn.Linear(sizes["history"], sizes["horizon"], bias=False)
        self.anchor.weight.data = torch.from_numpy(season_shape(sizes).T.copy()).float()
        self.levels = nn.Linear(width, len(levels))
        nn.init.zeros_(self.levels.weight)
        nn.init.constant_(self.levels.bias, math.log(math.expm1(_FIRST_WIDTH)))
        self.levels.bias.data[self.median] = 0.0
        # each step's own width: without it a network takes hundreds of steps to learn that tomorrow is surer than next week
        self.widths = nn.Parameter(torch.zeros(sizes["horizon"], len(levels)))

    def forward(self, history_bl: Tensor, states_bhw: Tensor) -> Tensor:
        """Quantiles [b, h, q], in the history's units."""
        raw_bhq = self.levels(states_bhw) + self.widths
        middle_bh1 = self.anchor(history_bl)[..., None] + raw_bhq[..., self.median : self.median + 1]
        above = functional.softplus(raw_bhq[..., self.median + 1 :]).cumsum(-1)
        below = functional.softplus(raw_bhq[..., : self.median]).flip(-1).cumsum(-1).flip(-1)
        return torch.cat([middle_bh1 - below, middle_bh1, middle_bh1 + above], -1)


def past(history_bl: Tensor, seen_bl: Tensor, covariates_btf: Tensor) -> Tensor:
    """What is known of each step of the history: [b, l, f + 2]."""
    return torch.cat([history_bl[..., None], seen_bl[..., None], covariates_btf[:, : history_bl.shape[1]]], -1)


def season_shape(sizes: Sizes) -> np.ndarray:
    """float64 [history, horizon]: the last season's mean, plus what the same place of the season was above its own season's mean, on
    average over all whole seasons of the history. Without seasons: the last value."""
    history, horizon, season = sizes["history"], sizes["horizon"], sizes["season"]
    weights = np.zeros((history, horizon))
    count = history // season
    places = history - season + np.arange(horizon) % season
    weights[history - season :] = 1 / season
    for back in range(count if season > 1 else 0):
        end = history - back * season
        weights[places - back * season, np.arange(horizon)] += 1 / count
        weights[end - season : end] -= 1 / (season * count)
    return weights
