"""What the settings of transformers share."""

from __future__ import annotations

from typing import Literal, Protocol, TypeVar

from pydantic import Field, model_validator

from modelwright.spec.routes.route import GradientRoute


class _Headed(Protocol):
    width: int
    heads: int


_Route = TypeVar("_Route", bound=_Headed)


def heads_divide_width(route: _Route) -> _Route:
    """Every head is as wide as the others.

    Raises:
        ValueError: the width can't be divided so.
    """
    if route.width % route.heads:
        raise ValueError(f"a width that is a multiple of heads ({route.heads}), not {route.width}")
    return route


class BertLayout(GradientRoute):
    """An encoder in BERT's layout (Devlin et al. 2019, 1810.04805)."""

    width: int = Field(128, ge=16, le=4096, description="hidden size; a multiple of heads")
    layers: int = Field(2, ge=1, le=48)
    heads: int = Field(4, ge=1, le=64)
    activation: Literal["gelu", "gelu-tanh", "relu", "silu", "mish", "tanh"] = Field(
        "gelu", description="between the two matrices of a layer; those that BERT's format knows"
    )
    learning_rate: float = Field(1e-3, gt=0, description="peak learning rate")
    _heads = model_validator(mode="after")(heads_divide_width)
