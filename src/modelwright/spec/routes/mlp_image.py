"""`mlp` for images: pixels in a row, then fully connected layers. What everything else has to beat."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from modelwright.spec.images import ImageAugment, ImageRoute


class MLPImage(ImageRoute):
    """Multi-layer perceptron over pixels (Rumelhart, Hinton & Williams 1986) with batch normalisation (Ioffe & Szegedy 2015)."""

    name: ClassVar[str] = "mlp"
    architecture: ClassVar[str] = "mlp_image"

    augment: ImageAugment = ImageAugment(crop=0.0)
    width: int = Field(512, ge=4, le=16384, description="units of each hidden layer")
    layers: int = Field(2, ge=1, le=32, description="hidden layers")
    dropout: float = Field(0.25, ge=0, lt=1)
    epochs: int = Field(15, ge=1, description="passes over the training split at most")
    learning_rate: float = Field(2e-3, gt=0, description="peak learning rate")


ROUTE = MLPImage
