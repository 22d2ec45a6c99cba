"""What every gradient architecture over texts owes: the same answer alone and in a batch, and after saving and loading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelwright.base.errors import ReleaseError
from modelwright.models import registry
from modelwright.spec.routes.route import GradientRoute, Route, all_routes
from modelwright.tasks.contract import get_task, routes_of

SMALL: dict[str, dict[str, Any]] = {
    "bilstm": {"width": 8, "layers": 2},
    "encoder": {"width": 16, "layers": 2, "heads": 2, "max_tokens": 24},
    "fasttext": {"width": 8},
    "textcnn": {"width": 8, "channels": 4, "kernels": (2, 5)},
    "finetune": {"max_tokens": 24},
}


def routes() -> list[str]:
    """Those over texts; the inputs here are tokens."""
    return [route.key() for route in routes_of(get_task("text-classification")).values() if issubclass(route, GradientRoute)]


def made(name: str) -> Route:
    return all_routes()[name].model_validate(SMALL.get(name, {}))


@pytest.mark.parametrize("name", routes())
def test_a_row_answers_the_same_alone_and_in_a_batch(name, sizes, inputs, bert):
    module = registry.build(made(name), sizes, bert).eval()
    together = registry.outputs(module, inputs)["logits"]
    assert together.shape == (5, sizes["classes"])
    for row in range(5):
        length = int(inputs["mask"][row].sum())
        alone = registry.outputs(module, {key: array[row : row + 1, :length] for key, array in inputs.items()})["logits"]
        np.testing.assert_allclose(alone[0], together[row], atol=1e-5)


@pytest.mark.parametrize("name", routes())
def test_every_token_counts(name, sizes, inputs, bert):
    """Changing a row's first or last real token changes its answer; changing what lies under the padding does not."""
    module = registry.build(made(name), sizes, bert).eval()
    before = registry.outputs(module, inputs)["logits"]
    for row, place, counts in ((2, 0, True), (2, 8, True), (2, 9, False), (2, 16, False)):
        changed = {**inputs, "token_ids": inputs["token_ids"].copy()}
        changed["token_ids"][row, place] = 77
        after = registry.outputs(module, changed)["logits"]
        assert np.allclose(after[row], before[row], atol=1e-6) is not counts, (row, place)


@pytest.mark.parametrize("name", routes())
def test_saved_and_loaded_it_says_the_same(name, sizes, inputs, bert, tmp_path):
    route = made(name)
    module = registry.build(route, sizes, bert).eval()
    registry.save(module, route, sizes, tmp_path / "saved")
    found, found_sizes = registry.describe(tmp_path / "saved")
    assert (found, found_sizes) == (route, sizes)
    loaded = registry.load(tmp_path / "saved")
    np.testing.assert_array_equal(registry.outputs(loaded, inputs)["logits"], registry.outputs(module, inputs)["logits"])


@pytest.mark.parametrize("name", routes())
def test_the_seed_decides_the_weights(name, sizes, inputs, bert):
    import torch

    answers = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        answers.append(registry.outputs(registry.build(made(name), sizes, bert).eval(), inputs)["logits"])
    assert np.array_equal(answers[0], answers[1])
    assert not np.array_equal(answers[0], answers[2])


@pytest.mark.parametrize("name", ["bilstm", "finetune"])
def test_a_truncated_file_is_a_release_error(name, sizes, bert, tmp_path):
    route = made(name)
    registry.save(registry.build(route, sizes, bert), route, sizes, tmp_path / "saved")
    weights = tmp_path / "saved" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ReleaseError) as caught:
        registry.load(tmp_path / "saved")
    assert caught.value.where == str(weights)


def test_weights_of_another_shape_are_refused(sizes, tmp_path):
    route = made("bilstm")
    registry.save(registry.build(route, sizes, None), route, sizes, tmp_path)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"classes": 3', '"classes": 4'))
    with pytest.raises(ReleaseError, match="size mismatch"):
        registry.load(tmp_path)


def test_a_foreign_config_is_refused(bert: Path):
    with pytest.raises(ReleaseError) as caught:
        registry.load(bert)
    assert "'modelwright'" in caught.value.came + caught.value.expected
