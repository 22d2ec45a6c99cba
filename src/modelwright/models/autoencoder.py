"""An autoencoder of table rows, whose error is how strange a row is.

    strangeness = mean (x − x̂)² over numbers  +  Σ −log p̂(category), per input

A row's numbers arrive standardised; categories are embedded, and rebuilt as probabilities. In training numbers are disturbed by noise
and rebuilt without it (Vincent et al. 2008), so that copying does not pay.

Shapes: b batch, n numbers, m categories, e embedding.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from modelwright.base.nouns import Sizes
from modelwright.spec.routes.autoencoder import Autoencoder as AutoencoderRoute

_EMBEDDED = 8  # numbers a category is embedded in, at most
_LARGEST = 10.0  # error of one number in training: a wild cell must not become all that is learned


class Autoencoder(nn.Module):
    """Numbers and categories in, strangeness out.

    Args:
        settings: of the route.
        sizes: numbers, categories.
    """

    def __init__(self, settings: AutoencoderRoute, sizes: Sizes) -> None:
        super().__init__()
        self.numbers, self.counts = int(sizes["numbers"]), [int(count) for count in sizes["categories"]]
        widths = [min(_EMBEDDED, count) for count in self.counts]
        self.names = nn.ModuleList(nn.Embedding(count, width) for count, width in zip(self.counts, widths, strict=True))
        given, rebuilt = self.numbers + sum(widths), self.numbers + sum(self.counts)
        middle = settings.embedding or max(2, (self.numbers + len(self.counts)) // 3)
        self.noise = settings.noise
        self.first = nn.Linear(given, settings.width)
        self.narrow = nn.Linear(settings.width, middle)
        self.decoder = nn.Sequential(nn.Linear(middle, settings.width), nn.GELU(), nn.Linear(settings.width, rebuilt))

    def forward(self, numbers: Tensor, categories: Tensor) -> dict[str, Tensor]:
        given = numbers.to(self.first.weight.dtype)
        seen = given + self.noise * torch.randn_like(given) if self.training and self.noise else given
        embedded = [table(categories[:, place]) for place, table in enumerate(self.names)]
        rebuilt = self.decoder(self.narrow(functional.gelu(self.first(torch.cat([seen, *embedded], 1))))).float()
        errors_bn = (rebuilt[:, : self.numbers] - given.float()).square()
        if self.training:
            errors_bn = errors_bn.clamp(max=_LARGEST)
        total_b = errors_bn.sum(1)
        for place, logits in enumerate(rebuilt[:, self.numbers :].split(self.counts, 1)):
            total_b = total_b - functional.log_softmax(logits, 1).gather(1, categories[:, place : place + 1])[:, 0]
        return {"values": total_b / (self.numbers + len(self.counts))}


def build(settings: AutoencoderRoute, sizes: Sizes, checkpoint: Path | None) -> Autoencoder:
    """From random weights."""
    return Autoencoder(settings, sizes)
