"""A lean decoder for language models, in the layout of Qwen3 (Yang et al. 2025, 2505.09388) or Llama (Touvron et al. 2023, 2302.13971).

RMSNorm before attention and feed-forward (Zhang & Sennrich 2019, 1910.07467), rotary positions (Su et al. 2021, 2104.09864), groups of
query heads that share keys and values (Ainslie et al. 2023, 2305.13245), SwiGLU (Shazeer 2020, 2002.05202), queries and keys
normalised per head (QK-norm; Henry et al. 2020, 2010.04245). Query, key and value are one matrix multiply, and so are both halves of
SwiGLU. Files keep transformers' names (`decoder_files.py` translates).

A row may hold several documents: the attention mask numbers them from 1 (0: padding), tokens attend only to earlier ones of the same
number, and positions start again with each.

Shapes: b batch, t tokens, w width, h query heads, k key heads, g query heads of a key head (h / k), d width of a head,
f feed-forward width, v vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from modelwright.base.nouns import Sizes
from modelwright.models import by_hand, surprise
from modelwright.spec.routes.decoder import Decoder as DecoderRoute

# In a CPU's training step. Up to this length plain batched multiplies beat torch's fused attention, as in the encoder.
BY_HAND_TOKENS = 512


@dataclass(frozen=True)
class Shape:
    """What the architecture needs to know; the names in comments are those of transformers' config.json."""

    vocabulary: int  # vocab_size
    width: int  # hidden_size
    layers: int  # num_hidden_layers
    heads: int  # num_attention_heads
    key_heads: int  # num_key_value_heads
    head_width: int  # head_dim
    feed_forward: int  # intermediate_size
    context: int  # max_position_embeddings
    base: float = 10_000.0  # rope_theta
    epsilon: float = 1e-6  # rms_norm_eps
    tied: bool = True  # tie_word_embeddings
    norm_heads: bool = True  # Qwen3's q_norm and k_norm
    bias: Literal["none", "query-key-value", "all"] = "none"  # attention_bias; Qwen2 has the second
    begin: int | None = None  # bos_token_id
    end: int | tuple[int, ...] | None = None  # eos_token_id
    padding: int | None = None  # pad_token_id

    @property
    def parameters(self) -> int:
        """Learned numbers, biases left out."""
        attention = self.width * self.head_width * (2 * self.heads + 2 * self.key_heads) + 2 * self.head_width * self.norm_heads
        layer = attention + 3 * self.width * self.feed_forward + 2 * self.width
        return self.layers * layer + self.width + self.vocabulary * self.width * (1 if self.tied else 2)


class Norm(nn.Module):
    """x / √(mean(x²) + ε) · weight over the last axis, the mean in float32."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, values: Tensor) -> Tensor:
        if self.training and values.device.type == "cpu":
            return by_hand.norm(values, self.weight, self.epsilon)
        return scaled(values, self.epsilon) * self.weight


def scaled(values: Tensor, epsilon: float) -> Tensor:
    """To a root mean square of one over the last axis."""
    full = values.float()
    return (full * (full.square().mean(-1, keepdim=True) + epsilon).rsqrt()).to(values.dtype)


@dataclass(frozen=True)
class Places:
    """Where the tokens of a batch stand: rotary turns [b or 1, t, 1, d/2], and which earlier tokens each may see (bool [b, 1, t, t];
    None: all earlier ones). `bias`: the same to be added to scores, where attention is computed by hand."""

    cosine: Tensor
    sine: Tensor
    seen: Tensor | None
    bias: Tensor | None

    @classmethod
    def of(cls, mask_bt: Tensor, packed: bool, shape: Shape, dtype: torch.dtype, hand: bool) -> Places:
        at_t = torch.arange(mask_bt.shape[1], device=mask_bt.device)
        places_bt, seen = at_t[None], None
        if packed:
            first_bt = torch.ones_like(mask_bt, dtype=torch.bool)
            first_bt[:, 1:] = mask_bt[:, 1:] != mask_bt[:, :-1]
            places_bt = at_t - torch.where(first_bt, at_t, 0).cummax(1).values
            seen = ((mask_bt[:, :, None] == mask_bt[:, None, :]) & (at_t[:, None] >= at_t))[:, None]
        half = shape.head_width // 2
        turns = shape.base ** (-torch.arange(half, device=mask_bt.device, dtype=torch.float32) / half)
        angles = (places_bt[..., None] * turns)[:, :, None]
        bias = None
        if hand:
            blind = ~seen if seen is not None else (at_t[:, None] < at_t)[None, None]
            bias = torch.zeros(blind.shape, dtype=dtype).masked_fill_(blind, torch.finfo(dtype).min)
        return cls(angles.cos().to(dtype), angles.sin().to(dtype), seen, bias)


def turned(heads_bthd: Tensor, places: Places) -> Tensor:
    """Rotary positions: each half of a head's width against the other, as transformers pairs them."""
    one, two = heads_bthd.chunk(2, -1)
    return torch.cat([one * places.cosine - two * places.sine, two * places.cosine + one * places.sine], -1)


class Attention(nn.Module):
    """Causal attention with grouped heads."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        heads = shape.heads + 2 * shape.key_heads
        self.query_key_value = nn.Linear(shape.width, heads * shape.head_width, bias=shape.bias != "none")
        self.attended = nn.Linear(shape.heads * shape.head_width, shape.width, bias=shape.bias == "all")
        if shape.norm_heads:
            self.query_norm, self.key_norm = (nn.Parameter(torch.ones(shape.head_width)) for _ in range(2))

    def forward(self, hidden_btw: Tensor, places: Places) -> Tensor:
        shape = self.shape
        b, t, _ = hidden_btw.shape
        h, k = shape.heads, shape.key_heads
        all_bthd = self.query_key_value(hidden_btw).view(b, t, h + 2 * k, shape.head_width)
        weight_hd = None
        if shape.norm_heads:
            weight_hd = torch.cat([self.query_norm.expand(h, -1), self.key_norm.expand(k, -1)])
        if places.bias is not None:
            return self.attended(
                by_hand.attention(all_bthd, weight_hd, places.cosine, places.sine, places.bias, h, k, shape.epsilon)
            )
        turning_bthd, value_btkd = all_bthd.split([h + k, k], 2)
        if weight_hd is not None:
            turning_bthd = scaled(turning_bthd, shape.epsilon) * weight_hd
        query_bthd, key_btkd = turned(turning_bthd, places).split([h, k], 2)
        query_bhtd, key_bktd, value_bktd = (part.transpose(1, 2) for part in (query_bthd, key_btkd, value_btkd))
        mixed_bhtd = functional.scaled_dot_product_attention(
            query_bhtd, key_bktd, value_bktd, places.seen, is_causal=places.seen is None, enable_gqa=h != k
        )
        return self.attended(mixed_bhtd.transpose(1, 2).reshape(b, t, h * shape.head_width))


class Layer(nn.Module):
    """Attention, then SwiGLU; each is added to its input."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention_norm = Norm(shape.width, shape.epsilon)
        self.attention = Attention(shape)
        self.feed_forward_norm = Norm(shape.width, shape.epsilon)
        self.gate_and_up = nn.Linear(shape.width, 2 * shape.feed_forward, bias=False)
        self.down = nn.Linear(shape.feed_forward, shape.width, bias=False)

    def forward(self, hidden_btw: Tensor, places: Places) -> Tensor:
        hidden_btw = hidden_btw + self.attention(self.attention_norm(hidden_btw), places)
        gate_btf, up_btf = self.gate_and_up(self.feed_forward_norm(hidden_btw)).chunk(2, -1)
        return hidden_btw + self.down(functional.silu(gate_btf) * up_btf)


class Decoder(nn.Module):
    """Tokens in, surprise out (see the arguments of `forward`). `shape` stays readable for saving."""

    compiled_parts = "layers"  # see train/compilation.py

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.words = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.width, shape.epsilon)
        self.head = None if shape.tied else nn.Linear(shape.width, shape.vocabulary, bias=False)

    @property
    def table(self) -> Tensor:
        """[v, w]: what the last hidden vectors are compared with."""
        return self.words.weight if self.head is None else self.head.weight

    def hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The last hidden vectors [b, t, w]."""
        # rows that are not packed need no mask: padding comes last, and nothing before it can see it
        packed = torch.compiler.is_compiling() or bool((attention_mask > 1).any())
        hidden_btw = self.words(input_ids)
        hand = self.training and hidden_btw.device.type == "cpu" and hidden_btw.shape[1] <= BY_HAND_TOKENS
        places = Places.of(attention_mask, packed, self.shape, hidden_btw.dtype, hand)
        for layer in self.layers:
            hidden_btw = layer(hidden_btw, places)
        return self.norm(hidden_btw)

    def logits(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Of the token after each, [b, t, v]."""
        return functional.linear(self.hidden(input_ids, attention_mask), self.table)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """
        Args:
            input_ids: int64 [b, t].
            attention_mask: int64 [b, t]: number of each token's document in its row, from 1; 0 padding, at the end.
            labels: int64 [b, t]: the same ids, −100 where nothing is learned. A token is foretold by the one before it.

        Returns:
            With labels "values" [b]: each row's loss, scaled so that the mean over rows is the mean over learned tokens (nat).
            Without, "surprise" [b, t]: −log p of each token in nats, 0 for a document's first and on padding.
        """
        hidden_btw = self.hidden(input_ids, attention_mask)
        if labels is None:
            return {"surprise": surprise.surprise(hidden_btw, self.table, input_ids, attention_mask)}
        return {"values": surprise.learned(hidden_btw, self.table, labels, attention_mask)}

    def initialise(self) -> None:
        """Normal with variance 1 / fan-in (LeCun et al. 1998); what is added to the hidden vectors smaller by √(2 · layers), so that
        their size does not grow with depth (Radford et al. 2019, GPT-2); the table with deviation 0.02."""
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear):
                share = 2 * self.shape.layers if name.endswith(("attended", "down")) else 1
                nn.init.normal_(module.weight, std=1 / math.sqrt(module.in_features * share))
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)


def build(settings: DecoderRoute, sizes: Sizes, checkpoint: Path | None) -> Decoder:
    """From random weights, in the shape that the route's size gives for this vocabulary."""
    decoder = Decoder(shape(settings, sizes))
    decoder.initialise()
    return decoder


def shape(settings: DecoderRoute, sizes: Sizes) -> Shape:
    """The sizes of the layers; what the project leaves open follows from `size` (see `spec/routes/decoder_dial.py`)."""
    body = settings.body(sizes["vocabulary"])
    return Shape(
        vocabulary=sizes["vocabulary"],
        width=body.width,
        layers=body.layers,
        heads=body.heads,
        key_heads=body.key_heads,
        head_width=body.head_width,
        feed_forward=body.feed_forward,
        context=sizes["context"],
        base=settings.rotary_base,
        tied=settings.tied,
        norm_heads=settings.norm_heads,
        begin=sizes["begin"],
        end=sizes["end"],
        padding=sizes["padding"],
    )


def write(module: Decoder, folder: Path) -> dict[str, Any]:
    """See `decoder_files.write_decoder`."""
    from modelwright.models.decoder_files import write_decoder

    return write_decoder(module, folder)


def read(settings: DecoderRoute, sizes: Sizes, folder: Path) -> Decoder:
    from modelwright.models.decoder_files import read_decoder

    return read_decoder(folder)
