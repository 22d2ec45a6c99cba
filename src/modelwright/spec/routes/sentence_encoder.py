"""`sentence-encoder`: search by meaning: a checkpoint that turns texts into vectors, as it is or fine-tuned on pairs."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from modelwright.spec.routes.route import BatchSize, GradientRoute

_OF_UNTRAINED = {"from_", "method", "max_tokens", "pooling", "precision", "budget", "seed", "k1", "b"}


class SentenceEncoder(GradientRoute):
    """Texts as vectors (Reimers & Gurevych 2019, 1908.10084), learned from pairs of a question and its answer against the other answers
    of the batch (multiple-negatives ranking: Henderson et al. 2017, 1705.00652; in both directions)."""

    name: ClassVar[str] = "sentence-encoder"
    reads: ClassVar[str] = "checkpoint"
    gives: ClassVar[tuple[str, ...]] = ("passages",)
    architecture: ClassVar[str] = "sentence_encoder"
    words: ClassVar[bool] = False

    from_: str = Field(
        "catalogue://minilm",
        alias="from",
        min_length=1,
        description="catalogue://name, hf://org/name[@revision], run://folder[#route], or a local folder",
    )
    method: Literal["full", "lora", "none"] = Field(
        "full", description="full: all weights learn; lora: low-rank adapters, merged at the end; none: the checkpoint as it is"
    )
    lora_rank: int = Field(8, ge=1, le=256, description="rank of the adapters")
    lora_alpha: float = Field(16.0, gt=0, description="adapters are scaled by alpha / rank")
    max_tokens: int = Field(256, ge=8, le=8192, description="tokens read of each question and passage")
    pooling: Literal["mean", "first"] = Field(
        "mean", description="how token vectors become one: their mean, or the first token's"
    )
    temperature: float = Field(
        0.05, gt=0, le=1, description="cosines are divided by it before the softmax: smaller ones look at the nearest only"
    )
    dropout: float = Field(0.1, ge=0, lt=1)
    epochs: int = Field(1, ge=1, description="passes over the training pairs at most")
    batch_size: BatchSize = Field(32, description="pairs per optimiser step; each pair's answer is wrong for the others")
    learning_rate: float = Field(5e-5, gt=0, description="peak learning rate")

    @property
    def trained(self) -> bool:
        return self.method != "none"

    @model_validator(mode="after")
    def _untrained_takes_no_training(self) -> Self:
        if self.method == "none":
            fields = type(self).model_fields
            stated = [name for name in fields if name not in _OF_UNTRAINED and getattr(self, name) != fields[name].default]
            if stated:
                raise ValueError(f"no {', '.join(stated)} with method: none, for nothing is trained")
        return self


ROUTE = SentenceEncoder
