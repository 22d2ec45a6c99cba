"""Parts of networks over images: normalised pixels, batch normalisation, convolution blocks.

Shapes: b batch, c channels, h height, w width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from modelwright.base.nouns import Sizes
from modelwright.models.activations import activation
from modelwright.spec.routes.route import Activation


class Normalise(nn.Module):
    """uint8 pixels (or floats from 0 to 255, where augmentation made them) to zero mean and unit deviation, in the module's own
    precision: (x / 255 − mean) / deviation of each channel.

    Args:
        sizes: mean and deviation of each channel, where white is 1.
    """

    scale_c11: Tensor
    shift_c11: Tensor

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        mean, deviation = torch.tensor(sizes["mean"]), torch.tensor(sizes["deviation"])
        # made from the sizes each time: not saved, and full digits come back with float32
        self.register_buffer("scale_c11", (1 / (255 * deviation))[:, None, None], persistent=False)
        self.register_buffer("shift_c11", (-mean / deviation)[:, None, None], persistent=False)

    def forward(self, pixels_bchw: Tensor) -> Tensor:
        return pixels_bchw.to(self.scale_c11.dtype) * self.scale_c11 + self.shift_c11


class BatchNorm(nn.Module):
    """Batch normalisation (Ioffe & Szegedy 2015, 1502.03167) whose weights and statistics stay in float32 whatever the module
    computes in: a running mean in bfloat16 stops moving. Two or four axes; channels are the second.

    Args:
        channels: c.
        momentum: share of a batch in the running statistics.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.epsilon = momentum, epsilon
        self.frozen = False  # keeps the statistics it has, as in production
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        """Follow to another device, not to another precision."""
        return super()._apply(lambda tensor: tensor.to(fn(tensor).device), recurse)

    def forward(self, hidden: Tensor) -> Tensor:
        learns = self.training and not self.frozen and hidden.shape[0] * hidden[0, 0].numel() > 1  # one value has no deviation
        weight, bias = self.weight, self.bias
        if hidden.ndim == 2:  # the processor's kernel for two axes wants one precision
            whole = functional.batch_norm(
                hidden.float(), self.mean, self.variance, weight, bias, learns, self.momentum, self.epsilon
            )
            return whole.to(hidden.dtype)
        return functional.batch_norm(hidden, self.mean, self.variance, weight, bias, learns, self.momentum, self.epsilon)


def convolution(inputs: int, outputs: int, name: Activation, stride: int = 1, *, halves: bool = False) -> nn.Sequential:
    """3 × 3 convolution, batch normalisation, activation.

    Args:
        halves: keep the largest of each 2 × 2 places, before they are normalised: a quarter of the work there, and a step of a small
            network took 8 % less time.
    """
    pool = [nn.MaxPool2d(2)] if halves else []
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), *pool, BatchNorm(outputs), activation(name)
    )


def he(module: nn.Module) -> None:
    """Convolutions and linear layers by He et al. 2015 (fan out), biases zero, in place: what deep relu networks start well from."""
    for child in module.modules():
        if isinstance(child, nn.Conv2d):
            nn.init.kaiming_normal_(child.weight, mode="fan_out", nonlinearity="relu")
            if child.bias is not None:
                nn.init.zeros_(child.bias)


def packed(hidden_bchw: Tensor) -> Tensor:
    """The same, with a pixel's channels beside each other in memory: what convolution kernels are fastest on."""
    return hidden_bchw.contiguous(memory_format=torch.channels_last)


def pooled(hidden_bchw: Tensor) -> Tensor:
    """Mean over all places, [b, c]."""
    return hidden_bchw.mean((2, 3))
