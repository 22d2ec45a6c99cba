"""The mean of hashed n-gram embeddings, then a linear layer (Joulin et al. 2017, 1607.01759).

Shapes: b batch, t n-grams, w width, c classes.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from modelwright.base.nouns import Sizes
from modelwright.models import pooling
from modelwright.models.dropout import Dropout
from modelwright.spec.routes.fasttext import FastText as FastTextRoute


class FastText(nn.Module):
    """Buckets of n-grams in, logits out.

    Args:
        settings: of the route.
        sizes: vocabulary (rows of the hashed table), classes, padding.
    """

    float32_because = "it looks up rows and hardly multiplies: there is nothing for bfloat16 to speed up"

    def __init__(self, settings: FastTextRoute, sizes: Sizes) -> None:
        super().__init__()
        self.ngrams = nn.Embedding(sizes["vocabulary"], settings.width, padding_idx=sizes["padding"])
        nn.init.normal_(self.ngrams.weight, std=0.1)
        self.dropout = Dropout(settings.dropout)
        self.head = nn.Linear(settings.width, sizes["classes"])

    def forward(self, token_ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        return {"logits": self.head(self.dropout(pooling.mean(self.ngrams(token_ids), mask)))}


def build(settings: FastTextRoute, sizes: Sizes, checkpoint: Path | None) -> FastText:
    """From random weights."""
    return FastText(settings, sizes)
