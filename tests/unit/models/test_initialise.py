"""Starting weights have the distribution that their rule's formula says, for every kind of layer."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn

from modelwright.base.errors import SpecError
from modelwright.models import registry
from modelwright.models.initialise import initialise
from modelwright.spec.routes.route import Initialiser, all_routes

NAMES = [name for name in get_args(Initialiser) if name != "default"]
# deviation of the rule's weights by fan-in and fan-out, and whether they are uniform
DEVIATION = {
    "random-uniform": lambda i, o: 0.3 / math.sqrt(3),
    "gaussian": lambda i, o: 0.3,
    "xavier-uniform": lambda i, o: math.sqrt(2 / (i + o)),
    "xavier-normal": lambda i, o: math.sqrt(2 / (i + o)),
    "he-uniform": lambda i, o: math.sqrt(2 / i),
    "he-normal": lambda i, o: math.sqrt(2 / i),
    "lecun-normal": lambda i, o: math.sqrt(1 / i),
}
LAYERS = {
    "linear": (lambda: nn.Linear(300, 100), 300, 100),
    "convolution": (lambda: nn.Conv2d(20, 60, 5), 500, 1500),
    "grouped convolution": (lambda: nn.Conv1d(64, 128, 9, groups=4), 144, 288),
    "transposed convolution": (lambda: nn.ConvTranspose2d(20, 60, 5), 500, 1500),
    "table": (lambda: nn.Embedding(2000, 64), 64, 64),
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("name", DEVIATION)
def test_weights_have_the_rules_distribution(name, layer):
    make, fan_in, fan_out = LAYERS[layer]
    module = make()
    initialise(module, name, 0.3)
    weights = module.weight.detach().numpy().ravel()
    deviation = DEVIATION[name](fan_in, fan_out)
    assert weights.std() == pytest.approx(deviation, rel=0.03)
    assert abs(weights.mean()) < 4 * deviation / math.sqrt(len(weights))
    share_near = (np.abs(weights) < deviation).mean()  # 0.577 of a uniform distribution, 0.683 of a normal one
    assert share_near == pytest.approx(0.577 if name.endswith("uniform") else 0.683, abs=0.03)
    if name.endswith("uniform"):
        assert np.abs(weights).max() <= deviation * math.sqrt(3) * (1 + 1e-6)
    if layer != "table":
        assert not module.bias.any()


def test_orthogonal_is_orthogonal():
    module = nn.Linear(20, 50)
    initialise(module, "orthogonal", 1.0)
    torch.testing.assert_close(module.weight.T @ module.weight, torch.eye(20), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)])
def test_each_gate_of_a_recurrent_layer_is_one_matrix(kind, gates):
    module = kind(40, 30, num_layers=2)
    with torch.no_grad():
        module.bias_ih_l0.fill_(1.0)
    initialise(module, "orthogonal", 1.0)
    for gate in module.weight_hh_l1.chunk(gates):
        torch.testing.assert_close(gate @ gate.T, torch.eye(30), rtol=0, atol=1e-5)
    initialise(module, "he-normal", 1.0)
    assert module.weight_ih_l0.std().item() == pytest.approx(math.sqrt(2 / 40), rel=0.05)
    assert (module.bias_ih_l0 == 1.0).all(), "open gates stay open"


@pytest.mark.parametrize("widths", [{}, {"kdim": 24, "vdim": 40}])
def test_query_key_and_value_are_matrices_of_their_own(widths):
    module = nn.MultiheadAttention(32, 4, **widths)
    initialise(module, "orthogonal", 1.0)
    whole = (
        [*module.in_proj_weight.chunk(3)] if not widths else [module.q_proj_weight, module.k_proj_weight, module.v_proj_weight]
    )
    for one in (*whole, module.out_proj.weight):
        small = one @ one.T if one.shape[0] <= one.shape[1] else one.T @ one
        torch.testing.assert_close(small, torch.eye(len(small)), rtol=0, atol=1e-5)
    assert not module.in_proj_bias.any() and not module.out_proj.bias.any()


def test_padding_stays_zero_and_norms_stay_as_they_are():
    module = nn.Sequential(nn.Embedding(9, 4, padding_idx=2), nn.LayerNorm(4), nn.BatchNorm1d(4))
    initialise(module, "gaussian", 1.0)
    assert not module[0].weight[2].any() and module[0].weight[3].any()
    assert (module[1].weight == 1).all() and (module[2].weight == 1).all()


def test_he_keeps_the_size_of_signals_through_relu_and_xavier_through_a_straight_line():
    signals = torch.randn(500, 256)
    for name, activation in (("he-normal", nn.ReLU()), ("xavier-normal", nn.Identity())):
        module = nn.Sequential(*(layer for _ in range(20) for layer in (nn.Linear(256, 256), activation)))
        initialise(module, name, 1.0)
        with torch.no_grad():
            ratio = module(signals).square().mean() / signals.square().mean()
        assert 0.2 < ratio < 5, name


@pytest.mark.parametrize("name", NAMES)
def test_a_route_starts_as_its_initialiser_says(name, sizes):
    kind = all_routes()["textcnn"]
    module = registry.build(kind.model_validate({"initialiser": name, "width": 32, "channels": 16}), sizes, None)
    other = registry.build(kind.model_validate({"width": 32, "channels": 16}), sizes, None)
    assert module.head.weight.std() > 0 and not module.head.bias.any()
    assert other.head.bias.any(), "the default is left alone"
    assert not module.words.weight[sizes["padding"]].any()


def test_from_a_checkpoint_only_the_new_layer_is_initialised(sizes, bert):
    kind = all_routes()["finetune"]
    plain = registry.build(kind.model_validate({"max_tokens": 24}), sizes, bert)
    settings = {"max_tokens": 24, "initialiser": "gaussian", "initialiser_scale": 3.0}
    started = registry.build(kind.model_validate(settings), sizes, bert)
    assert started.head.weight.std().item() == pytest.approx(3.0, rel=0.3)
    for (name, one), other in zip(plain.backbone.named_parameters(), started.backbone.parameters(), strict=True):
        assert torch.equal(one, other), name


def test_where_nothing_is_new_an_initialiser_is_refused(sizes, bert, monkeypatch):
    route = all_routes()["finetune"].model_validate({"max_tokens": 24, "initialiser": "orthogonal"})
    monkeypatch.setattr(registry, "architecture", lambda route: type("Kind", (), {"build": lambda *given: nn.Linear(2, 2)}))
    with pytest.raises(SpecError, match="comes from its checkpoint"):
        registry.build(route, sizes, bert)
