"""An LSTM reads the history; each step of the horizon is answered from its last state and what is known of that step.

Direct forecasts of all steps at once with quantile loss (Wen et al. 2017, 1711.11053, with one global context). One network for all
series: each window comes in units of its own history.

Shapes: see `forecasting.py`.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from modelwright.base.nouns import Sizes
from modelwright.models.dropout import Dropout
from modelwright.models.forecasting import QuantileHead, past
from modelwright.spec.routes.forecast_lstm import ForecastLSTM as ForecastLSTMRoute


class ForecastLSTM(nn.Module):
    """Windows in, quantiles out.

    Args:
        settings: of the route.
        sizes: history, horizon, features, season, quantiles.
    """

    def __init__(self, settings: ForecastLSTMRoute, sizes: Sizes) -> None:
        super().__init__()
        self.history = sizes["history"]
        self.lstm = nn.LSTM(sizes["features"] + 2, settings.width, num_layers=settings.layers, batch_first=True)
        self.dropout = Dropout(settings.dropout)
        self.mix = nn.Linear(settings.width + sizes["features"], settings.width)
        self.head = QuantileHead(settings.width, sizes)

    def forward(self, history: Tensor, seen: Tensor, covariates: Tensor, context: Tensor, series: Tensor) -> dict[str, Tensor]:
        kind = self.mix.weight.dtype
        history, seen, covariates = history.to(kind), seen.to(kind), covariates.to(kind)
        _, (states, _) = self.lstm(past(history, seen, covariates))
        future_bhf = covariates[:, self.history :]
        last_bhw = self.dropout(states[-1])[:, None].expand(-1, future_bhf.shape[1], -1)
        mixed_bhw = self.dropout(torch.relu(self.mix(torch.cat([last_bhw, future_bhf], -1))))
        return {"quantiles": self.head(history, mixed_bhw), "window": context * 1.0}


def build(settings: ForecastLSTMRoute, sizes: Sizes, checkpoint: Path | None) -> ForecastLSTM:
    """From random weights; the anchor starts as the seasonal naive forecast."""
    return ForecastLSTM(settings, sizes)
