"""Language models to go on from: other libraries' answers, adapters, four bits, and what is written."""

from __future__ import annotations

import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from modelwright.base.errors import ReleaseError, SpecError
from modelwright.models import language_checkpoint, lora, nf4, registry
from modelwright.models.decoder import Decoder
from modelwright.spec.routes.lm_finetune import LmFinetune

transformers = pytest.importorskip("transformers")

SIZES = {"vocabulary": 320, "context": 32, "padding": 0, "begin": 0, "end": 2}
_HEADS = {
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "hidden_size": 32,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}
KINDS: dict[str, dict[str, Any]] = {
    "llama": {**_HEADS, "num_key_value_heads": 1},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64, "bos_token_id": 0, "eos_token_id": 0},
    "gpt_neox": _HEADS,
    "gemma2": {**_HEADS, "num_key_value_heads": 1, "head_dim": 16, "sliding_window": 16, "final_logit_softcapping": 2.0},
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> dict[str, Path]:
    folders = {}
    for kind, settings in KINDS.items():
        torch.manual_seed(3)
        config = transformers.AutoConfig.for_model(kind, vocab_size=320, **settings)
        model = transformers.AutoModelForCausalLM.from_config(config)
        with torch.no_grad():
            model.get_output_embeddings().weight.mul_(8.0)  # logits of a size at which a bend shows
        folders[kind] = tmp_path_factory.mktemp(kind)
        model.save_pretrained(folders[kind])
    return folders


def theirs(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def build(folder: Path, **settings: Any) -> nn.Module:
    torch.manual_seed(5)
    return language_checkpoint.build(LmFinetune.model_validate({"from": "here", **settings}), SIZES, folder)


@pytest.fixture
def ids() -> torch.Tensor:
    return torch.randint(1, 320, (2, 12), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_it_answers_as_transformers_does(kind, saved, ids):
    module, model, ones = build(saved[kind]).eval(), theirs(saved[kind]), torch.ones_like(ids)
    logits = model(input_ids=ids).logits
    assert (module.logits(ids, ones) - logits).abs().max() < 1e-4
    assert module(ids, ones, ids)["values"].mean() == pytest.approx(float(model(input_ids=ids, labels=ids).loss), abs=1e-4)
    surprise = -logits.log_softmax(-1)[:, :-1].gather(2, ids[:, 1:, None])[..., 0]
    assert torch.allclose(module(ids, ones)["surprise"][:, 1:], surprise, atol=1e-4)
    assert isinstance(module, Decoder) == (kind == "llama")
    if kind != "llama":
        assert module.lean == (kind != "gemma2"), "Gemma bends its logits: they are not hidden vectors times a table"


@pytest.mark.parametrize("kind", ["gpt2", "gpt_neox"])
@torch.no_grad()
def test_documents_in_one_row_do_not_see_each_other(kind, saved, ids):
    module, ones = build(saved[kind]).eval(), torch.ones_like(ids)
    row, numbers = torch.cat([ids[:1], ids[1:], ids[:1, :3]], 1), torch.cat([ones[:1], 2 * ones[1:], 0 * ones[:1, :3]], 1)
    alone = module(ids, ones)["surprise"]
    together = module(row, numbers)["surprise"]
    assert torch.allclose(together[0, :24].view(2, 12), alone, atol=1e-4) and not together[0, 24:].any()


def test_packed_rows_longer_than_a_sliding_window_are_refused(saved, ids):
    module = build(saved["gemma2"])
    row, numbers = ids.view(1, 24), torch.tensor([[1] * 12 + [2] * 12])
    with pytest.raises(SpecError, match="looks back 16 tokens"):
        module(row, numbers)


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_what_was_learned_is_merged_and_loads_elsewhere(kind, method, saved, ids, tmp_path):
    module, ones = build(saved[kind], method=method), torch.ones_like(ids)
    before = module(ids, ones, ids)["values"].mean()
    learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
    whole = sum(parameter.numel() for parameter in theirs(saved[kind]).parameters())
    optimiser = torch.optim.Adam(learning, lr=1e-2)
    for _ in range(8):
        optimiser.zero_grad()
        module(ids, ones, ids)["values"].mean().backward()
        optimiser.step()
    assert module(ids, ones, ids)["values"].mean() < before - 0.1
    if method != "full":
        assert sum(parameter.numel() for parameter in learning) < whole
        assert all("_ri" in name or "_or" in name for name, parameter in module.named_parameters() if parameter.requires_grad)
    with torch.no_grad():
        learned = module.eval().logits(ids, ones)
        registry.save(module, LmFinetune(method=method), SIZES, tmp_path)
        assert (theirs(tmp_path)(input_ids=ids).logits - learned).abs().max() < 1e-4
        assert (registry.load(tmp_path).logits(ids, ones) - learned).abs().max() < 1e-4
    assert not any(isinstance(child, lora.Adapted) for child in module.modules())


def test_the_output_layer_stays_the_embedding_table(saved):
    module = build(saved["gpt2"], method="lora")
    assert isinstance(module.model.lm_head, nn.Linear) and module.model.lm_head.weight is module.model.transformer.wte.weight
    adapted = [name for name, child in module.named_modules() if isinstance(child, lora.Adapted)]
    assert len(adapted) == 8, "query-key-value, projection and both of the feed-forward, in two layers"


def test_longer_rows_than_positions_are_refused(saved):
    with pytest.raises(SpecError, match="64 positions"):
        language_checkpoint.build(LmFinetune(), {**SIZES, "context": 65}, saved["gpt2"])
    with pytest.raises(ReleaseError, match="321 tokens, the model 320"):
        language_checkpoint.build(LmFinetune(), {**SIZES, "vocabulary": 321}, saved["llama"])


def test_a_damaged_checkpoint_is_told(saved, tmp_path):
    (tmp_path / "config.json").write_text((saved["gpt2"] / "config.json").read_text())
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(ReleaseError) as caught:
        build(tmp_path)
    assert caught.value.where == str(tmp_path)


def test_settings_that_would_be_ignored_are_refused():
    with pytest.raises(ValueError, match="lora_rank only with method lora or qlora"):
        LmFinetune(method="full", lora_rank=4)
    with pytest.raises(ValueError, match="every weight comes from"):
        LmFinetune(initialiser="he-normal")


# appendix E of 2305.14314
PAPER = [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334]
PAPER += [-0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224]
PAPER += [0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]


def test_the_levels_are_the_papers():
    assert nf4.levels().tolist() == pytest.approx(PAPER, abs=2e-5)


@pytest.mark.parametrize("shape", [(64, 64), (33, 77), (1, 5), (300, 130)])
def test_four_bits_come_back_within_their_step(shape):
    torch.manual_seed(0)
    weight = 0.05 * torch.randn(*shape)
    codes, sizes, centres = nf4.quantise(weight)
    again = nf4.dequantise(codes, sizes, centres, shape)
    gap = max(b - a for a, b in pairwise(PAPER)) / 2
    largest = nn.functional.pad(weight.flatten(), (0, -weight.numel() % 64)).view(-1, 64).abs().amax(1)
    within = (gap + 0.02) * largest.repeat_interleave(64)[: weight.numel()].view(shape)
    assert again.shape == shape and ((again - weight).abs() <= within + 1e-6).all()
    if weight.numel() > 4096:
        assert (again - weight).norm() / weight.norm() < 0.1, "normal weights lose less than a tenth"
    exact = nf4.dequantise(*nf4.quantise(torch.zeros(*shape)), shape)
    assert not exact.any()


def test_a_stored_layer_multiplies_and_passes_gradients_as_its_plain_one():
    torch.manual_seed(0)
    stored = nf4.Stored(nn.Linear(96, 40))
    plain, values = stored.plain(), torch.randn(7, 96, requires_grad=True)
    again = values.detach().clone().requires_grad_()
    assert torch.allclose(stored(values), plain(again), atol=1e-5)
    stored(values).square().sum().backward()
    plain(again).square().sum().backward()
    assert torch.allclose(values.grad, again.grad, atol=1e-4)
    stored.to(torch.bfloat16)
    assert torch.equal(stored.plain().weight, plain.weight), "half the precision for activations leaves the weights alone"


def test_four_bits_take_an_eighth_of_the_memory(saved):
    linear = nn.Linear(1024, 1024, bias=False)
    share = nf4.held_bytes(nf4.Stored(linear)) * 8 / linear.weight.numel()
    assert 4.0 < share < 4.2, "bits a weight"
    plain, four = (nf4.held_bytes(build(saved["llama"], method=method, lora_rank=1)) for method in ("lora", "qlora"))
    linears = sum(
        child.linear.weight.numel() for child in build(saved["llama"], method="lora").modules() if isinstance(child, lora.Adapted)
    )
    assert plain - four == pytest.approx(linears * (4 - 4.2 / 8), rel=0.05)
