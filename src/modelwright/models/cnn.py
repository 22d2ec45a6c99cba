"""Blocks of 3 × 3 convolutions with pooling between them (LeCun et al. 1998; Simonyan & Zisserman 2015, 1409.1556), each normalised
by batch; the mean over all places, then one linear layer.

Shapes: b batch, c channels, h height, w width.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from modelwright.base.nouns import Sizes
from modelwright.models.dropout import Dropout
from modelwright.models.picture import Normalise, convolution, he, packed, pooled
from modelwright.spec.routes.cnn import ConvolutionalRoute
from modelwright.spec.routes.route import Activation


class Blocks(nn.Sequential):
    """Convolutions and pooling: [b, c, h, w] → [b, `outputs`, h', w'].

    Args:
        channels: c.
        width: channels of the first block; each later one has twice as many.
        blocks, layers: blocks, and convolutions in each.
        side: the shorter side of the image: below two pixels nothing is halved any more.
    """

    def __init__(self, channels: int, width: int, blocks: int, layers: int, name: Activation, side: int) -> None:
        found: list[nn.Module] = []
        for block in range(blocks):
            halves = side >= 4 and block < blocks - 1
            for layer in range(layers):
                found.append(convolution(channels, width << block, name, halves=halves and layer == layers - 1))
                channels = width << block
            side = side // 2 if halves else side
        super().__init__(*found)
        self.outputs = channels


class CNN(nn.Module):
    """Pixels in, logits out.

    Args:
        settings: of the route.
        sizes: channels, height, width, mean, deviation, classes.
    """

    def __init__(self, settings: ConvolutionalRoute, sizes: Sizes) -> None:
        super().__init__()
        self.normalise = Normalise(sizes)
        side = min(sizes["height"], sizes["width"])
        self.blocks = Blocks(sizes["channels"], settings.width, settings.blocks, settings.layers, settings.activation, side)
        self.dropout = Dropout(settings.dropout)
        self.head = nn.Linear(self.blocks.outputs, sizes["classes"])
        he(self)

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        hidden_bc = pooled(self.blocks(packed(self.normalise(pixels))))
        return {"logits": self.head(self.dropout(hidden_bc))}


def build(settings: ConvolutionalRoute, sizes: Sizes, checkpoint: Path | None) -> CNN:
    """From random weights."""
    return CNN(settings, sizes)
