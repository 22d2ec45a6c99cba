"""Bidirectional LSTM (Hochreiter & Schmidhuber 1997; Graves & Schmidhuber 2005) with mean and max pooling over real tokens.

Each direction is its own LSTM, and the backward one reads a copy whose *real* tokens are reversed in place (padding stays at
the end). So padding never reaches a state that counts, a row answers the same alone and in a batch, and the exported graph
needs no packed sequences.

Shapes: b batch, t tokens, w width, c classes.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from modelwright.base.nouns import Sizes
from modelwright.models import pooling
from modelwright.models.dropout import Dropout
from modelwright.models.initialise import open_gates
from modelwright.spec.routes.bilstm import BiLSTM as BiLSTMRoute


class BiLSTM(nn.Module):
    """Word pieces in, logits out.

    Args:
        settings: of the route.
        sizes: vocabulary, classes, padding.
    """

    # oneDNN's LSTM trains 1.7 times faster in bfloat16 where it has a kernel for it; elsewhere torch's own takes 15 times longer
    bfloat16_needs = ("amx_bf16", "avx512_bf16")

    def __init__(self, settings: BiLSTMRoute, sizes: Sizes) -> None:
        super().__init__()
        width = settings.width
        self.words = nn.Embedding(sizes["vocabulary"], width, padding_idx=sizes["padding"])
        inputs = [width] + [2 * width] * (settings.layers - 1)
        self.forwards = nn.ModuleList(nn.LSTM(size, width, batch_first=True) for size in inputs)
        self.backwards = nn.ModuleList(nn.LSTM(size, width, batch_first=True) for size in inputs)
        self.dropout = Dropout(settings.dropout)
        self.head = nn.Linear(4 * width, sizes["classes"])
        nn.init.normal_(self.words.weight, std=0.1)
        for lstm in (*self.forwards, *self.backwards):
            open_gates(lstm)

    def forward(self, token_ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        hidden_btw = self.dropout(self.words(token_ids))
        places_t = torch.arange(token_ids.shape[1], device=token_ids.device)
        lengths_b1 = mask.sum(1, keepdim=True)
        mirrored_bt = torch.where(places_t < lengths_b1, lengths_b1 - 1 - places_t, places_t)
        for forwards, backwards in zip(self.forwards, self.backwards, strict=True):
            ahead_btw, _ = forwards(hidden_btw)
            back_btw, _ = backwards(_reorder(hidden_btw, mirrored_bt))
            hidden_btw = self.dropout(torch.cat([ahead_btw, _reorder(back_btw, mirrored_bt)], dim=2))
        both_b2 = torch.cat([pooling.mean(hidden_btw, mask), pooling.largest(hidden_btw, mask)], dim=1)
        return {"logits": self.head(both_b2)}


def _reorder(hidden_btw: Tensor, places_bt: Tensor) -> Tensor:
    return hidden_btw.gather(1, places_bt[:, :, None].expand(-1, -1, hidden_btw.shape[2]))


def build(settings: BiLSTMRoute, sizes: Sizes, checkpoint: Path | None) -> BiLSTM:
    """From random weights."""
    return BiLSTM(settings, sizes)
