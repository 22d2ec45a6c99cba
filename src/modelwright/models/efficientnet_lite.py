"""EfficientNet-lite0 (Tan & Le 2019, 1905.11946; the lite variants leave out squeeze-and-excite and use relu6): 3.4 million weights
without its output layer, made for processors.

Its padding is TensorFlow's: as little as keeps ⌈side / stride⌉, and the odd pixel at the bottom and right. It depends on the image's
size, so that a module is built for one size.

Shapes: b batch, c channels, h height, w width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor, nn
from torch.nn import functional

from modelwright.base.nouns import Sizes
from modelwright.models.dropout import Dropout
from modelwright.models.picture import BatchNorm, Normalise, packed, pooled

MODEL_TYPE = "efficientnet-lite0"
_EPSILON = 1e-3  # of the batch normalisation, as in its first training
_MOMENTUM = (
    0.1  # ten times that of its first training: a fine-tuning has hundreds of steps, and its statistics must arrive in them
)
_STEM, _FEATURES = 32, 1280
# repeats, kernel, stride, expansion, output channels of each stage
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class Convolution(nn.Module):
    """Padded convolution, batch normalisation, and relu6 unless it is `linear`.

    Args:
        side: height and width that come in.
        depthwise: each channel on its own.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int,
        side: tuple[int, int],
        *,
        depthwise: bool = False,
        linear: bool = False,
    ) -> None:
        super().__init__()
        groups = inputs if depthwise else 1
        self.kernel = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm = BatchNorm(outputs, _MOMENTUM, _EPSILON)
        self.linear = linear
        missing = [max(0, (-(-length // stride) - 1) * stride + kernel - length) for length in side]
        self.margin = (missing[1] // 2, missing[1] - missing[1] // 2, missing[0] // 2, missing[0] - missing[0] // 2)

    def forward(self, hidden_bchw: Tensor) -> Tensor:
        if any(self.margin):
            hidden_bchw = functional.pad(hidden_bchw, self.margin)
        hidden_bchw = self.norm(self.kernel(hidden_bchw))
        return hidden_bchw if self.linear else functional.relu6(hidden_bchw)


class Block(nn.Module):
    """Inverted residual (Sandler et al. 2018, 1801.04381): widen by 1 × 1, look around by depthwise, narrow by 1 × 1."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int, side: tuple[int, int]) -> None:
        super().__init__()
        wide = inputs * expansion
        after = (-(-side[0] // stride), -(-side[1] // stride))
        self.widen = Convolution(inputs, wide, 1, 1, side) if expansion != 1 else None
        self.look = Convolution(wide, wide, kernel, stride, side, depthwise=True)
        self.narrow = Convolution(wide, outputs, 1, 1, after, linear=True)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, hidden_bchw: Tensor) -> Tensor:
        wide_bchw = hidden_bchw if self.widen is None else self.widen(hidden_bchw)
        narrow_bchw = self.narrow(self.look(wide_bchw))
        return hidden_bchw + narrow_bchw if self.adds else narrow_bchw


class EfficientNetLite(nn.Module):
    """Pixels in, logits out.

    Args:
        sizes: height, width, mean, deviation, classes.
        dropout: before the output layer.
    """

    float32_because = "its depthwise convolutions were measured to train a fifth faster in float32 on a processor"

    def __init__(self, sizes: Sizes, dropout: float) -> None:
        super().__init__()
        side = (sizes["height"], sizes["width"])
        self.normalise = Normalise(sizes)
        self.stem = Convolution(3, _STEM, 3, 2, side)
        side, channels, blocks = _halved(side), _STEM, []
        for repeats, kernel, stride, expansion, outputs in _STAGES:
            for repeat in range(repeats):
                step = stride if repeat == 0 else 1
                blocks.append(Block(channels, outputs, kernel, step, expansion, side))
                channels = outputs
                side = _halved(side) if step == 2 else side
        self.blocks = nn.Sequential(*blocks)
        self.last = Convolution(channels, _FEATURES, 1, 1, side)
        self.dropout = Dropout(dropout)
        self.head = nn.Linear(_FEATURES, sizes["classes"])

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        hidden_bchw = self.last(self.blocks(self.stem(packed(self.normalise(pixels)))))
        return {"logits": self.head(self.dropout(pooled(hidden_bchw)))}


def _halved(side: tuple[int, int]) -> tuple[int, int]:
    return -(-side[0] // 2), -(-side[1] // 2)


def from_published(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published state dict (`_blocks.3._depthwise_conv.weight`, …) under our names, without its output layer.

    Raises:
        KeyError: the name of a weight that is missing.
    """
    return {ours: weights[theirs].float() for ours, theirs in _names()}


def _names() -> Iterator[tuple[str, str]]:
    """Our name → the published one, of every weight and statistic."""
    yield from _pair("stem", "_conv_stem", "_bn0")
    number = 0
    for repeats, _, _, expansion, _ in _STAGES:
        for _ in range(repeats):
            ours, theirs = f"blocks.{number}", f"_blocks.{number}"
            if expansion != 1:
                yield from _pair(f"{ours}.widen", f"{theirs}._expand_conv", f"{theirs}._bn0")
            yield from _pair(f"{ours}.look", f"{theirs}._depthwise_conv", f"{theirs}._bn1")
            yield from _pair(f"{ours}.narrow", f"{theirs}._project_conv", f"{theirs}._bn2")
            number += 1
    yield from _pair("last", "_conv_head", "_bn1")


def _pair(ours: str, kernel: str, norm: str) -> Iterator[tuple[str, str]]:
    yield f"{ours}.kernel.weight", f"{kernel}.weight"
    statistics = {"weight": "weight", "bias": "bias", "mean": "running_mean", "variance": "running_var"}
    for own, published in statistics.items():
        yield f"{ours}.norm.{own}", f"{norm}.{published}"
