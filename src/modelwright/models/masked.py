"""Our encoder with BERT's two heads: the token behind each mask, and whether two passages belong together (Devlin et al. 2019).

Only hidden tokens go through the output matrix, which is the word embeddings' own: 15 % of the largest multiplication of a small
model. Files are those of BertForPreTraining (without pairs: BertForMaskedLM), so that transformers loads them unchanged.

Shapes: b batch, t tokens, m masks (padded), w width, v vocabulary, c chosen tokens of the whole batch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from modelwright.base.nouns import Sizes
from modelwright.models import names
from modelwright.models.activations import activation
from modelwright.models.dropout import Dropout
from modelwright.models.encoder import HIDDEN_ACTIVATIONS, Encoder, shape_of
from modelwright.spec.routes.bert import Bert

_PAIRS = 2  # answers of the second head: it follows, it comes from elsewhere
_HEADS = {  # ours → BertForPreTraining's
    "transform": "cls.predictions.transform.dense",
    "transform_norm": "cls.predictions.transform.LayerNorm",
    "pooled": "bert.pooler.dense",
    "pair": "cls.seq_relationship",
}
_BIAS = "cls.predictions.bias"


class Masked(nn.Module):
    """Encoder and heads. Its forward is what ONNX sees.

    Args:
        encoder: with its weights.
        pairs: whether it has the second head.
    """

    def __init__(self, encoder: Encoder, pairs: bool, dropout: float) -> None:
        super().__init__()
        width, shape = encoder.shape.width, encoder.shape
        self.encoder, self.pairs = encoder, pairs
        self.transform, self.transform_norm = nn.Linear(width, width), nn.LayerNorm(width, eps=shape.epsilon)
        self.activation = activation(HIDDEN_ACTIVATIONS[shape.activation])
        self.bias = nn.Parameter(torch.zeros(shape.vocabulary))
        if pairs:
            self.pooled, self.pair = nn.Linear(width, width), nn.Linear(width, _PAIRS)
            self.dropout = Dropout(dropout)

    def forward(
        self,
        token_ids: Tensor,
        mask: Tensor,
        types: Tensor,
        places: Tensor,
        sought: Tensor,
        asked: Tensor | None = None,
        apart: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Answers; or the loss, if `asked` is not given.

        Args:
            token_ids, mask, types: [b, t].
            places: [b, m], where tokens are hidden.
            sought: [b, m], what stands there; -1 where nobody knows, and as padding.
            asked: [b, 3], passed through for whoever reads the answer.
            apart: [b], 1 where the second passage comes from elsewhere, 0 where it follows, -1 where nothing is asked.

        Returns:
            "values" [b], whose mean over the batch is the mean loss of the hidden tokens plus that of the pairs; or "logits"
            [b, m, v], "truth" and "asked_for" as given, and with pairs "follows" [b, 2]: it follows, it does not.
        """
        hidden_btw = self.encoder(token_ids, mask, types)
        if asked is not None:
            chosen_bmw = hidden_btw.gather(1, places[:, :, None].expand(-1, -1, hidden_btw.shape[2]))
            found = {"logits": self._tokens(chosen_bmw), "truth": sought + 0, "asked_for": asked + 0}
            return {**found, "follows": self._pairs(hidden_btw)} if self.pairs else found
        learned_bm = sought >= 0
        rows_c = learned_bm.nonzero()[:, 0]
        logits_cv = self._tokens(hidden_btw[rows_c, places[learned_bm]])
        losses_c = functional.cross_entropy(logits_cv.float(), sought[learned_bm], reduction="none")
        batch = len(token_ids)
        values_b = losses_c.new_zeros(batch).index_add(0, rows_c, losses_c) * (batch / max(1, len(losses_c)))
        if not self.pairs or apart is None:
            return {"values": values_b}
        told_b = apart >= 0
        errors_b = functional.cross_entropy(self._pairs(hidden_btw).float(), apart.clamp_min(0), reduction="none") * told_b
        return {"values": values_b + errors_b * (batch / told_b.sum().clamp_min(1))}

    def _tokens(self, hidden: Tensor) -> Tensor:
        """[…, w] → [… , v]."""
        transformed = self.transform_norm(self.activation(self.transform(hidden)))
        return functional.linear(transformed, self.encoder.embeddings.words.weight, self.bias)

    def _pairs(self, hidden_btw: Tensor) -> Tensor:
        return self.pair(self.dropout(torch.tanh(self.pooled(hidden_btw[:, 0]))))

    def initialise(self) -> None:
        """Random start for narrow encoders that learn for minutes.

        BERT's deviation of 0.02 is about half of 1/√width at its width of 768. At a width of 128 what attention gathers would be
        a hundredth of what it is added to, and nothing of a text's subject would reach its masks for thousands of steps. So
        matrices start at 1/√width (LeCun et al. 1998), and words far enough from each other to outweigh where they stand.
        """
        self.encoder.initialise()
        width = self.encoder.shape.width
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=module.in_features**-0.5)
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.encoder.embeddings.words.weight, std=width**-0.5)


def build(settings: Bert, sizes: Sizes, checkpoint: Path | None) -> Masked:
    """From random weights."""
    shape = shape_of(settings, sizes, settings.max_tokens)
    module = Masked(Encoder(shape, settings.dropout), bool(sizes["pairs"]), settings.dropout)
    module.initialise()
    return module


def write(module: Masked, folder: Path) -> dict[str, Any]:
    """Weights under the names of BertForPreTraining; returns what config.json must hold."""
    shape = module.encoder.shape
    weights = {f"bert.{name}": weight for name, weight in names.to_bert(module.encoder.state_dict(), shape.layers).items()}
    for ours, theirs in _HEADS.items():
        if (layer := getattr(module, ours, None)) is not None:
            weights |= {f"{theirs}.weight": layer.weight, f"{theirs}.bias": layer.bias}
    names.write_weights({**weights, _BIAS: module.bias}, folder / names.WEIGHTS)
    kind = "BertForPreTraining" if module.pairs else "BertForMaskedLM"
    return {**names.bert_config(module.encoder), "architectures": [kind], "tie_word_embeddings": True}


def read(settings: Bert, sizes: Sizes, folder: Path) -> Masked:
    """What `write` wrote.

    Raises:
        ReleaseError: files are missing or damaged, or weights don't fit.
    """
    module = Masked(names.read_bert(folder, settings.dropout), bool(sizes["pairs"]), settings.dropout)
    weights = names.read_weights(folder / names.WEIGHTS)
    heads = {
        f"{ours}.{kind}": f"{theirs}.{kind}"
        for ours, theirs in _HEADS.items()
        for kind in ("weight", "bias")
        if hasattr(module, ours)
    }
    try:
        found = {ours: weights[theirs] for ours, theirs in {**heads, "bias": _BIAS}.items()}
        module.load_state_dict({**found, **{f"encoder.{name}": value for name, value in module.encoder.state_dict().items()}})
    except (KeyError, RuntimeError) as error:
        raise names.damaged(folder, error) from error
    return module
