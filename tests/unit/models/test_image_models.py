"""Networks over images: the same answer alone, in a batch and after files; checkpoints read as tensors and nothing else."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from modelwright.base.errors import ReleaseError
from modelwright.models import efficientnet_lite, registry
from modelwright.models.finetune_image import PUBLISHED
from modelwright.models.picture import BatchNorm, Normalise
from modelwright.spec.routes.route import Route, all_routes

SMALL: dict[str, dict[str, Any]] = {
    "mlp-image": {"width": 8},
    "cnn": {"width": 4, "layers": 1},
    "resnet": {"width": 4, "stages": 2},
    "vit": {"width": 16, "heads": 2, "layers": 1},
    "cnn-rnn": {"width": 4, "blocks": 2, "hidden": 6},
}
STATISTICS = {"mean": [0.4, 0.5, 0.6], "deviation": [0.2, 0.3, 0.25]}


def sizes(channels: int = 3, height: int = 13, width: int = 10, classes: int = 4) -> dict[str, Any]:
    cut = {name: values[:channels] for name, values in STATISTICS.items()}
    return {"channels": channels, "height": height, "width": width, "classes": classes, **cut}


def made(name: str, **more: Any) -> Route:
    return all_routes()[name].model_validate({**SMALL.get(name, {}), **more})


def inputs(name: str, rows: int = 5, **shape: int) -> dict[str, np.ndarray]:
    known, generator = sizes(**shape), np.random.default_rng(0)
    picture = (known["channels"], known["height"], known["width"])
    if name != "cnn-rnn":
        return {"pixels": generator.integers(0, 256, (rows, *picture), dtype=np.uint8)}
    present = np.arange(4)[None] < np.array([4, 1, 2, 3, 4])[:rows, None]
    return {"pixels": generator.integers(0, 256, (rows, 4, *picture), dtype=np.uint8), "present": present}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", SMALL)
def test_alone_in_a_batch_and_from_files_it_answers_alike(name: str, channels: int, tmp_path: Path) -> None:
    known = sizes(channels)
    module = registry.build(made(name), known, None)
    for _ in range(3):  # statistics that differ from their start
        module.train()(**{key: torch.from_numpy(array) for key, array in inputs(name, channels=channels).items()})
    module.eval()
    given = inputs(name, channels=channels)
    together = registry.outputs(module, given)["logits"]
    assert together.shape == (5, 4)
    for row in range(5):
        alone = registry.outputs(module, {key: array[row : row + 1] for key, array in given.items()})["logits"]
        np.testing.assert_allclose(alone[0], together[row], atol=1e-5)
    registry.save(module, made(name), known, tmp_path)
    assert (registry.outputs(registry.load(tmp_path), given)["logits"] == together).all()


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("side", [4, 5, 100])
def test_small_odd_and_large_sides(name: str, side: int) -> None:
    module = registry.build(made(name), sizes(height=side, width=side + 3), None).eval()
    found = registry.outputs(module, inputs(name, rows=2, height=side, width=side + 3))["logits"]
    assert np.isfinite(found).all()
    assert np.abs(found[0] - found[1]).max() > 0


def test_frames_beyond_a_cases_end_change_nothing() -> None:
    module = registry.build(made("cnn-rnn"), sizes(), None).eval()
    given = inputs("cnn-rnn")
    before = registry.outputs(module, given)["logits"]
    changed = {**given, "pixels": given["pixels"].copy()}
    changed["pixels"][1, 1:] = 255  # the second case has one frame
    np.testing.assert_allclose(registry.outputs(module, changed)["logits"], before, atol=1e-6)
    changed["pixels"][1, 0] = 255
    assert np.abs(registry.outputs(module, changed)["logits"][1] - before[1]).max() > 1e-4


def test_empty_frames_do_not_bend_the_statistics_in_training() -> None:
    known = sizes()
    torch.manual_seed(0)
    one, other = (registry.build(made("cnn-rnn"), known, None).train() for _ in range(2))
    other.load_state_dict(one.state_dict())
    given = {key: torch.from_numpy(array) for key, array in inputs("cnn-rnn").items()}
    changed = {**given, "pixels": torch.where(given["present"][..., None, None, None], given["pixels"], 255)}
    for module, batch in ((one, given), (other, changed)):
        torch.manual_seed(1)  # dropout
        module(**batch)["logits"].sum().backward()
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_normalising_is_the_formula() -> None:
    pixels = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8)
    mean, deviation = (torch.tensor(STATISTICS[name])[:, None, None] for name in ("mean", "deviation"))
    expected = (pixels / 255 - mean) / deviation
    torch.testing.assert_close(Normalise(sizes())(pixels), expected)
    torch.testing.assert_close(Normalise(sizes())(pixels.float()), expected)


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3, 4)])
def test_batch_norm_is_torchs_and_keeps_its_precision(shape: tuple[int, ...]) -> None:
    ours = BatchNorm(5)
    theirs = (torch.nn.BatchNorm1d if len(shape) == 2 else torch.nn.BatchNorm2d)(5)
    for _ in range(3):
        given = torch.randn(shape) * 3 + 1
        torch.testing.assert_close(ours(given), theirs(given))
    torch.testing.assert_close(ours.mean, theirs.running_mean)
    torch.testing.assert_close(ours.variance, theirs.running_var)
    kept = ours.mean.clone()
    ours.to(torch.bfloat16)
    assert ours.mean.dtype == ours.weight.dtype == torch.float32
    assert torch.equal(ours.mean, kept)
    assert ours(torch.randn(shape).bfloat16()).dtype == torch.bfloat16
    ours.frozen = True
    kept = ours.mean.clone()
    ours.train()(torch.randn(shape).bfloat16())
    assert torch.equal(ours.mean, kept)


def test_padding_is_tensorflows() -> None:
    for kernel, stride, side in ((3, 2, 8), (3, 2, 9), (5, 2, 8), (5, 1, 7), (1, 1, 5)):
        part = efficientnet_lite.Convolution(2, 2, kernel, stride, (side, side), linear=True).eval()
        image = torch.randn(1, 2, side, side)
        found = part(image)
        assert found.shape[-1] == -(-side // stride)
        total = max(0, (found.shape[-1] - 1) * stride + kernel - side)
        left = total // 2
        padded = functional.pad(image, (left, total - left, left, total - left))
        expected = functional.conv2d(padded, part.kernel.weight, stride=stride) / (1 + 1e-3) ** 0.5
        torch.testing.assert_close(found, expected)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights under the published names, as the catalogue unpacks them."""
    folder = tmp_path_factory.mktemp("lite")
    torch.manual_seed(3)
    module = efficientnet_lite.EfficientNetLite(sizes(height=32, width=32), 0.0)
    weights = {theirs: module.state_dict()[ours] for ours, theirs in efficientnet_lite._names()}
    torch.save({**weights, "_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)}, folder / PUBLISHED)
    (folder / "config.json").write_text(json.dumps({"model_type": efficientnet_lite.MODEL_TYPE}))
    return folder


def test_published_weights_come_in_and_go_out(published: Path, tmp_path: Path) -> None:
    known, route = sizes(height=32, width=32), made("finetune-image")
    torch.manual_seed(9)
    module = registry.build(route, known, published).eval()
    torch.manual_seed(3)
    expected = efficientnet_lite.EfficientNetLite(known, 0.0).state_dict()
    found = module.state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items() if not name.startswith("head"))
    assert not torch.equal(found["head.weight"], expected["head.weight"])
    given = inputs("finetune-image", height=32, width=32)
    before = registry.outputs(module, given)["logits"]
    registry.save(module, route, known, tmp_path)
    assert (registry.outputs(registry.load(tmp_path), given)["logits"] == before).all()
    (tmp_path / "model.safetensors").write_bytes(b"half")
    with pytest.raises(ReleaseError):
        registry.load(tmp_path)


def test_only_the_head_learns_where_asked(published: Path) -> None:
    known = sizes(height=32, width=32)
    module = registry.build(made("finetune-image", method="head"), known, published)
    assert {name for name, weight in module.named_parameters() if weight.requires_grad} == {"head.weight", "head.bias"}
    before = {name: value.clone() for name, value in module.state_dict().items()}
    module.train()(torch.from_numpy(inputs("finetune-image", height=32, width=32)["pixels"]))
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


class Attack:
    def __reduce__(self):
        return (Path.touch, (Path("attacked"),))


def test_weights_that_would_run_code_are_refused(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.json").write_text((published / "config.json").read_text())
    known = sizes(height=32, width=32)
    for content in (pickle.dumps(Attack(), protocol=2), b"", b"\0" * 100, (published / PUBLISHED).read_bytes()[:5000]):
        (tmp_path / PUBLISHED).write_bytes(content)
        with pytest.raises(ReleaseError):
            registry.build(made("finetune-image"), known, tmp_path)
    torch.save({"_conv_stem.weight": torch.zeros(32, 3, 3, 3)}, tmp_path / PUBLISHED)
    with pytest.raises(ReleaseError, match=r"_bn0\.weight"):
        registry.build(made("finetune-image"), known, tmp_path)
    assert not (tmp_path / "attacked").exists()
