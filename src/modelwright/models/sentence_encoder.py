"""Texts as vectors of length one: a checkpoint's encoder and pooling. Near vectors mean the same.

In training it is given questions and the passages that answer them: each question shall be nearer to its own passage than to the others of
the batch, and each passage to its own question (InfoNCE, van den Oord et al. 2018, 1807.03748, with the batch's other passages as
negatives). Passages of the same document never count as wrong for each other's questions.

BERT checkpoints run in our lean encoder; every other encoder through transformers. What is written is a plain checkpoint with the
files that sentence-transformers reads.

Shapes: b batch, t tokens of questions, u tokens of passages, w width, k terms.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from modelwright.base.nouns import Sizes
from modelwright.base.store import write_json
from modelwright.models import lora, names, pooling
from modelwright.models.encoder import Encoder
from modelwright.models.finetune import Foreign, backbone
from modelwright.spec.routes.sentence_encoder import SentenceEncoder as SentenceEncoderRoute


class SentenceEncoder(nn.Module):
    """Encoder, pooling, length one. Its forward without passages is what ONNX sees.

    Args:
        backbone: (token_ids [b, t] int64, mask [b, t]) → hidden [b, t, w].
        width: w.
        how: pooling.
        temperature: that cosines are divided by in training.
    """

    vocabulary_table = "backbone.embeddings.words"

    def __init__(self, backbone: nn.Module, width: int, how: pooling.Pooling, temperature: float) -> None:
        super().__init__()
        self.backbone, self.width, self.how, self.temperature = backbone, width, how, temperature

    def embed(self, token_ids_bt: Tensor, mask_bt: Tensor) -> Tensor:
        """[b, w], each of length one."""
        return functional.normalize(pooling.pool(self.backbone(token_ids_bt, mask_bt), mask_bt, self.how), dim=-1)

    def forward(
        self,
        token_ids: Tensor,
        mask: Tensor,
        asked: Tensor | None = None,
        terms: Tensor | None = None,
        passage_ids: Tensor | None = None,
        passage_mask: Tensor | None = None,
        document: Tensor | None = None,
    ) -> dict[str, Tensor]:
        vectors_bw = self.embed(token_ids, mask)
        if passage_ids is not None and passage_mask is not None and document is not None:
            return {"values": self._losses(vectors_bw, self.embed(passage_ids, passage_mask), document)}
        outputs = {"embedding": vectors_bw}
        if asked is not None:
            outputs["asked_for"] = asked + 0
        if terms is not None:
            outputs["terms_asked"] = terms + 0
        return outputs

    def _losses(self, questions_bw: Tensor, passages_bw: Tensor, document_b: Tensor) -> Tensor:
        """[b]: mean of −log p(own passage | question) and −log p(own question | passage)."""
        logits_bb = questions_bw.float() @ passages_bw.float().T / self.temperature
        own_b = torch.arange(len(document_b), device=document_b.device)
        same_bb = (document_b[:, None] == document_b[None, :]) & (own_b[:, None] != own_b[None, :])
        logits_bb = logits_bb.masked_fill(same_bb, torch.finfo(logits_bb.dtype).min)
        there_b = functional.cross_entropy(logits_bb, own_b, reduction="none")
        return (there_b + functional.cross_entropy(logits_bb.T, own_b, reduction="none")) / 2


def build(settings: SentenceEncoderRoute, sizes: Sizes, checkpoint: Path | None) -> SentenceEncoder:
    """From the checkpoint's weights.

    Raises:
        ReleaseError: the checkpoint is incomplete or damaged.
    """
    if checkpoint is None:
        raise ValueError("sentence-encoder needs the folder of a checkpoint")
    module = read(settings, sizes, checkpoint)
    if settings.method == "lora":
        lora.adapt(module.backbone, settings.lora_rank, settings.lora_alpha)
    return module


def write(module: SentenceEncoder, folder: Path) -> dict[str, Any]:
    """Weights (adapters merged) in the checkpoint's own format, and what sentence-transformers reads; returns config.json's content."""
    lora.merge(module.backbone)
    parts = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(parts)
    ]
    write_json(folder / "modules.json", modules)
    (folder / "1_Pooling").mkdir(exist_ok=True)
    pooled = {"pooling_mode_mean_tokens": module.how == "mean", "pooling_mode_cls_token": module.how == "first"}
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": module.width, **pooled})
    if isinstance(module.backbone, Encoder):
        return names.write_encoder(module.backbone, folder)
    assert isinstance(module.backbone, Foreign)
    model: Any = module.backbone.model
    model.save_pretrained(folder, safe_serialization=True)
    return names.read_config(folder)


def read(settings: SentenceEncoderRoute, sizes: Sizes, folder: Path) -> SentenceEncoder:
    """What `write` wrote, or any encoder's checkpoint."""
    encoder, width = backbone(folder, settings.dropout)
    return SentenceEncoder(encoder, width, settings.pooling, settings.temperature)
