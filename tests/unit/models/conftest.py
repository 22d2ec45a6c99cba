"""Small modules, and a tiny BERT checkpoint made by transformers itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

SIZES = {"vocabulary": 120, "padding": 0, "classes": 3}


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def sizes() -> dict[str, int]:
    return dict(SIZES)


@pytest.fixture
def inputs() -> dict[str, np.ndarray]:
    """Five rows of 1 to 17 tokens, padded."""
    lengths = [17, 1, 9, 3, 12]
    mask = (np.arange(17)[None] < np.array(lengths)[:, None]).astype(np.int64)
    ids = np.random.default_rng(0).integers(1, SIZES["vocabulary"], mask.shape)
    return {"token_ids": ids * mask, "mask": mask}


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    """A checkpoint in transformers' own hand: 2 layers, width 32, half of the digits as the hub ships them."""
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=SIZES["vocabulary"],
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=24,
        initializer_range=0.3,
    )
    folder = tmp_path / "bert"
    transformers.BertModel(config).to(torch.float16).save_pretrained(folder)
    return folder
