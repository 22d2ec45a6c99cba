"""`finetune`: start from a checkpoint and adapt it, fully or by low-rank adapters."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modelwright.spec.routes.route import BatchSize, GradientRoute


class Finetune(GradientRoute):
    """Fine-tune an encoder checkpoint (Devlin et al. 2019); `lora` adds low-rank adapters (Hu et al. 2022, 2106.09685)."""

    name: ClassVar[str] = "finetune"
    reads: ClassVar[str] = "checkpoint"
    architecture: ClassVar[str] = "finetune"

    from_: str = Field(
        "catalogue://minilm",
        alias="from",
        min_length=1,
        description="catalogue://name, hf://org/name[@revision], run://folder[#route] (a run of your own), or a local folder",
    )
    method: Literal["full", "lora"] = Field("full", description="full: all weights; lora: low-rank adapters, merged at the end")
    lora_rank: int = Field(8, ge=1, le=256, description="rank of the adapters")
    lora_alpha: float = Field(16.0, gt=0, description="adapters are scaled by alpha / rank")
    max_tokens: int = Field(128, ge=8, le=8192, description="tokens read of each row")
    pooling: Literal["mean", "first"] = Field(
        "mean", description="how token vectors become one: their mean, or the first token's"
    )
    dropout: float = Field(0.1, ge=0, lt=1)
    epochs: int = Field(3, ge=1, description="passes over the training split at most")
    batch_size: BatchSize = Field(16, description="rows per optimiser step")
    learning_rate: float = Field(1e-4, gt=0, description="peak learning rate")


ROUTE = Finetune
