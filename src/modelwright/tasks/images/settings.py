"""`learn:` of tasks over images."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from modelwright.base.images import Fit
from modelwright.spec.section import Section

Side = Annotated[int, Field(ge=4, le=1024)]


class ImageSettings(Section):
    """What every route sees of an image (a checkpoint knows its own size; its route has a setting for that)."""

    size: Side | tuple[Side, Side] | None = Field(
        None,
        description="pixels a side, or [height, width]; default: the training images' own if they are all alike and at most 128 a "
        "side, otherwise 64",
    )
    channels: Literal["auto", 1, 3] = Field(
        "auto", description="1: grey, 3: colour; auto: grey if all training images looked at are"
    )
    fit: Fit = Field(
        "crop",
        description="how an image of another shape fits: crop (its middle), pad (all of it, on black) or stretch; always resized "
        "with Pillow's bilinear filter",
    )
