"""Fully connected layers over the pixels of an image (Rumelhart, Hinton & Williams 1986), normalised by batch.

Shapes: b batch, c channels, h height, w width, f features.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from modelwright.base.nouns import Sizes
from modelwright.models.activations import activation
from modelwright.models.dropout import Dropout
from modelwright.models.picture import BatchNorm, Normalise
from modelwright.spec.routes.mlp_image import MLPImage


class ImageMLP(nn.Module):
    """Pixels in, logits out.

    Args:
        settings: of the route.
        sizes: channels, height, width, mean, deviation, classes.
    """

    def __init__(self, settings: MLPImage, sizes: Sizes) -> None:
        super().__init__()
        self.normalise = Normalise(sizes)
        features = sizes["channels"] * sizes["height"] * sizes["width"]
        layers: list[nn.Module] = []
        for _ in range(settings.layers):
            layers += [nn.Linear(features, settings.width, bias=False), BatchNorm(settings.width)]
            layers += [activation(settings.activation), Dropout(settings.dropout)]
            features = settings.width
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(features, sizes["classes"])

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        return {"logits": self.head(self.layers(self.normalise(pixels).flatten(1)))}


def build(settings: MLPImage, sizes: Sizes, checkpoint: Path | None) -> ImageMLP:
    """From random weights."""
    return ImageMLP(settings, sizes)
