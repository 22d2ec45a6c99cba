"""Convolutions of several widths over word embeddings, max pooling over time (Kim 2014, 1408.5882).

Rows shorter than the widest kernel are filled up, and positions past a row's end never win the pooling, so that a row answers
the same alone and in a batch.

Shapes: b batch, t tokens, w width, k channels of a kernel, c classes.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from modelwright.base.nouns import Sizes
from modelwright.models import pooling
from modelwright.models.activations import activation
from modelwright.models.dropout import Dropout
from modelwright.spec.routes.textcnn import TextCNN as TextCNNRoute


class TextCNN(nn.Module):
    """Word pieces in, logits out.

    Args:
        settings: of the route.
        sizes: vocabulary, classes, padding.
    """

    def __init__(self, settings: TextCNNRoute, sizes: Sizes) -> None:
        super().__init__()
        self.words = nn.Embedding(sizes["vocabulary"], settings.width, padding_idx=sizes["padding"])
        nn.init.normal_(self.words.weight, std=0.1)
        self.past = [size - 1 for size in settings.kernels]
        self.kernels = nn.ModuleList(nn.Conv1d(settings.width, settings.channels, size) for size in settings.kernels)
        self.activation = activation(settings.activation)
        self.dropout = Dropout(settings.dropout)
        self.head = nn.Linear(settings.channels * len(settings.kernels), sizes["classes"])

    def forward(self, token_ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        hidden_btw = self.words(token_ids) * mask[:, :, None].to(self.words.weight.dtype)
        hidden_bwt = hidden_btw.transpose(1, 2)
        found = []
        for kernel, past in zip(self.kernels, self.past, strict=True):
            # every window that starts on a real token counts; the last ones see zeros past the end
            windows_btk = self.activation(kernel(functional.pad(hidden_bwt, (0, past)))).transpose(1, 2)
            found.append(pooling.largest(windows_btk, mask))
        return {"logits": self.head(self.dropout(torch.cat(found, dim=1)))}


def build(settings: TextCNNRoute, sizes: Sizes, checkpoint: Path | None) -> TextCNN:
    """From random weights."""
    return TextCNN(settings, sizes)
