"""A lean transformer encoder in BERT's layout (Devlin et al. 2019, 1810.04805).

Query, key and value are one matrix multiply. Files keep BertModel's names (`names.py` translates), so that a checkpoint
loads in transformers unchanged and the other way round. Unlike BertModel there is no pooler, and attention weights
themselves are not dropped out: it costs a third of a step on a CPU and buys nothing measurable on fine-tuning.

Shapes: b batch, t tokens, h heads, d width of a head, w width (h · d), f feed-forward width, c classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from modelwright.base.nouns import Sizes
from modelwright.models import pooling
from modelwright.models.activations import activation
from modelwright.models.dropout import Dropout
from modelwright.spec.attention import BertLayout
from modelwright.spec.routes.encoder import Encoder as EncoderRoute
from modelwright.spec.routes.route import Activation

# Torch's fused attention on a CPU is right for inference, but its bfloat16 backward is 3.5 times slower than two plain
# batched multiplies up to this length (35 against 10 ms for 16 × 128 tokens, 12 heads); beyond it, memory decides.
PLAIN_ATTENTION_TOKENS = 512


@dataclass(frozen=True)
class Shape:
    """What the architecture needs to know; the names in comments are those of BERT's config.json."""

    vocabulary: int  # vocab_size
    positions: int  # max_position_embeddings
    width: int  # hidden_size
    feed_forward: int  # intermediate_size
    layers: int  # num_hidden_layers
    heads: int  # num_attention_heads
    types: int = 2  # type_vocab_size
    padding: int = 0  # pad_token_id
    epsilon: float = 1e-12  # layer_norm_eps
    activation: str = "gelu"  # hidden_act


# by the names in BERT's config.json; of several for the same, the first is the one that is written
HIDDEN_ACTIVATIONS: Mapping[str, Activation] = {
    "gelu": "gelu",
    "gelu_new": "gelu-tanh",
    "gelu_pytorch_tanh": "gelu-tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
    "mish": "mish",
    "tanh": "tanh",
}


class Embeddings(nn.Module):
    """Word + position + token type (0 everywhere unless types are given: one text per row), then norm."""

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        self.words = nn.Embedding(shape.vocabulary, shape.width)
        self.positions = nn.Embedding(shape.positions, shape.width)
        self.types = nn.Embedding(shape.types, shape.width)
        self.norm = nn.LayerNorm(shape.width, eps=shape.epsilon)
        self.dropout = Dropout(dropout)

    def forward(self, token_ids_bt: Tensor, types_bt: Tensor | None = None) -> Tensor:
        places_tw = self.positions.weight[: token_ids_bt.shape[1]]
        # one type everywhere is added before the batch is there
        added = places_tw + (self.types.weight[0] if types_bt is None else self.types(types_bt))
        return self.dropout(self.norm(self.words(token_ids_bt) + added))


class Layer(nn.Module):
    """Attention and feed-forward, each followed by residual and norm (post-norm, as BERT)."""

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        self.heads = shape.heads
        self.query_key_value = nn.Linear(shape.width, 3 * shape.width)
        self.attended = nn.Linear(shape.width, shape.width)
        self.attended_norm = nn.LayerNorm(shape.width, eps=shape.epsilon)
        self.widen = nn.Linear(shape.width, shape.feed_forward)
        self.activation = activation(HIDDEN_ACTIVATIONS[shape.activation])
        self.narrow = nn.Linear(shape.feed_forward, shape.width)
        self.narrow_norm = nn.LayerNorm(shape.width, eps=shape.epsilon)
        self.dropout = Dropout(dropout)

    def forward(self, hidden_btw: Tensor, bias_b11t: Tensor | None) -> Tensor:
        b, t, w = hidden_btw.shape
        qkv = self.query_key_value(hidden_btw).view(b, t, 3, self.heads, w // self.heads)
        query_bhtd, key_bhtd, value_bhtd = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        if self.training and t <= PLAIN_ATTENTION_TOKENS and hidden_btw.device.type == "cpu":
            # scaling the query costs a fraction of scaling the scores
            scores_bhtt = (query_bhtd * (1 / math.sqrt(w // self.heads))) @ key_bhtd.transpose(-1, -2)
            mixed_bhtd = (scores_bhtt if bias_b11t is None else scores_bhtt + bias_b11t).softmax(-1) @ value_bhtd
        else:
            mixed_bhtd = functional.scaled_dot_product_attention(query_bhtd, key_bhtd, value_bhtd, attn_mask=bias_b11t)
        mixed_btw = mixed_bhtd.transpose(1, 2).reshape(b, t, w)
        hidden_btw = self.attended_norm(hidden_btw + self.dropout(self.attended(mixed_btw)))
        return self.narrow_norm(hidden_btw + self.dropout(self.narrow(self.activation(self.widen(hidden_btw)))))


class Encoder(nn.Module):
    """Tokens in, one vector per token out. `shape` stays readable for saving."""

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        self.shape = shape
        self.embeddings = Embeddings(shape, dropout)
        self.layers = nn.ModuleList(Layer(shape, dropout) for _ in range(shape.layers))

    def forward(self, token_ids_bt: Tensor, mask_bt: Tensor, types_bt: Tensor | None = None) -> Tensor:
        hidden_btw = self.embeddings(token_ids_bt, types_bt)
        bias_b11t = None
        if not (
            self.training and not torch.compiler.is_compiling() and bool(mask_bt.all())
        ):  # length buckets make many batches without any padding
            bias_b11t = (mask_bt[:, None, None, :] == 0).to(hidden_btw.dtype) * torch.finfo(hidden_btw.dtype).min
        for layer in self.layers:
            hidden_btw = layer(hidden_btw, bias_b11t)
        return hidden_btw

    def initialise(self) -> None:
        """BERT's random start: normal with deviation 0.02, norms at one, biases at zero."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)


class TextClassifier(nn.Module):
    """Encoder, pooling, dropout, linear head. Its forward is what ONNX sees.

    Args:
        backbone: (token_ids [b, t] int64, mask [b, t]) → hidden [b, t, w].
        width: w.
        classes: c.
        how: pooling.
        dropout: before the head.
    """

    vocabulary_table = "backbone.embeddings.words"

    def __init__(self, backbone: nn.Module, width: int, classes: int, how: pooling.Pooling, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.how = how
        self.dropout = Dropout(dropout)
        self.head = nn.Linear(width, classes)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, token_ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        hidden_btw = self.backbone(token_ids, mask)
        return {"logits": self.head(self.dropout(pooling.pool(hidden_btw, mask, self.how)))}


def shape_of(settings: BertLayout, sizes: Sizes, positions: int) -> Shape:
    """An encoder's shape by a route's settings."""
    return Shape(
        vocabulary=sizes["vocabulary"],
        positions=positions,
        width=settings.width,
        feed_forward=4 * settings.width,
        layers=settings.layers,
        heads=settings.heads,
        padding=sizes["padding"],
        activation=next(name for name, ours in HIDDEN_ACTIVATIONS.items() if ours == settings.activation),
    )


def build(settings: EncoderRoute, sizes: Sizes, checkpoint: Path | None) -> TextClassifier:
    """From random weights; `width` must be a multiple of `heads`."""
    encoder = Encoder(shape_of(settings, sizes, settings.max_tokens), settings.dropout)
    encoder.initialise()
    return TextClassifier(encoder, settings.width, sizes["classes"], "mean", settings.dropout)


def write(module: TextClassifier, folder: Path) -> dict[str, Any]:
    """See `names.write_bert`."""
    from modelwright.models.names import write_bert

    assert isinstance(module.backbone, Encoder)
    return write_bert(module.backbone, module.head, folder)


def read(settings: EncoderRoute, sizes: Sizes, folder: Path) -> TextClassifier:
    from modelwright.models.names import read_bert, read_head

    encoder = read_bert(folder, settings.dropout)
    module = TextClassifier(encoder, encoder.shape.width, sizes["classes"], "mean", settings.dropout)
    read_head(module.head, folder)
    return module
