"""An image checkpoint with a new output layer: the catalogue's EfficientNet-lite0 in our own module, any other through transformers.

Shapes: b batch, c channels, h height, w width.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from modelwright.base.errors import ReleaseError
from modelwright.base.nouns import Sizes
from modelwright.base.optional import require
from modelwright.models import names
from modelwright.models.efficientnet_lite import MODEL_TYPE, EfficientNetLite, from_published
from modelwright.models.picture import BatchNorm, Normalise
from modelwright.spec.routes.finetune_image import FinetuneImage

PUBLISHED = "model.pth"  # weights as a torch archive, read with weights_only: tensors, nothing that could run


class Foreign(nn.Module):
    """Any image classifier of transformers, which gets normalised pixels."""

    def __init__(self, model: nn.Module, sizes: Sizes) -> None:
        super().__init__()
        self.normalise, self.model = Normalise(sizes), model
        if any(isinstance(child, nn.modules.batchnorm._BatchNorm) for child in model.modules()):
            self.float32_because = "the checkpoint's batch normalisation counts in the module's own precision"

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        return {"logits": self.model(pixel_values=self.normalise(pixels)).logits}


def build(settings: FinetuneImage, sizes: Sizes, checkpoint: Path | None) -> nn.Module:
    """From the checkpoint's weights and a random output layer.

    Raises:
        ReleaseError: the checkpoint is incomplete or damaged.
    """
    if checkpoint is None:
        raise ValueError("finetune needs the folder of a checkpoint")
    if names.read_config(checkpoint).get("model_type") == MODEL_TYPE:
        module: nn.Module = _published(settings, sizes, checkpoint)
        learned = module.head
    else:
        module = Foreign(_foreign(checkpoint, {"num_labels": sizes["classes"], "ignore_mismatched_sizes": True}), sizes)
        learned = _last(module.model)
    if settings.method == "head":
        module.requires_grad_(False)
        learned.requires_grad_(True)
        for child in module.modules():
            if isinstance(child, BatchNorm):
                child.frozen = True
    return module


def write(module: nn.Module, folder: Path) -> dict[str, Any]:
    """Weights in the checkpoint's own format; returns config.json's content."""
    if isinstance(module, EfficientNetLite):
        names.write_weights(module.state_dict(), folder / names.WEIGHTS)
        return {"model_type": f"modelwright-{MODEL_TYPE}", "architectures": [type(module).__name__]}
    assert isinstance(module, Foreign)
    model: Any = module.model
    model.save_pretrained(folder, safe_serialization=True)
    return names.read_config(folder)


def read(settings: FinetuneImage, sizes: Sizes, folder: Path) -> nn.Module:
    """What `write` wrote.

    Raises:
        ReleaseError: files are missing or damaged.
    """
    if names.read_config(folder).get("model_type") != f"modelwright-{MODEL_TYPE}":
        return Foreign(_foreign(folder, {}), sizes)
    module = EfficientNetLite(sizes, settings.dropout)
    try:
        module.load_state_dict(names.read_weights(folder / names.WEIGHTS))
    except RuntimeError as error:
        raise names.damaged(folder / names.WEIGHTS, error) from error
    return module


def _published(settings: FinetuneImage, sizes: Sizes, folder: Path) -> EfficientNetLite:
    module = EfficientNetLite(sizes, settings.dropout)
    path = folder / PUBLISHED
    try:
        weights = from_published(torch.load(path, map_location="cpu", weights_only=True))
        module.load_state_dict({**weights, **{f"head.{name}": value for name, value in module.head.state_dict().items()}})
    except (OSError, pickle.UnpicklingError, KeyError, RuntimeError, EOFError) as error:
        raise names.damaged(path, error) from error
    return module


def _foreign(folder: Path, more: dict[str, Any]) -> nn.Module:
    transformers = require("transformers", "train")
    try:
        return transformers.AutoModelForImageClassification.from_pretrained(folder, dtype="float32", **more)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise names.damaged(folder, error) from error


def _last(model: nn.Module) -> nn.Module:
    """The output layer of a transformers classifier: the last linear one.

    Raises:
        ReleaseError: it has none.
    """
    linear = [child for child in model.modules() if isinstance(child, nn.Linear)]
    if not linear:
        raise ReleaseError(
            f"{type(model).__name__} has no linear layer",
            expected="an image classifier with a linear output layer",
            where="routes: finetune.method",
            remedy="Set method: full, or choose another checkpoint.",
        )
    return linear[-1]
