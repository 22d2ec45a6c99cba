"""LSTM language model (Mikolov et al. 2010; dropout between layers only: Zaremba et al. 2014, 1409.2329), its output layer tied to its
embeddings (Press & Wolf 2017, 1608.05859).

An LSTM can't look away from what came before. Where a row holds several documents, each document's tokens are first moved to a row of
their own, so that no state crosses a border.

Shapes: b batch, t tokens, w width, v vocabulary, s documents.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from modelwright.base.nouns import Sizes
from modelwright.models import surprise
from modelwright.models.dropout import Dropout
from modelwright.models.initialise import open_gates
from modelwright.spec.routes.rnn_lm import RecurrentLanguage as RecurrentLanguageRoute


class RecurrentLanguage(nn.Module):
    """Tokens in; see `decoder.Decoder.forward` for what comes out.

    Args:
        settings: of the route.
        sizes: vocabulary.
    """

    # as the bilstm: oneDNN has a kernel where the hardware has bfloat16, torch's own is far slower
    bfloat16_needs = ("amx_bf16", "avx512_bf16")

    def __init__(self, settings: RecurrentLanguageRoute, sizes: Sizes) -> None:
        super().__init__()
        width = settings.width
        self.words = nn.Embedding(sizes["vocabulary"], width)
        lstms = [nn.LSTM(width, width, batch_first=True) for _ in range(settings.layers)]
        self.lstms = nn.ModuleList(lstms)
        self.mix = nn.Linear(width, width)  # between state and table, which the tie makes one space
        self.dropout = Dropout(settings.dropout)
        nn.init.normal_(self.words.weight, std=0.05)  # small, so that the first loss is log v
        for lstm in lstms:
            open_gates(lstm)

    def hidden(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Vectors [b, t, w] that are compared with the table."""
        hidden_btw = self.dropout(self.words(input_ids))
        # exported graphs are asked of single documents only
        if not torch.jit.is_tracing() and bool((attention_mask > 1).any()):
            return self.mix(by_document(hidden_btw, attention_mask, self._read))
        return self.mix(self._read(hidden_btw))

    def _read(self, hidden_btw: Tensor) -> Tensor:
        for lstm in self.lstms:
            hidden_btw = self.dropout(lstm(hidden_btw)[0])
        return hidden_btw

    def logits(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Of the token after each, [b, t, v]."""
        return functional.linear(self.hidden(input_ids, attention_mask), self.words.weight)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        hidden_btw = self.hidden(input_ids, attention_mask)
        if labels is None:
            return {"surprise": surprise.surprise(hidden_btw, self.words.weight, input_ids, attention_mask)}
        return {"values": surprise.learned(hidden_btw, self.words.weight, labels, attention_mask)}


def by_document(values_btw: Tensor, mask_bt: Tensor, read: Callable[[Tensor], Tensor]) -> Tensor:
    """`read` each stretch of equal mask from its own beginning, as rows of a batch; results are put back in their places."""
    first_bt = torch.ones_like(mask_bt, dtype=torch.bool)
    first_bt[:, 1:] = mask_bt[:, 1:] != mask_bt[:, :-1]
    document_n = first_bt.flatten().cumsum(0) - 1
    places_n = torch.arange(len(document_n), device=mask_bt.device)
    step_n = places_n - places_n[first_bt.flatten()][document_n]
    flat = values_btw.reshape(-1, values_btw.shape[-1])
    apart_stw = flat.new_zeros(int(document_n[-1]) + 1, int(step_n.max()) + 1, flat.shape[1])
    apart_stw = apart_stw.index_put((document_n, step_n), flat)
    return read(apart_stw)[document_n, step_n].view(values_btw.shape)


def build(settings: RecurrentLanguageRoute, sizes: Sizes, checkpoint: Path | None) -> RecurrentLanguage:
    """From random weights."""
    return RecurrentLanguage(settings, sizes)
