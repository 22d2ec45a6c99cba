"""`decoder`: a language model of one's own, from random weights."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

from pydantic import Field, field_validator, model_validator

from modelwright.base.nouns import Sizes
from modelwright.spec.routes import decoder_dial as dial
from modelwright.spec.routes.decoder_dial import Derived
from modelwright.spec.routes.phases import Phased
from modelwright.spec.routes.route import BatchSize, Beta, Optimizer, Schedule


class Decoder(Phased):
    """Causal language model with RMSNorm, rotary positions, grouped heads, SwiGLU and normalised queries and keys. Its checkpoint is a
    Qwen3 (without `norm_heads` a Llama) for every library that knows these."""

    name: ClassVar[str] = "decoder"
    reads: ClassVar[str] = "byte-pairs"
    gives: ClassVar[tuple[str, ...]] = ("next-tokens",)
    architecture: ClassVar[str] = "decoder"

    size: str = Field(
        "6M", description="the one dial: parameters wanted, embeddings included; whatever is left open below follows from it"
    )
    width: int | None = Field(None, ge=16, le=16_384, description="hidden size; default: from size")
    layers: int | None = Field(None, ge=1, le=200, description="default: from size")
    heads: int | None = Field(None, ge=1, le=256, description="query heads; default: 64 wide each")
    key_heads: int | None = Field(None, ge=1, le=256, description="heads of keys and values, each shared by several queries'")
    head_width: int | None = Field(
        None, ge=2, le=512, multiple_of=16, description="width of a head; default: width / heads, to a multiple of 16"
    )
    feed_forward: int | None = Field(None, ge=16, description="inner width of SwiGLU; default: 8/3 of width")
    tied: bool = Field(True, description="the output layer is the embedding table")
    norm_heads: bool = Field(True, description="normalise queries and keys per head (QK-norm): training stays calm at high rates")
    rotary_base: float = Field(10_000.0, gt=1, description="base of rotary positions; larger for long contexts")
    horizon: int | None = Field(
        None, ge=1, description="tokens to train on; default: 20 per parameter, at most four passes over the corpus"
    )
    epochs: int | None = Field(None, ge=1, description="passes over the corpus at most; default: from horizon")  # type: ignore[assignment]
    batch_size: BatchSize | None = Field(None, description="rows of `context` tokens per step; default: from horizon")  # type: ignore[assignment]
    learning_rate: float | None = Field(None, gt=0, description="peak learning rate; default: from size and horizon")  # type: ignore[assignment]
    optimizer: Optimizer = Field("muon", description="how gradients become steps")
    momentum: float = Field(0.9, ge=0, lt=1, description="for sgd and muon; 0: plain gradient descent")
    betas: tuple[Beta, Beta] = Field(
        (0.9, 0.95), description="for adam, adamw, muon: how much of the gradient's mean and mean square is kept each step"
    )
    weight_decay: float = Field(0.1, ge=0, description="pulls matrices towards zero, decoupled from the gradient")
    schedule: Schedule = Field("warmup-stable-decay", description="how the rate falls after warm-up")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the steps in which the rate rises linearly")
    decay_share: float = Field(0.4, gt=0, le=1, description="for warmup-stable-decay: share of the steps in which the rate falls")
    patience: int = Field(0, ge=0, description="evaluations without a better validation score before stopping; 0: never")

    @field_validator("size")
    @classmethod
    def _is_a_number(cls, size: str) -> str:
        dial.parameters(size)
        return size

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.heads and self.key_heads and self.heads % self.key_heads:
            raise ValueError(f"heads ({self.heads}) that are a multiple of key_heads ({self.key_heads})")
        return self

    def body(self, vocabulary: int) -> dial.Body:
        """The model's sizes for a vocabulary; what the project sets is kept."""
        tables = 1 if self.tied else 2
        found = dial.nearest(dial.parameters(self.size), vocabulary, tables, self.width, self.layers)
        heads = self.heads or found.heads
        return replace(
            found,
            heads=heads,
            key_heads=self.key_heads or dial.key_heads_of(heads),
            head_width=self.head_width or dial.head_width_of(found.width, heads),
            feed_forward=self.feed_forward or found.feed_forward,
        )

    def settled(self, sizes: Sizes, tokens: int) -> Self:
        values = {reason.name: reason.value for reason in derived(self, sizes, tokens)}
        return self.model_copy(update={name: value for name, value in values.items() if getattr(self, name) is None})

    def reasons(self, sizes: Sizes, tokens: int) -> list[Derived]:
        return derived(self, sizes, tokens)


def derived(settings: Decoder, sizes: Sizes, tokens: int) -> list[Derived]:
    """Every value that the dial decides, with its reason in words.

    Args:
        sizes: of the task: "vocabulary" and "context".
        tokens: in the training split; 0: not known yet, the corpus is then taken to be large enough.
    """
    body = settings.body(sizes["vocabulary"])
    goal = settings.horizon or dial.horizon(body.whole, tokens)
    batch = settings.batch_size if isinstance(settings.batch_size, int) else dial.batch_rows(goal, sizes["context"])
    epochs = max(1, -(-goal // tokens)) if tokens else 1
    found = (
        Derived("width", body.width, dial.why_width(body, settings.size)),
        Derived("layers", body.layers, dial.why_layers(body)),
        Derived("heads", body.heads, f"{body.head_width} wide each"),
        Derived("key_heads", body.key_heads, dial.WHY_KEY_HEADS),
        Derived("head_width", body.head_width, dial.WHY_HEAD_WIDTH),
        Derived("feed_forward", body.feed_forward, dial.WHY_FEED_FORWARD),
        Derived("horizon", goal, dial.why_horizon(body, tokens)),
        Derived("epochs", epochs, f"{goal:,} tokens of the horizon / {tokens:,} of the corpus"),
        Derived("batch_size", batch, dial.WHY_BATCH),
        Derived(
            "learning_rate",
            dial.rate(body.inside, goal, settings.optimizer),
            dial.WHY_MUON if settings.optimizer == "muon" else dial.WHY_RATE,
        ),
    )
    return [_kept(settings, one) for one in found]


def _kept(settings: Decoder, one: Derived) -> Derived:
    given = getattr(settings, one.name)
    return one if given is None else Derived(one.name, given, "set in the project")


ROUTE = Decoder
