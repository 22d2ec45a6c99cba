"""Which part of an image spoke for an answer: Grad-CAM on the last map of features where a network has one, otherwise integrated
gradients over the pixels; the baseline is an image of the training images' mean colour, which the network sees as zeros.

Shapes: n nodes, b batch, c channels, h height, w width.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from modelwright.base.images import png
from modelwright.base.nouns import Row
from modelwright.evaluate.attributions.methods import grad_cam, integrated_gradients
from modelwright.models.cnn import CNN
from modelwright.models.cnn_rnn import CNNRNN
from modelwright.models.efficientnet_lite import EfficientNetLite
from modelwright.models.resnet import ResNet
from modelwright.tasks.image_classification import ImageClassification

HEAT, GRADIENTS = "grad-cam", "integrated-gradients"
CELLS = 14
"""Pixels' shares are summed over cells, as many a side at most: single pixels are noise to the eye."""
SIDE = 112  # pixels of the longer side of the pictures that are kept
_AT_ONCE = 16
_MAPS: dict[type[nn.Module], str] = {CNN: "blocks", CNNRNN: "blocks", ResNet: "activation", EfficientNetLite: "last"}
"""The layer that gives the last map of features before it is averaged over all places."""
_FEWEST_CONVOLUTIONS = 4  # of a foreign network that has such a map; those that cut an image into patches have one convolution
_COLD, _HOT = np.array([200.0, 101.0, 11.0]), np.array([255.0, 226.0, 80.0])


@dataclass(frozen=True)
class Seen:
    """One image, explained.

    Args:
        pixels: uint8 [c, h, w], as the model sees them; of several frames the one with most heat.
        heat: [h', w'], at least 0: what speaks for the answer.
        gap: share of the answer that the parts miss; None for Grad-CAM, whose parts sum to nothing.
    """

    pixels: np.ndarray
    heat: np.ndarray
    gap: float | None

    def place(self) -> tuple[int, int, float] | None:
        """Row and column (0 to 2) of the ninth of the image with most heat, and its share; None where there is no heat."""
        height, width = self.pixels.shape[1:]
        fine_hw = _resized(torch.from_numpy(self.heat)[None], (max(height, 3), max(width, 3)))[0]
        ninths = functional.adaptive_avg_pool2d(fine_hw[None], 3)[0].numpy()
        if ninths.sum() <= 0:
            return None
        row, column = divmod(int(ninths.argmax()), 3)
        return row, column, float(ninths[row, column] / ninths.sum())

    def pictures(self) -> dict[str, str]:
        """The image, and the image in grey with its heat upon it, as data URIs."""
        height, width = self.pixels.shape[1:]
        scale = SIDE / max(height, width)
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        plain_chw = functional.interpolate(
            torch.from_numpy(self.pixels).float()[None], size, mode="nearest" if scale >= 1 else "area"
        )[0].numpy()
        colours_hw3 = np.broadcast_to(plain_chw.transpose(1, 2, 0), (*size, 3))
        heat_hw1 = _resized(torch.from_numpy(self.heat)[None], size)[0].numpy()[..., None]
        heat_hw1 = heat_hw1 / max(float(heat_hw1.max()), 1e-12)
        grey_hw1 = colours_hw3.mean(2, keepdims=True)
        warm_hw3 = _COLD + (_HOT - _COLD) * heat_hw1
        cover_hw1 = 0.85 * heat_hw1
        return {"image": _uri(colours_hw3), "heat": _uri(grey_hw1 * (1 - cover_hw1) + warm_hw3 * cover_hw1)}


def _resized(maps_bhw: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(maps_bhw[:, None], size, mode="bilinear", align_corners=False)[:, 0]


def _uri(pixels_hw3: np.ndarray) -> str:
    return "data:image/png;base64," + base64.b64encode(png(pixels_hw3.round().clip(0, 255).astype(np.uint8))).decode()


class Images:
    """Explains the images that a module answers.

    Args:
        module: in eval mode, on the CPU; its weights are frozen here.
    """

    def __init__(self, task: ImageClassification, module: nn.Module) -> None:
        self.task, self.module = task, module.requires_grad_(False)
        self.mean_c11 = torch.tensor(task.sizes["mean"])[:, None, None] * 255

    def method(self, row: Row) -> str:
        return GRADIENTS if self._layer(self._inputs(row)) is None else HEAT

    def tell(self, row: Row, direction_c: np.ndarray) -> Seen:
        inputs, direction = self._inputs(row), torch.from_numpy(direction_c)
        frames = inputs["pixels"][0] if self.task.reader.way == "frames" else inputs["pixels"]
        layer = self._layer(inputs)
        if layer is not None:
            heat_bhw = grad_cam(layer, lambda: self.module(**inputs)["logits"].float() @ direction)
            hottest = int(heat_bhw.sum((1, 2)).argmax())
            return Seen(frames[hottest].numpy(), heat_bhw[hottest], None)
        given_chw = frames[0].float()

        def answer(points_nchw: Tensor) -> Tensor:
            return self.module(pixels=points_nchw)["logits"].float() @ direction

        shares = integrated_gradients(answer, given_chw, self.mean_c11.expand_as(given_chw), 0, _AT_ONCE)
        parts_hw = torch.from_numpy(shares.parts)
        cells = (min(CELLS, parts_hw.shape[0]), min(CELLS, parts_hw.shape[1]))
        heat_hw = functional.adaptive_avg_pool2d(parts_hw[None], cells)[0].clamp(min=0).numpy()
        return Seen(frames[0].numpy(), heat_hw, shares.gap)

    def _inputs(self, row: Row) -> dict[str, Tensor]:
        batch = self.task.collate([self.task.encode(row)])
        return {name: torch.from_numpy(array) for name, array in batch.inputs.items()}

    def _layer(self, inputs: dict[str, Tensor]) -> nn.Module | None:
        """The layer that gives the last map of features; None where there is none."""
        known = next((name for kind, name in _MAPS.items() if isinstance(self.module, kind)), None)
        if known is not None:
            return self.module.get_submodule(known)
        if sum(isinstance(child, nn.Conv2d) for child in self.module.modules()) < _FEWEST_CONVOLUTIONS:
            return None
        last: list[nn.Module] = []

        def look(module: nn.Module, given: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.ndim == 4 and min(output.shape[2:]) > 1:
                last.append(module)

        hooks = [child.register_forward_hook(look) for child in self.module.modules()]
        try:
            with torch.inference_mode():
                self.module(**inputs)
        finally:
            for hook in hooks:
                hook.remove()
        return last[-1] if last else None
