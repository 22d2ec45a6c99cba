"""Transformer shapes, and parameters counted from them, exactly.

Dense and mixture-of-experts layers; multi-head, grouped-query and multi-head latent attention (DeepSeek-V2, 2405.04434).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from modelwright.base.errors import SpecError
from modelwright.venture.tables import table


@dataclass(frozen=True)
class Shape:
    """A transformer's dimensions.

    Args:
        layers, width, heads: of the residual stream; width is the hidden size.
        feed_forward: hidden size of a dense feed-forward block.
        vocabulary: rows of the token embedding.
        kv_heads: key and value heads; 0: as many as heads.
        head_width: of one head; 0: width / heads.
        positions, segments: rows of learned position and segment embeddings.
        gated: three matrices a feed-forward block (SwiGLU) instead of two.
        bias: biases on linear layers, and norms with a shift (LayerNorm instead of RMSNorm).
        tied: the output head is the embedding.
        head, pooler, final_norm, embedding_norm: whether the model has them.
        experts, active_experts, shared_experts, expert_feed_forward, expert_bias: mixture of experts; `dense_layers`
            layers come before it. The bias balances the router.
        latent, query_rank, rope_width: latent attention: width of the compressed keys and values, of the compressed query
            (0: none), and of the shared rotary key; `head_width` is then that of the part without position, and of values.

    Raises:
        SpecError: dimensions that contradict each other.
    """

    layers: int
    width: int
    heads: int
    feed_forward: int
    vocabulary: int
    kv_heads: int = 0
    head_width: int = 0
    positions: int = 0
    segments: int = 0
    gated: bool = True
    bias: bool = False
    tied: bool = False
    head: bool = True
    pooler: bool = False
    final_norm: bool = True
    embedding_norm: bool = False
    experts: int = 0
    active_experts: int = 0
    shared_experts: int = 0
    expert_feed_forward: int = 0
    expert_bias: bool = False
    dense_layers: int = 0
    latent: int = 0
    query_rank: int = 0
    rope_width: int = 0

    def __post_init__(self) -> None:
        if not self.head_width and self.width % self.heads:
            self._refuse(f"width {self.width} is not a multiple of heads {self.heads}", "a width that the heads divide")
        if self.heads % self.key_heads:
            self._refuse(f"{self.heads} heads share {self.key_heads} key heads", "key heads that divide the heads")
        if not 0 <= self.active_experts <= self.experts:
            self._refuse(f"{self.active_experts} of {self.experts} experts are active", "at most all of them")

    def _refuse(self, came: str, expected: str) -> None:
        raise SpecError(came, expected=expected, where="model shape", remedy="Compare with the model's config.json.")

    @property
    def key_heads(self) -> int:
        return self.kv_heads or self.heads

    @property
    def each_head(self) -> int:
        """Width of one head's values."""
        return self.head_width or self.width // self.heads

    @property
    def query_width(self) -> int:
        """Width of one head's queries and keys."""
        return self.each_head + self.rope_width

    @property
    def parameters(self) -> int:
        """All parameters: what memory holds."""
        return self._outside() + self._layers(self.experts)

    @property
    def active_parameters(self) -> int:
        """Parameters that one token passes: what compute and decoding bandwidth count."""
        return self._outside() + self._layers(self.active_experts)

    @property
    def multiplied_parameters(self) -> int:
        """Weights of the matrix products of one token, output head included; no table look-ups, biases or norms."""
        experts = (self.active_experts + self.shared_experts) * self._block(self.expert_feed_forward, bias=False)
        sparse = experts + self.experts * self.width
        dense = self._block(self.feed_forward, bias=False)
        count = self.layers * self._attention(bias=False)
        count += self._dense_layers * dense + (self.layers - self._dense_layers) * sparse
        return count + (self.vocabulary * self.width if self.head else 0) + (self.width**2 if self.pooler else 0)

    @property
    def _dense_layers(self) -> int:
        return self.dense_layers if self.experts else self.layers

    @property
    def _norm(self) -> int:
        return self.width * (2 if self.bias else 1)

    def _outside(self) -> int:
        embeddings = (self.vocabulary + self.positions + self.segments) * self.width
        head = self.vocabulary * self.width if self.head and not self.tied else 0
        pooler = self.width**2 + self.width if self.pooler else 0
        return embeddings + head + pooler + self._norm * (self.final_norm + self.embedding_norm)

    def _layers(self, experts: int) -> int:
        every = self._attention(self.bias) + 2 * self._norm
        router = self.experts * (self.width + self.expert_bias)
        sparse = (experts + self.shared_experts) * self._block(self.expert_feed_forward, self.bias) + router
        dense = self._block(self.feed_forward, self.bias)
        return self.layers * every + self._dense_layers * dense + (self.layers - self._dense_layers) * sparse

    def _block(self, hidden: int, bias: bool) -> int:
        matrices = 3 if self.gated else 2
        return matrices * self.width * hidden + (((matrices - 1) * hidden + self.width) if bias else 0)

    def _attention(self, bias: bool) -> int:
        if self.latent:
            return self._latent_attention()
        inner, key = self.heads * self.each_head, self.key_heads * self.each_head
        biases = inner + 2 * key + self.width if bias else 0
        return self.width * inner + 2 * self.width * key + inner * self.width + biases

    def _latent_attention(self) -> int:
        inner = self.heads * self.query_width
        if self.query_rank:
            query = self.width * self.query_rank + self.query_rank + self.query_rank * inner
        else:
            query = self.width * inner
        keys = self.width * (self.latent + self.rope_width) + self.latent + self.latent * self.heads * 2 * self.each_head
        return query + keys + self.heads * self.each_head * self.width


def typical(parameters: float) -> Shape:
    """A plain transformer of about so many parameters where only the number is known: 128 channels of width per layer,
    heads of 128, feed-forward 4 × the width, every head with keys of its own. For activations and caches, which no number of
    parameters gives."""
    width = max(128, round((128 * parameters / 12) ** (1 / 3) / 128) * 128)
    return Shape(
        max(1, round(parameters / (12 * width**2))), width, width // 128, 4 * width, 0, gated=False, head=False, final_norm=False
    )


def published(name: str) -> Shape:
    """The shape of a published model.

    Raises:
        SpecError: it is not in the table.
    """
    entries = table("architectures")
    if name not in entries:
        raise SpecError(
            f"the shape of {name!r} is not known",
            expected=f"one of: {', '.join(entries)}",
            where="model shape",
            remedy="Give layers, width, heads, feed_forward and vocabulary from its config.json.",
        )
    kinds = {field.name: field.type for field in fields(Shape)}
    numbers: dict[str, Any] = {
        key: bool(value) if kinds[key] == "bool" else int(value) for key, value in entries[name].more.items()
    }
    return Shape(**numbers)
