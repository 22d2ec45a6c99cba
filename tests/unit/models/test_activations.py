"""Activations against their formulas, and in the exported graph."""

from __future__ import annotations

import io
import math
import warnings

import numpy as np
import pytest
import torch

from modelwright.models import registry
from modelwright.models.activations import NAMES, activation
from modelwright.spec.routes.route import all_routes

VALUES = np.array([-200.0, -30.0, -3.0, -1.0, -0.25, 0.0, 0.25, 1.0, 3.0, 30.0, 200.0])


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def soft(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


FORMULAS = {
    "relu": lambda x: max(0.0, x),
    "leaky-relu": lambda x: x if x > 0 else 0.01 * x,
    "elu": lambda x: x if x > 0 else math.expm1(x),
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)),
    "gelu": lambda x: x * 0.5 * math.erfc(-x / math.sqrt(2)),
    "gelu-tanh": lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x * sigmoid(x),
    "mish": lambda x: x * math.tanh(soft(x)),
    "tanh": math.tanh,
    "sigmoid": sigmoid,
    "softplus": soft,
    "softsign": lambda x: x / (1 + abs(x)),
}


@pytest.mark.parametrize("name", NAMES)
def test_an_activation_is_its_formula(name):
    found = activation(name)(torch.from_numpy(VALUES)).numpy()
    np.testing.assert_allclose(found, [FORMULAS[name](float(x)) for x in VALUES], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_it_has_no_weights_and_a_finite_gradient(name):
    module = activation(name)
    assert not list(module.parameters()) and module is not activation(name)
    at = torch.from_numpy(VALUES).float().requires_grad_()
    module(at).sum().backward()
    assert at.grad is not None and at.grad.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_the_graph_computes_the_same(name):
    runtime = pytest.importorskip("onnxruntime")
    values = torch.from_numpy(VALUES).float()[None]
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter announces its retirement
        torch.onnx.export(
            activation(name), (values,), buffer, input_names=["x"], output_names=["y"], opset_version=17, dynamo=False
        )
    session = runtime.InferenceSession(buffer.getvalue(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": values.numpy()})
    np.testing.assert_allclose(found, activation(name)(values).numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["gelu", "gelu-tanh", "relu", "silu", "mish", "tanh"])
def test_an_encoder_with_it_loads_in_transformers(name, sizes, inputs, tmp_path):
    transformers = pytest.importorskip("transformers")
    route = all_routes()["encoder"].model_validate({"width": 16, "heads": 2, "max_tokens": 24, "activation": name})
    module = registry.build(route, sizes, None).eval()
    registry.save(module, route, sizes, tmp_path)
    assert np.array_equal(registry.outputs(registry.load(tmp_path), inputs)["logits"], registry.outputs(module, inputs)["logits"])
    theirs = transformers.BertModel.from_pretrained(tmp_path, add_pooling_layer=False).eval()
    ids, mask = (torch.from_numpy(inputs[key]) for key in ("token_ids", "mask"))
    with torch.inference_mode():
        expected = theirs(input_ids=ids, attention_mask=mask).last_hidden_state
        found = module.backbone(ids, mask)
    kept = mask.bool()
    torch.testing.assert_close(found[kept], expected[kept], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["relu", "tanh", "mish"])
def test_a_textcnn_computes_with_it(name, sizes, inputs):
    answers = []
    for chosen in ("relu", name):
        torch.manual_seed(0)
        route = all_routes()["textcnn"].model_validate({"width": 8, "channels": 4, "activation": chosen})
        answers.append(registry.outputs(registry.build(route, sizes, None).eval(), inputs)["logits"])
    assert np.array_equal(*answers) is (name == "relu")
