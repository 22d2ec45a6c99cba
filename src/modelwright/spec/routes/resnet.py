"""`resnet`: convolutions with shortcuts, deeper than `cnn`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from modelwright.spec.images import ImageRoute


class ResNet(ImageRoute):
    """Residual network with pre-activation blocks (He et al. 2016, 1603.05027), for images of about 16 to 256 pixels a side."""

    name: ClassVar[str] = "resnet"
    architecture: ClassVar[str] = "resnet"

    width: int = Field(32, ge=4, le=1024, description="channels of the first stage; each later stage has twice as many")
    stages: int = Field(3, ge=1, le=6, description="stages; each after the first halves height and width")
    layers: int = Field(1, ge=1, le=16, description="residual blocks in a stage, of two convolutions each")
    dropout: float = Field(0.1, ge=0, lt=1, description="before the output layer")
    epochs: int = Field(12, ge=1, description="passes over the training split at most")
    learning_rate: float = Field(5e-3, gt=0, description="peak learning rate")


ROUTE = ResNet
