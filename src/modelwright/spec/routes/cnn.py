"""`cnn`: blocks of 3 × 3 convolutions and pooling."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from modelwright.spec.images import ImageRoute


class ConvolutionalRoute(ImageRoute):
    """Convolutional network in VGG's layout (LeCun et al. 1998; Simonyan & Zisserman 2015, 1409.1556), normalised by batch."""

    name: ClassVar[str] = "cnn"
    architecture: ClassVar[str] = "cnn"

    width: int = Field(32, ge=4, le=1024, description="channels of the first block; each later block has twice as many")
    blocks: int = Field(3, ge=1, le=8, description="blocks; between them height and width are halved")
    layers: int = Field(2, ge=1, le=8, description="convolutions in a block")
    dropout: float = Field(0.1, ge=0, lt=1, description="before the output layer")
    epochs: int = Field(12, ge=1, description="passes over the training split at most")
    learning_rate: float = Field(5e-3, gt=0, description="peak learning rate")


ROUTE = ConvolutionalRoute
