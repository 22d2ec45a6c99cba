"""The decoder: documents that don't see each other, a loss that is the mean over tokens, and gradients that are the true ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from modelwright.models import registry, surprise
from modelwright.models.decoder import Decoder
from modelwright.spec.routes.decoder import Decoder as DecoderRoute
from modelwright.spec.routes.rnn_lm import RecurrentLanguage

SIZES = {"vocabulary": 320, "context": 32, "padding": 0, "begin": 0, "end": 2}
SMALL = {
    "decoder": {"width": 32, "layers": 2, "heads": 4, "key_heads": 2, "feed_forward": 48},
    "rnn-lm": {"width": 24, "layers": 2, "dropout": 0.0},
}
KINDS = {"decoder": DecoderRoute, "rnn-lm": RecurrentLanguage}
ROUTES = tuple(SMALL)


def made(name: str = "decoder", **settings):
    route = KINDS[name].model_validate({**SMALL[name], **settings})
    torch.manual_seed(3)
    return registry.build(route, SIZES, None)


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randint(3, 320, (3, 20), generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize("training", [True, False])
def test_a_packed_document_is_read_as_if_it_were_alone(name, training, tokens):
    module = made(name).train(training)
    mask = torch.tensor([[1] * 7 + [2] * 9 + [3] * 4, [1] * 20, [1] * 5 + [2] * 10 + [0] * 5])
    packed = module.logits(tokens, mask)
    for row, start, end in ((0, 0, 7), (0, 7, 16), (0, 16, 20), (1, 0, 20), (2, 5, 15)):
        alone = module.logits(tokens[row : row + 1, start:end], torch.ones(1, end - start, dtype=torch.int64))
        torch.testing.assert_close(packed[row, start:end], alone[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ROUTES)
def test_surprise_is_the_negative_log_probability_and_nothing_for_first_tokens_and_padding(name, tokens):
    module = made(name).eval()
    mask = torch.tensor([[1] * 7 + [2] * 13, [1] * 20, [1] * 15 + [0] * 5])
    found = module(tokens, mask)["surprise"]
    logs = module.logits(tokens, mask).log_softmax(-1)
    expected = torch.zeros(3, 20)
    expected[:, 1:] = -logs[:, :-1].gather(2, tokens[:, 1:, None])[..., 0]
    expected[0, 7] = 0.0
    expected[2, 15:] = 0.0
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ROUTES)
def test_loss_is_the_mean_over_learned_tokens_and_its_gradient_is_autograds(name, tokens, monkeypatch):
    monkeypatch.setattr(surprise, "_AT_ONCE", 320 * 7)  # several pieces, the last one short
    monkeypatch.setattr(surprise, "_FEWEST", 1)
    module = made(name).train()
    mask = torch.tensor([[1] * 7 + [2] * 13, [1] * 20, [1] * 15 + [0] * 5])
    labels = torch.where(mask == 0, -100, tokens)
    labels[1, :12] = -100
    values = module(tokens, mask, labels)["values"]
    values.mean().backward()
    ours = {key: parameter.grad.clone() for key, parameter in module.named_parameters()}
    module.zero_grad()
    wanted = torch.where(mask[:, 1:] == mask[:, :-1], labels[:, 1:], -100)
    truth = functional.cross_entropy(module.logits(tokens, mask)[:, :-1].reshape(-1, 320), wanted.reshape(-1))
    truth.backward()
    torch.testing.assert_close(values.mean(), truth, atol=1e-6, rtol=1e-5)
    for key, parameter in module.named_parameters():
        torch.testing.assert_close(ours[key], parameter.grad, atol=1e-6, rtol=1e-4, msg=lambda text, key=key: f"{key}: {text}")


def test_tokens_may_weigh_differently_in_the_gradient(tokens):
    """What preferences need: sums of surprise, weighted by row."""
    module = made().train()
    mask, weights = torch.ones_like(tokens), torch.tensor([0.5, -2.0, 1.0])
    (module(tokens, mask)["surprise"].sum(1) * weights).sum().backward()
    ours = module.words.weight.grad.clone()
    module.zero_grad()
    logs = module.logits(tokens, mask).log_softmax(-1)
    (-logs[:, :-1].gather(2, tokens[:, 1:, None])[..., 0].sum(1) * weights).sum().backward()
    torch.testing.assert_close(ours, module.words.weight.grad, atol=1e-4, rtol=1e-4)


def test_a_frozen_table_gets_no_gradient_and_everything_else_does(tokens):
    module = made(tied=False).train()
    module.head.weight.requires_grad_(False)
    module(tokens, torch.ones_like(tokens), tokens)["values"].mean().backward()
    assert module.head.weight.grad is None
    assert all(parameter.grad.abs().sum() > 0 for parameter in module.parameters() if parameter.requires_grad)


def test_rows_without_anything_to_learn_cost_nothing(tokens):
    module = made().train()
    values = module(tokens, torch.ones_like(tokens), torch.full_like(tokens, -100))["values"]
    assert values.tolist() == [0.0, 0.0, 0.0]
    values.mean().backward()
    assert all(parameter.grad is None or not parameter.grad.any() for parameter in module.parameters())


@pytest.mark.parametrize("settings", [{}, {"norm_heads": False}, {"key_heads": 4}])
@pytest.mark.parametrize("packed", [True, False])
def test_training_by_hand_and_the_fused_attention_agree_in_values_and_gradients(tokens, settings, packed):
    module = made(**settings)
    mask = torch.tensor([[1] * 7 + [2] * 13, [1] * 20, [1] * 15 + [0] * 5]) if packed else torch.ones_like(tokens)
    found = []
    for training in (True, False):
        module.train(training).zero_grad()
        values = module(tokens, mask, tokens)["values"]
        values.mean().backward()
        found.append([values.detach(), *(parameter.grad.clone() for parameter in module.parameters())])
    for by_hand, fused in zip(*found, strict=True):
        torch.testing.assert_close(by_hand, fused, atol=1e-6, rtol=1e-3)


def test_the_first_loss_is_that_of_knowing_nothing(tokens):
    with torch.no_grad():
        found = float(made().eval()(tokens, torch.ones_like(tokens))["surprise"][:, 1:].mean())
    assert abs(found - np.log(320)) < 0.1


@pytest.mark.parametrize("name", ROUTES)
def test_saved_and_loaded_it_says_the_same(name, tokens, tmp_path):
    route = KINDS[name].model_validate(SMALL[name])
    module = made(name).eval()
    registry.save(module, route, SIZES, tmp_path)
    loaded = registry.load(tmp_path)
    inputs = {"input_ids": tokens.numpy(), "attention_mask": np.ones((3, 20), np.int64)}
    np.testing.assert_array_equal(registry.outputs(loaded, inputs)["surprise"], registry.outputs(module, inputs)["surprise"])
    if isinstance(module, Decoder):
        assert loaded.shape == module.shape
