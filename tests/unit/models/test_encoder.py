"""Our encoder and BertModel are the same function, and read each other's files."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modelwright.base.errors import ReleaseError
from modelwright.models import names, registry
from modelwright.spec.routes.encoder import Encoder as EncoderRoute
from modelwright.spec.routes.finetune import Finetune

transformers = pytest.importorskip("transformers")


def hidden(folder, inputs) -> np.ndarray:
    model = transformers.AutoModel.from_pretrained(folder, dtype="float32").eval()
    with torch.inference_mode():
        ids, mask = (torch.from_numpy(inputs[name]) for name in ("token_ids", "mask"))
        return model(input_ids=ids, attention_mask=mask).last_hidden_state.numpy()


def ours(encoder, inputs) -> np.ndarray:
    with torch.inference_mode():
        return encoder.eval()(torch.from_numpy(inputs["token_ids"]), torch.from_numpy(inputs["mask"])).numpy()


def test_reads_a_bert_checkpoint_to_the_same_hidden_states(bert, inputs):
    real = inputs["mask"].astype(bool)
    np.testing.assert_allclose(ours(names.read_bert(bert, 0.1), inputs)[real], hidden(bert, inputs)[real], atol=2e-5)


@pytest.mark.parametrize("start", ["scratch", "checkpoint", "adapters"])
def test_transformers_reads_our_checkpoint_to_the_same_hidden_states(start, bert, inputs, sizes, tmp_path):
    route = EncoderRoute(width=16, layers=2, heads=2, max_tokens=24)
    if start != "scratch":
        route = Finetune(max_tokens=24, method="lora" if start == "adapters" else "full")
    module = registry.build(route, sizes, bert)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    expected = ours(module.backbone, inputs)
    registry.save(module, route, sizes, tmp_path / "saved")
    real = inputs["mask"].astype(bool)
    np.testing.assert_allclose(hidden(tmp_path / "saved", inputs)[real], expected[real], atol=5e-5)


def test_plain_attention_in_training_is_the_fused_one(bert, inputs):
    encoder = names.read_bert(bert, 0.0)
    ids, mask = torch.from_numpy(inputs["token_ids"]), torch.from_numpy(inputs["mask"])
    plain, fused = encoder.train()(ids, mask), encoder.eval()(ids, mask)
    torch.testing.assert_close(plain[mask.bool()], fused[mask.bool()], atol=1e-5, rtol=1e-4)


def test_names_go_both_ways(bert):
    theirs = {name: weight.float() for name, weight in names.read_weights(bert / "model.safetensors").items()}
    back = names.to_bert(names.from_bert(theirs, 2), 2)
    assert set(theirs) - set(back) == {"pooler.dense.weight", "pooler.dense.bias"}
    assert all(torch.equal(weight, theirs[name]) for name, weight in back.items())


def test_the_prefix_of_a_classifier_checkpoint_is_understood(bert):
    plain = names.read_weights(bert / "model.safetensors")
    prefixed = names.from_bert({f"bert.{name}": weight for name, weight in plain.items()}, 2)
    assert all(torch.equal(prefixed[name], weight) for name, weight in names.from_bert(plain, 2).items())


def test_a_missing_weight_is_named(bert):
    weights = names.read_weights(bert / "model.safetensors")
    del weights["encoder.layer.1.attention.self.key.bias"]
    names.write_weights(weights, bert / "model.safetensors")
    with pytest.raises(ReleaseError, match=r"encoder\.layer\.1\.attention\.self\.key\.bias"):
        names.read_bert(bert, 0.1)


@pytest.mark.parametrize(
    "config",
    [{"model_type": "roberta"}, {"position_embedding_type": "relative_key"}, {"hidden_act": "quick_gelu"}, {"is_decoder": True}],
)
def test_what_our_encoder_does_not_compute_goes_to_transformers(config):
    assert names.is_bert({"model_type": "bert"})
    assert not names.is_bert({"model_type": "bert", **config})
