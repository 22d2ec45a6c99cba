"""`lm-finetune`: start from a causal language model and adapt it: to texts, to conversations, to preferences."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from modelwright.spec.routes.phases import Dialogue, Phased, Preference
from modelwright.spec.routes.route import BatchSize


class LmFinetune(Phased):
    """Go on with any causal language model: all weights, low-rank adapters (Hu et al. 2022, 2106.09685), or adapters over weights that are
    held in four bits (QLoRA; Dettmers et al. 2023, 2305.14314). Adapters are merged at the end."""

    name: ClassVar[str] = "lm-finetune"
    reads: ClassVar[str] = "causal-checkpoint"
    gives: ClassVar[tuple[str, ...]] = ("next-tokens",)
    architecture: ClassVar[str] = "language_checkpoint"
    first: ClassVar[str] = "adapt"

    from_: str = Field(
        "catalogue://smollm2",
        alias="from",
        min_length=1,
        description="catalogue://name, hf://org/name[@revision], run://folder[#route], or a local folder",
    )
    method: Literal["full", "lora", "qlora"] = Field(
        "full",
        description="full: all weights; lora: low-rank adapters; qlora: adapters over weights in four bits, for little memory",
    )
    lora_rank: int = Field(16, ge=1, le=1024, description="rank of the adapters")
    lora_alpha: float = Field(32.0, gt=0, description="adapters are scaled by alpha / rank")
    epochs: int = Field(2, ge=1, description="passes over the training split at most")
    batch_size: BatchSize = Field(16, description="rows of `context` tokens per optimiser step")
    learning_rate: float = Field(2e-4, gt=0, description="peak learning rate; larger models want smaller ones, adapters larger")
    weight_decay: float = Field(0.0, ge=0, description="pulls matrices towards zero, decoupled from the gradient")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the steps in which the rate rises linearly")
    patience: int = Field(2, ge=0, description="evaluations without a better validation score before stopping; 0: never")
    dialogue: Dialogue = Field(Dialogue(learning_rate=2e-4), description="the phase on learn.dialogues, where there are any")
    preference: Preference = Field(
        Preference(learning_rate=1e-5), description="the phase on learn.preferences, where there are any"
    )

    @model_validator(mode="after")
    def _all_weights_are_given(self) -> Self:
        if self.initialiser != "default":
            raise ValueError(f"initialiser left out: every weight comes from {self.from_}")
        unused = [name for name in ("lora_rank", "lora_alpha") if name in self.model_fields_set and self.method == "full"]
        if unused and any(getattr(self, name) != type(self).model_fields[name].default for name in unused):
            raise ValueError(f"{unused[0]} only with method lora or qlora; here it is full")
        return self


ROUTE = LmFinetune
