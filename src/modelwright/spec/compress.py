"""`compress:` which smaller variants are tried."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from modelwright.spec.section import Section

Method = Literal["int8", "int4"]


class Compress(Section):
    """Written short as a list (`compress: [int8]`) or in full."""

    methods: tuple[Method, ...] | None = Field(
        None,
        description="variants to try beside the original; int4 is for language models. Left out: int8 and int4 for language models, none for others",
    )
    max_loss: float = Field(
        0.01, ge=0, le=1, description="metric points that a variant may lose on validation and still be taken"
    )


def _short(raw: Any) -> Any:
    return {"methods": tuple(raw)} if isinstance(raw, list | tuple) else raw


CompressField = Annotated[Compress, BeforeValidator(_short, json_schema_input_type=Compress | list[Method])]
