"""Augmentation: what it does to pixels and labels, that it is drawn from torch's generator, and that a training goes on exactly."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from modelwright.models import registry
from modelwright.spec.images import ImageAugment
from modelwright.spec.routes.route import all_routes
from modelwright.tasks.contract import get_task
from modelwright.train import augment
from modelwright.train.precision import Precision
from modelwright.train.step import Stepper
from modelwright.train.vocabulary import Vocabulary

TASK = get_task("image-classification")


@pytest.fixture(autouse=True)
def seeded() -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def images(count: int = 64, channels: int = 3, height: int = 10, width: int = 8) -> Tensor:
    return torch.randint(0, 256, (count, channels, height, width), dtype=torch.uint8)


def test_flip_mirrors_about_half() -> None:
    given = images(400)
    found = augment.flip(given)
    mirrored = (found == given.flip(-1)).flatten(1).all(1)
    same = (found == given).flatten(1).all(1)
    assert bool((mirrored ^ same).all())
    assert 150 < int(mirrored.sum()) < 250


def test_crop_shifts_by_whole_pixels_and_fills_with_black() -> None:
    given = images(300)
    found = augment.crop(given, 0.2)  # two pixels down and up, two (1.6 rounded) left and right
    shifts = set()
    for before, after in zip(given, found, strict=True):
        padded = torch.nn.functional.pad(before, (2, 2, 2, 2))
        at = [(y, x) for y in range(5) for x in range(5) if torch.equal(padded[:, y : y + 10, x : x + 8], after)]
        assert len(at) == 1
        shifts.add(at[0])
    assert len(shifts) == 25


def test_rotate_turns_the_right_way_and_keeps_circles_round() -> None:
    down, across = torch.meshgrid(torch.arange(20.0), torch.arange(40.0), indexing="ij")
    disc = (((down - 9.5) ** 2 + (across - 19.5) ** 2) < 49).float()[None, None].repeat(20, 1, 1, 1) * 200
    found = augment.rotate(disc, 90)
    assert float((found - disc).abs().mean()) < 4.5  # only its edge trembles, in a wide image too; an ellipse would be at 19
    line = torch.zeros(50, 1, 21, 21)
    line[:, :, 10] = 255
    spread = (augment.rotate(line, 45) > 100).float().mean((0, 1))
    assert spread[10, 10] == 1
    assert spread[0, 10] == 0  # within 45° no line is upright
    assert spread[3, 3] > 0


def test_colours_change_as_stated() -> None:
    grey = torch.full((200, 3, 4, 4), 100, dtype=torch.uint8)
    factors = augment._colours(grey, ImageAugment(crop=0, brightness=0.5))[:, 0, 0, 0] / 100
    assert 0.5 <= float(factors.min()) < 0.55
    assert 1.45 < float(factors.max()) <= 1.5
    flat = augment._colours(grey, ImageAugment(crop=0, contrast=0.9))
    assert torch.allclose(flat, grey.float())  # without contrast there is none to change
    assert torch.allclose(augment._colours(grey, ImageAugment(crop=0, saturation=1)), grey.float())  # grey has no colour
    noisy = augment._colours(grey, ImageAugment(crop=0, noise=0.1))
    assert abs(float(noisy.std()) - 25.5) < 1
    assert float(noisy.min()) >= 0


def test_saturation_zero_is_grey() -> None:
    given = images(5).float()
    found = augment.saturate(given, torch.zeros(5, 1, 1, 1))
    assert torch.allclose(found[:, 0], found[:, 2])
    assert torch.allclose(augment.saturate(given, torch.ones(5, 1, 1, 1)), given, atol=1e-4)


def test_erase_fills_rectangles_in_its_share() -> None:
    given = torch.zeros(400, 1, 20, 20, dtype=torch.uint8)
    found = augment.erase(given, 0.25)
    changed = (found > 0).flatten(1).any(1).float().mean()
    assert 0.18 < float(changed) < 0.32
    inside = (found > 0).flatten(1).float().mean(1)
    assert float(inside.max()) < 0.4


def test_mixup_mixes_labels_as_pixels() -> None:
    given, shares = images(16), torch.eye(16)
    mixed, labels = augment.mixup(given, shares, 0.4)
    weight = float(labels[0, 0])
    assert torch.allclose(labels.sum(1), torch.ones(16))
    other = int(labels[0].argsort()[-2 if weight > 0.5 else -1])
    expected = weight * given[0].float() + (1 - weight) * given[other].float()
    assert other == 0 or torch.allclose(mixed[0], expected, atol=0.01)


def test_cutmix_counts_the_area_it_took() -> None:
    for _ in range(20):
        given = torch.arange(8, dtype=torch.uint8).view(8, 1, 1, 1).repeat(1, 1, 16, 16)
        mixed, labels = augment.cutmix(given, torch.eye(8), 1.0)
        for row in range(8):
            counted = torch.bincount(mixed[row].flatten().long(), minlength=8) / 256
            assert torch.allclose(counted, labels[row], atol=1e-6)


def test_beta_draws_have_their_spread() -> None:
    drawn = torch.tensor([augment._weight(0.5) for _ in range(2_000)])
    assert abs(float(drawn.mean()) - 0.5) < 0.03
    assert math.isclose(float(drawn.var()), 1 / (4 * (2 * 0.5 + 1)), rel_tol=0.1)  # of Beta(α, α)


def test_frames_of_a_case_move_together() -> None:
    pixels = images(12)[:, None].repeat(1, 4, 1, 1, 1)
    changed = augment.Augment(ImageAugment(crop=0.2, flip=True, rotate=20, brightness=0.3), 3)
    found, targets = changed({"pixels": pixels, "present": torch.ones(12, 4)}, torch.zeros(12, dtype=torch.long))
    assert set(found) == {"pixels", "present"}
    for frame in range(1, 4):
        assert torch.allclose(found["pixels"][:, frame].float(), found["pixels"][:, 0].float())
    assert targets.shape == (12,)


def test_nothing_asked_is_nothing_done() -> None:
    assert augment.choose(all_routes()["cnn"](augment={"crop": 0}), 10) is None
    assert augment.choose(all_routes()["textcnn"](), 10) is None
    assert augment.choose(all_routes()["cnn"](), 10) is not None


def stepper(route: Any, task: Any, dtype: str) -> Stepper:
    torch.manual_seed(1)
    module = registry.build(route, task.sizes, None)
    return Stepper(module, task, route, Precision(dtype, "test"), Vocabulary(module, []), torch.device("cpu"))  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["cnn", "cnn-rnn"])
def test_a_training_goes_on_exactly_with_augmentation_and_statistics(name: str, dtype: str) -> None:
    kind = "frames" if name == "cnn-rnn" else "grey"
    settings = {"crop": 0.1, "rotate": 10, "noise": 0.05, "erase": 0.3, "mixup": 0.2, "cutmix": 1.0}
    route = all_routes()[name](width=8, blocks=2, layers=1, augment=settings, learning_rate=0.01)
    rows = TASK.exam_rows(0, kind)
    task = TASK.fit(rows, route)
    batch = task.collate(task.encode_many(rows[:32]))
    one = stepper(route, task, dtype)
    for _ in range(3):
        one.learn([(1.0, batch)], 1.0)
    kept = {key: value.clone() for key, value in one.optimiser.tensors().items()}
    assert any(key.startswith("counted.") for key in kept)
    generator = torch.get_rng_state()
    losses = [one.learn([(1.0, batch)], 1.0) for _ in range(3)]
    other = stepper(route, task, dtype)
    other.optimiser.restore(kept)
    torch.set_rng_state(generator)
    assert [other.learn([(1.0, batch)], 1.0) for _ in range(3)] == losses
    first, second = one.answer(batch)["logits"], other.answer(batch)["logits"]
    assert (first == second).all()


def test_statistics_of_the_batch_reach_the_shipped_module() -> None:
    route = all_routes()["resnet"](width=8, stages=2)
    rows = TASK.exam_rows(0, "grey")
    task = TASK.fit(rows, route)
    batch = task.collate(task.encode_many(rows))
    one = stepper(route, task, "bfloat16")
    for _ in range(4):
        one.learn([(1.0, batch)], 1.0)
    before = one.answer(batch)["logits"]
    module = one.finish(one.optimiser.snapshot())
    counted = {name: value for name, value in module.state_dict().items() if name.endswith((".mean", ".variance"))}
    assert counted
    assert all(value.dtype == torch.float32 for value in counted.values())
    assert any(float(value.abs().max()) > 0 for name, value in counted.items() if name.endswith(".mean"))
    assert abs(registry.outputs(module, batch.inputs)["logits"] - before).max() < 0.1  # bfloat16's digits
