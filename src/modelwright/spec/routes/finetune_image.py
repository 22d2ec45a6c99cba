"""`finetune` for images: start from a checkpoint that has seen a million photographs."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modelwright.spec.images import ImageAugment
from modelwright.spec.routes.route import BatchSize, GradientRoute


class FinetuneImage(GradientRoute):
    """Fine-tune an image checkpoint: EfficientNet-lite0 (Tan & Le 2019, 1905.11946) of the catalogue in our own module, or any
    image classifier of the hub through transformers."""

    name: ClassVar[str] = "finetune"
    reads: ClassVar[str] = "checkpoint-image"
    architecture: ClassVar[str] = "finetune_image"

    from_: str = Field(
        "catalogue://efficientnet-lite0",
        alias="from",
        min_length=1,
        description="catalogue://name, hf://org/name[@revision], or a local folder",
    )
    size: int | None = Field(
        None, ge=16, le=1024, description="pixels a side; default: what the checkpoint was trained with. Smaller is faster"
    )
    method: Literal["full", "head"] = Field("full", description="full: all weights learn; head: the new output layer only")
    augment: ImageAugment = ImageAugment()
    dropout: float = Field(0.2, ge=0, lt=1, description="before the new output layer of the catalogue's checkpoint")
    epochs: int = Field(5, ge=1, description="passes over the training split at most")
    batch_size: BatchSize = Field(32, description="rows per optimiser step")
    learning_rate: float = Field(1e-3, gt=0, description="peak learning rate")


ROUTE = FinetuneImage
