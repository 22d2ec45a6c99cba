"""Checkpoints go to transformers and come from there unchanged: the same logits, both ways, for every layout that is ours to read."""

from __future__ import annotations

import json
import warnings

import pytest
import torch

from modelwright.base.errors import ReleaseError
from modelwright.models import registry
from modelwright.models.decoder_files import is_decoder, read_decoder
from modelwright.spec.routes.decoder import Decoder as DecoderRoute

transformers = pytest.importorskip("transformers")

SIZES = {"vocabulary": 320, "context": 64, "padding": 0, "begin": 0, "end": 2}
SMALL = {"width": 32, "layers": 2, "heads": 4, "key_heads": 2, "feed_forward": 48}
THEIRS = {
    "vocab_size": 320,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
}
LAYOUTS = {
    "llama": ("Llama", {}),
    "llama-tied-wide-heads": ("Llama", {"tie_word_embeddings": True, "head_dim": 16, "num_key_value_heads": 4}),
    "llama-biases": ("Llama", {"attention_bias": True, "rms_norm_eps": 1e-4}),
    "llama-base": ("Llama", {"rope_parameters": {"rope_type": "default", "rope_theta": 500.0}}),
    "qwen2": ("Qwen2", {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}}),
    "qwen3": ("Qwen3", {"head_dim": 16}),
    "qwen3-tied": ("Qwen3", {"head_dim": 8, "tie_word_embeddings": True, "eos_token_id": [2, 0]}),
    "mistral": ("Mistral", {"sliding_window": None, "head_dim": 8}),
}


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randint(3, 320, (2, 40), generator=torch.Generator().manual_seed(5))


def theirs(name: str):
    kind, settings = LAYOUTS[name]
    torch.manual_seed(7)
    config = getattr(transformers, f"{kind}Config")(**{**THEIRS, **settings})
    model = getattr(transformers, f"{kind}ForCausalLM")(config).eval()
    with torch.no_grad():  # norms and biases start at ones and zeros, which would hide a swap
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize("norm_heads", [True, False])
@pytest.mark.parametrize("tied", [True, False])
def test_transformers_loads_what_we_write(norm_heads, tied, tokens, tmp_path):
    route = DecoderRoute.model_validate({**SMALL, "norm_heads": norm_heads, "tied": tied, "rotary_base": 5000.0})
    torch.manual_seed(1)
    module = registry.build(route, SIZES, None).eval()
    registry.save(module, route, SIZES, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded, report = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert type(loaded).__name__ == ("Qwen3ForCausalLM" if norm_heads else "LlamaForCausalLM")
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"]
    with torch.no_grad():
        found = loaded.eval()(tokens).logits
        torch.testing.assert_close(module.logits(tokens, torch.ones_like(tokens)), found, atol=1e-4, rtol=0)
    assert (loaded.config.bos_token_id, loaded.config.eos_token_id, loaded.config.pad_token_id) == (0, 2, 0)
    assert loaded.generation_config.eos_token_id == 2
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["rope_theta"] == written["rope_parameters"]["rope_theta"] == 5000.0


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_we_load_what_transformers_writes(name, tokens, tmp_path):
    model = theirs(name)
    model.save_pretrained(tmp_path)
    ours = read_decoder(tmp_path).eval()
    with torch.no_grad():
        expected = model(tokens).logits
        torch.testing.assert_close(ours.logits(tokens, torch.ones_like(tokens)), expected, atol=1e-4, rtol=0)
    assert ours.shape.parameters <= sum(parameter.numel() for parameter in model.parameters())
    assert all(parameter.requires_grad and parameter.dtype == torch.float32 for parameter in ours.parameters())


@pytest.mark.parametrize("name", ["llama-biases", "qwen2", "qwen3-tied", "mistral"])
def test_there_and_back_again(name, tokens, tmp_path):
    """What was read from transformers and written by us answers there as it did."""
    from modelwright.models import decoder

    model = theirs(name)
    model.save_pretrained(tmp_path / "theirs")
    (tmp_path / "ours").mkdir()
    ours = read_decoder(tmp_path / "theirs")
    config = decoder.write(ours, tmp_path / "ours")
    (tmp_path / "ours" / "config.json").write_text(json.dumps(config))
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "ours").eval()
    with torch.no_grad():
        torch.testing.assert_close(again(tokens).logits, model(tokens).logits, atol=1e-4, rtol=0)
    assert read_decoder(tmp_path / "ours").shape == ours.shape


def test_shards_are_read_together(tokens, tmp_path):
    model = theirs("llama")
    model.save_pretrained(tmp_path, max_shard_size="60KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    with torch.no_grad():
        found = read_decoder(tmp_path).eval().logits(tokens, torch.ones_like(tokens))
        torch.testing.assert_close(found, model(tokens).logits, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("settings", "ours"),
    [
        ({"model_type": "llama"}, True),
        ({"model_type": "llama", "rope_theta": 10000.0, "rope_scaling": None}, True),
        ({"model_type": "qwen2", "use_sliding_window": False, "sliding_window": 4096}, True),
        ({"model_type": "mistral", "sliding_window": 4096}, False),
        ({"model_type": "llama", "rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, False),
        ({"model_type": "llama", "rope_scaling": {"type": "linear", "factor": 2.0}}, False),
        ({"model_type": "llama", "mlp_bias": True}, False),
        ({"model_type": "llama", "hidden_act": "gelu"}, False),
        ({"model_type": "gpt2"}, False),
    ],
)
def test_only_what_computes_the_same_is_taken_for_ours(settings, ours):
    assert is_decoder(settings) is ours


def test_damaged_checkpoints_are_refused_with_their_path(tmp_path):
    theirs("qwen3").save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for broken in ({**config, "num_hidden_layers": 3}, {**config, "hidden_size": 64}, {**config, "model_type": "gpt2"}):
        (tmp_path / "config.json").write_text(json.dumps(broken))
        with pytest.raises(ReleaseError) as caught:
            read_decoder(tmp_path)
        assert str(tmp_path) in caught.value.where
