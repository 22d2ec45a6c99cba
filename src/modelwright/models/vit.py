"""Vision transformer (Dosovitskiy et al. 2021, 2010.11929), pre-norm, learned positions, mean pooling (Beyer et al. 2022, 2205.01580).

Shapes: b batch, c channels, h height, w width, t patches, d hidden size, n heads, e size of a head.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from modelwright.base.nouns import Sizes
from modelwright.models.activations import activation
from modelwright.models.dropout import Dropout
from modelwright.models.picture import Normalise
from modelwright.spec.routes.vit import ViT as ViTRoute

_PATCHES = 50  # about as many, where the route leaves the patch open


class Layer(nn.Module):
    """Attention and a feed-forward part, each normalised before and added to what came in."""

    def __init__(self, settings: ViTRoute) -> None:
        super().__init__()
        width, self.heads = settings.width, settings.heads
        self.attention_norm, self.forward_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.activation, self.dropout = activation(settings.activation), Dropout(settings.dropout)

    def forward(self, hidden_btd: Tensor) -> Tensor:
        size = hidden_btd.shape
        parts_btd = self.query_key_value(self.attention_norm(hidden_btd)).chunk(3, dim=-1)
        query, key, value = (part.view(*size[:2], self.heads, -1).transpose(1, 2) for part in parts_btd)
        attended_bnte = functional.scaled_dot_product_attention(query, key, value)
        hidden_btd = hidden_btd + self.dropout(self.attended(attended_bnte.transpose(1, 2).reshape(size)))
        wide_btd = self.activation(self.widen(self.forward_norm(hidden_btd)))
        return hidden_btd + self.dropout(self.narrow(wide_btd))


class ViT(nn.Module):
    """Pixels in, logits out. Sides that are no multiple of the patch are filled up with the mean colour.

    Args:
        settings: of the route.
        sizes: channels, height, width, mean, deviation, classes.
    """

    def __init__(self, settings: ViTRoute, sizes: Sizes) -> None:
        super().__init__()
        height, width = sizes["height"], sizes["width"]
        self.patch = settings.patch or max(1, round(math.sqrt(height * width / _PATCHES)))
        down, across = -(-height // self.patch), -(-width // self.patch)
        self.margin = (0, across * self.patch - width, 0, down * self.patch - height)
        self.normalise = Normalise(sizes)
        self.patches = nn.Linear(sizes["channels"] * self.patch**2, settings.width)
        self.positions = nn.Parameter(torch.randn(down * across, settings.width) * 0.02)
        self.dropout = Dropout(settings.dropout)
        self.layers = nn.Sequential(*(Layer(settings) for _ in range(settings.layers)))
        self.norm = nn.LayerNorm(settings.width)
        self.head = nn.Linear(settings.width, sizes["classes"])
        self.apply(_xavier)

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        filled_bchw = functional.pad(self.normalise(pixels), self.margin)
        patches_btp = functional.pixel_unshuffle(filled_bchw, self.patch).flatten(2).transpose(1, 2)
        hidden_btd = self.dropout(self.patches(patches_btp) + self.positions)
        return {"logits": self.head(self.norm(self.layers(hidden_btd)).mean(1))}


def _xavier(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)


def build(settings: ViTRoute, sizes: Sizes, checkpoint: Path | None) -> ViT:
    """From random weights."""
    return ViT(settings, sizes)
