"""A transformer encoder (Vaswani et al. 2017) over the steps of history and horizon; those of the horizon are asked.

A step of the horizon brings what is known of it and no value, attends to the whole history, and is answered by its quantiles: all
steps at once, without a decoder that feeds on its own forecasts. Layers are normalised before their sublayers (Xiong et al. 2020).

Shapes: see `forecasting.py`.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from modelwright.base.nouns import Sizes
from modelwright.models.dropout import Dropout
from modelwright.models.forecasting import QuantileHead, past
from modelwright.spec.routes.forecast_transformer import ForecastTransformer as ForecastTransformerRoute


class Layer(nn.Module):
    """Attention, then a feed-forward part of four times the width."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_feed = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = Dropout(dropout)

    def forward(self, states_btw: Tensor) -> Tensor:
        b, t, w = states_btw.shape
        three = self.attend(self.before_attention(states_btw)).view(b, t, 3, self.heads, w // self.heads)
        query, key, value = three.permute(2, 0, 3, 1, 4).unbind(0)
        found = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(b, t, w)
        states_btw = states_btw + self.dropout(self.mix(found))
        return states_btw + self.dropout(self.narrow(functional.gelu(self.widen(self.before_feed(states_btw)))))


class ForecastTransformer(nn.Module):
    """Windows in, quantiles out.

    Args:
        settings: of the route.
        sizes: history, horizon, features, season, quantiles.
    """

    def __init__(self, settings: ForecastTransformerRoute, sizes: Sizes) -> None:
        super().__init__()
        width = settings.width
        self.history = sizes["history"]
        self.before, self.after = nn.Linear(sizes["features"] + 2, width), nn.Linear(sizes["features"], width)
        self.places = nn.Parameter(torch.randn(sizes["history"] + sizes["horizon"], width) * 0.02)
        self.layers = nn.ModuleList(Layer(width, settings.heads, settings.dropout) for _ in range(settings.layers))
        self.norm = nn.LayerNorm(width)
        self.head = QuantileHead(width, sizes)

    def forward(self, history: Tensor, seen: Tensor, covariates: Tensor, context: Tensor, series: Tensor) -> dict[str, Tensor]:
        kind = self.before.weight.dtype
        history, seen, covariates = history.to(kind), seen.to(kind), covariates.to(kind)
        past_blw = self.before(past(history, seen, covariates))
        states_btw = torch.cat([past_blw, self.after(covariates[:, self.history :])], 1) + self.places
        for layer in self.layers:
            states_btw = layer(states_btw)
        return {"quantiles": self.head(history, self.norm(states_btw[:, self.history :])), "window": context * 1.0}


def build(settings: ForecastTransformerRoute, sizes: Sizes, checkpoint: Path | None) -> ForecastTransformer:
    """From random weights; the anchor starts as the seasonal naive forecast."""
    return ForecastTransformer(settings, sizes)
