"""Residual network with pre-activation blocks (He et al. 2016, 1603.05027): y = x + f(x), f two 3 × 3 convolutions, each after batch
normalisation and activation. Where a stage begins, the shortcut is a 1 × 1 convolution of the activated input.

Shapes: b batch, c channels, h height, w width.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from modelwright.base.nouns import Sizes
from modelwright.models.activations import activation
from modelwright.models.dropout import Dropout
from modelwright.models.picture import BatchNorm, Normalise, convolution, he, packed, pooled
from modelwright.spec.routes.resnet import ResNet as ResNetRoute
from modelwright.spec.routes.route import Activation

_LARGE = 96  # pixels a side from which the network starts by halving twice


class Block(nn.Module):
    """One residual block.

    Args:
        inputs, outputs: channels.
        stride: 2 halves height and width.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, name: Activation) -> None:
        super().__init__()
        self.first_norm, self.second_norm = BatchNorm(inputs), BatchNorm(outputs)
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.activation = activation(name)
        changes = stride != 1 or inputs != outputs
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if changes else None

    def forward(self, hidden_bchw: Tensor) -> Tensor:
        active_bchw = self.activation(self.first_norm(hidden_bchw))
        around_bchw = hidden_bchw if self.shortcut is None else self.shortcut(active_bchw)
        return around_bchw + self.second(self.activation(self.second_norm(self.first(active_bchw))))


class ResNet(nn.Module):
    """Pixels in, logits out.

    Args:
        settings: of the route.
        sizes: channels, height, width, mean, deviation, classes.
    """

    def __init__(self, settings: ResNetRoute, sizes: Sizes) -> None:
        super().__init__()
        self.normalise = Normalise(sizes)
        width, name = settings.width, settings.activation
        large = min(sizes["height"], sizes["width"]) >= _LARGE
        self.stem = nn.Sequential(convolution(sizes["channels"], width, name, 2 if large else 1))
        if large:
            self.stem.append(nn.MaxPool2d(2))
        blocks, channels = [], width
        for stage in range(settings.stages):
            for block in range(settings.layers):
                outputs = width << stage
                blocks.append(Block(channels, outputs, 2 if stage and block == 0 else 1, name))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.norm, self.activation = BatchNorm(channels), activation(name)
        self.dropout = Dropout(settings.dropout)
        self.head = nn.Linear(channels, sizes["classes"])
        he(self)

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        hidden_bchw = self.blocks(self.stem(packed(self.normalise(pixels))))
        return {"logits": self.head(self.dropout(pooled(self.activation(self.norm(hidden_bchw)))))}


def build(settings: ResNetRoute, sizes: Sizes, checkpoint: Path | None) -> ResNet:
    """From random weights."""
    return ResNet(settings, sizes)
