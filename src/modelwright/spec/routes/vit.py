"""`vit`: a small transformer over patches, trained from random weights."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, model_validator

from modelwright.spec.attention import heads_divide_width
from modelwright.spec.images import ImageRoute
from modelwright.spec.routes.route import Activation


class ViT(ImageRoute):
    """Vision transformer (Dosovitskiy et al. 2021, 2010.11929) with pre-norm blocks and mean pooling instead of a class token
    (Beyer et al. 2022, 2205.01580). It needs more images than a convolutional network to be as good."""

    name: ClassVar[str] = "vit"
    architecture: ClassVar[str] = "vit"

    patch: int | None = Field(None, ge=1, le=64, description="pixels a side of a patch; default: so that there are about 50")
    width: int = Field(128, ge=8, le=4096, description="hidden size; a multiple of heads")
    layers: int = Field(4, ge=1, le=48)
    heads: int = Field(4, ge=1, le=64)
    dropout: float = Field(0.1, ge=0, lt=1)
    activation: Activation = Field("gelu", description="non-linearity between layers")
    epochs: int = Field(20, ge=1, description="passes over the training split at most")
    learning_rate: float = Field(1e-3, gt=0, description="peak learning rate")
    _heads = model_validator(mode="after")(heads_divide_width)


ROUTE = ViT
