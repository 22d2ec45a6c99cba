"""Fine-tuning: adapters, their merging, and encoders that are not BERT."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from modelwright.base.errors import ReleaseError
from modelwright.models import lora, registry
from modelwright.spec.routes.finetune import Finetune
from modelwright.spec.routes.sentence_encoder import SentenceEncoder

transformers = pytest.importorskip("transformers")


def test_adapters_start_at_the_checkpoint_and_learn_alone(bert, sizes, inputs):
    torch.manual_seed(1)
    full = registry.build(Finetune(max_tokens=24), sizes, bert).eval()
    torch.manual_seed(1)
    adapted = registry.build(Finetune(max_tokens=24, method="lora", lora_rank=4), sizes, bert).eval()
    adapted.head.load_state_dict(full.head.state_dict())
    np.testing.assert_allclose(registry.outputs(adapted, inputs)["logits"], registry.outputs(full, inputs)["logits"], atol=1e-6)
    trained = {name for name, parameter in adapted.named_parameters() if parameter.requires_grad}
    assert trained and all(name.startswith("head.") or name.endswith(("down_ri", "up_or")) for name in trained)


def test_merging_changes_no_answer_and_leaves_plain_layers():
    module = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4))
    lora.adapt(module, rank=2, alpha=8.0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter))
    values = torch.randn(7, 6)
    before = module(values)
    lora.merge(module)
    torch.testing.assert_close(module(values), before)
    assert not any(isinstance(child, lora.Adapted) for child in module.modules())
    assert all(parameter.requires_grad for parameter in module.parameters())


@pytest.mark.parametrize("method", ["full", "lora"])
def test_other_encoders_run_through_transformers(method, sizes, inputs, tmp_path):
    config = transformers.DistilBertConfig(
        vocab_size=sizes["vocabulary"], dim=16, n_layers=1, n_heads=2, hidden_dim=32, max_position_embeddings=24
    )
    transformers.DistilBertModel(config).save_pretrained(tmp_path / "start")
    route = Finetune(max_tokens=24, method=method)
    module = registry.build(route, sizes, tmp_path / "start").eval()
    before = registry.outputs(module, inputs)["logits"]
    registry.save(module, route, sizes, tmp_path / "saved")
    after = registry.outputs(registry.load(tmp_path / "saved"), inputs)["logits"]
    np.testing.assert_allclose(after, before, atol=1e-6)


@pytest.mark.parametrize("route", [Finetune(max_tokens=24), SentenceEncoder(max_tokens=24)], ids=["classes", "sentences"])
def test_a_damaged_checkpoint_of_another_encoder_is_named(route, sizes, tmp_path):
    config = transformers.DistilBertConfig(vocab_size=sizes["vocabulary"], dim=16, n_layers=1, n_heads=2, hidden_dim=32)
    transformers.DistilBertModel(config).save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ReleaseError) as caught:
        registry.build(route, sizes, tmp_path)
    assert str(tmp_path) in caught.value.where
