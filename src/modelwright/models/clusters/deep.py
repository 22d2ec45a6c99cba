"""Deep clustering: an autoencoder's narrow layer, then k-means in it (the starting point of DEC, Xie, Girshick & Farhadi 2016,
1511.06335), whose centres and encoder are then sharpened together by DEC's own objective.

    qⱼ ∝ (1 + ‖z − cⱼ‖²)⁻¹      pⱼ ∝ qⱼ² / Σ qⱼ      minimised: KL(p ‖ q) + reconstruction      logits = log qⱼ
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from modelwright.base.nouns import Example, Sizes
from modelwright.models.clusters import count, kmeans
from modelwright.models.clusters.fitted import Clusters, rows_of
from modelwright.models.clusters.nodes import Distances
from modelwright.spec.routes.deep_clustering import DeepClustering

_BATCH = 256


class Fitted(Clusters):
    """Encoder weights `w0` [h, d], `b0` [h], `w1` [z, h], `b1` [z], and `centres` [k, z]."""

    def embed(self, rows: np.ndarray) -> np.ndarray:
        """float32 [n, z]."""
        hidden = np.maximum(rows @ self.arrays["w0"].T + self.arrays["b0"], 0)
        return hidden @ self.arrays["w1"].T + self.arrays["b1"]

    def logits(self, rows: np.ndarray) -> np.ndarray:
        return -np.log1p(kmeans._distances(self.embed(rows), self.arrays["centres"]))

    def graph(self) -> Any:
        graph = Distances(self.sizes, len(self.arrays["centres"]))
        hidden = graph.vectors()
        for layer in (0, 1):
            weights = [graph.constant(f"{kind}{layer}", self.arrays[f"{kind}{layer}"]) for kind in ("w", "b")]
            hidden = graph.node("Gemm", [hidden, *weights], f"layer_{layer}", transB=1)
            if layer == 0:
                hidden = graph.node("Relu", [hidden], "active")
        distances = graph.squared(hidden, self.arrays["centres"], "distances")
        more = graph.node("Add", [distances, graph.constant("one", np.array(1.0, np.float32))], "more")
        graph.node("Neg", [graph.node("Log", [more], "logarithm")], "logits")
        return graph.finished()


def fit(settings: DeepClustering, sizes: Sizes, examples: Sequence[Example], seed: int) -> Fitted:
    """Fit on encoded rows.

    Raises:
        TrainError: fewer different rows than clusters.
    """
    rows = rows_of(examples, sizes, 2 if settings.clusters == "auto" else settings.clusters)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        encoder, decoder = _networks(rows.shape[1], settings)
        data = torch.from_numpy(rows)
        _train(encoder, decoder, None, data, settings, settings.epochs)
        with torch.inference_mode():
            embedded = encoder(data).numpy()
        number, tried = settings.clusters, list[count.Tried]()
        if number == "auto":
            most = min(settings.most, len(np.unique(embedded, axis=0)) - 1)
            number, tried = count.choose(embedded, range(2, max(2, most) + 1), kmeans._assign, seed)
        centres = nn.Parameter(torch.from_numpy(kmeans._centres(embedded, number, seed, starts=10)))
        _train(encoder, decoder, centres, data, settings, max(1, settings.epochs // 4))
    first, second = (layer for layer in encoder if isinstance(layer, nn.Linear))
    arrays = {"w0": first.weight, "b0": first.bias, "w1": second.weight, "b1": second.bias, "centres": centres}
    found = {name: tensor.detach().numpy() for name, tensor in arrays.items()}
    return Fitted(found, sizes, [one.as_json() for one in tried])


def _networks(width: int, settings: DeepClustering) -> tuple[nn.Sequential, nn.Sequential]:
    encoder = nn.Sequential(nn.Linear(width, settings.width), nn.ReLU(), nn.Linear(settings.width, settings.embedding))
    decoder = nn.Sequential(nn.Linear(settings.embedding, settings.width), nn.ReLU(), nn.Linear(settings.width, width))
    return encoder, decoder


def _train(
    encoder: nn.Module, decoder: nn.Module, centres: nn.Parameter | None, rows: Tensor, settings: DeepClustering, epochs: int
) -> None:
    """Reconstruction alone, or together with DEC's objective once there are centres."""
    parameters = [*encoder.parameters(), *decoder.parameters(), *([] if centres is None else [centres])]
    optimiser = torch.optim.Adam(parameters, settings.learning_rate)
    for _ in range(epochs):
        for part in torch.randperm(len(rows)).split(_BATCH):
            embedded = encoder(rows[part])
            loss = functional.mse_loss(decoder(embedded), rows[part])
            if centres is not None:
                shares = 1 / (1 + torch.cdist(embedded, centres).square())
                shares = shares / shares.sum(1, keepdim=True)
                wanted = shares.detach().square() / shares.detach().sum(0)
                wanted = wanted / wanted.sum(1, keepdim=True)
                loss = loss + functional.kl_div(shares.log(), wanted, reduction="batchmean")
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
