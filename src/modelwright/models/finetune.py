"""A checkpoint's encoder with a new head; all weights learn, or low-rank adapters only.

BERT checkpoints run in our lean encoder; every other encoder through transformers.

Shapes: b batch, t tokens, w width.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor, nn

from modelwright.base.nouns import Sizes
from modelwright.base.optional import require
from modelwright.models import lora, names
from modelwright.models.encoder import Encoder, TextClassifier
from modelwright.spec.routes.finetune import Finetune


class Foreign(nn.Module):
    """Any transformers encoder behind our encoder's signature."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, token_ids_bt: Tensor, mask_bt: Tensor) -> Tensor:
        return self.model(input_ids=token_ids_bt, attention_mask=mask_bt).last_hidden_state


def build(settings: Finetune, sizes: Sizes, checkpoint: Path | None) -> TextClassifier:
    """From the checkpoint's weights and a random head.

    Raises:
        ReleaseError: the checkpoint is incomplete or damaged.
    """
    if checkpoint is None:
        raise ValueError("finetune needs the folder of a checkpoint")
    module = _classifier(settings, sizes, checkpoint)
    if settings.method == "lora":
        lora.adapt(module.backbone, settings.lora_rank, settings.lora_alpha)
    return module


def write(module: TextClassifier, folder: Path) -> dict[str, Any]:
    """Weights (adapters merged) in the checkpoint's own format, the head beside them; returns config.json's content."""
    lora.merge(module.backbone)
    if isinstance(module.backbone, Encoder):
        return names.write_bert(module.backbone, module.head, folder)
    assert isinstance(module.backbone, Foreign)
    names.write_weights(module.head.state_dict(), folder / names.HEAD)
    model: Any = module.backbone.model
    model.save_pretrained(folder, safe_serialization=True)
    return names.read_config(folder)


def read(settings: Finetune, sizes: Sizes, folder: Path) -> TextClassifier:
    """What `write` wrote."""
    module = _classifier(settings, sizes, folder)
    names.read_head(module.head, folder)
    return module


def _classifier(settings: Finetune, sizes: Sizes, folder: Path) -> TextClassifier:
    encoder, width = backbone(folder, settings.dropout)
    return TextClassifier(encoder, width, sizes["classes"], settings.pooling, settings.dropout)


def backbone(folder: Path, dropout: float) -> tuple[Encoder | Foreign, int]:
    """The encoder of a checkpoint, and its width: ours where it is in BERT's layout, else as transformers loads it.

    Raises:
        ReleaseError: the checkpoint is incomplete or damaged.
    """
    if names.is_bert(names.read_config(folder)):
        encoder = names.read_bert(folder, dropout)
        return encoder, encoder.shape.width
    transformers = require("transformers", "train")
    try:
        model = transformers.AutoModel.from_pretrained(folder, dtype="float32")
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise names.damaged(folder, error) from error
    return Foreign(model), model.config.hidden_size
