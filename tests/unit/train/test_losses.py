"""Losses against their formulas in numpy: values, weights, best answers, and which route may choose which."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional

from modelwright.base.errors import SpecError
from modelwright.spec.routes.route import GradientRoute, LossName
from modelwright.spec.routes.textcnn import TextCNN
from modelwright.train import losses

B, C = 5, 3
RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(size=(B, C)) * 2
CLASSES = np.array([0, 2, 1, 1, 0])
SOFT = RANDOM.dirichlet(np.ones(C), B)
LABELS = (RANDOM.random((B, C)) < 0.5).astype(float)
VALUES, NUMBERS = RANDOM.normal(size=(B, C)), RANDOM.normal(size=(B, C))
COUNTS = RANDOM.poisson(2.0, (B, C)).astype(float)
WEIGHTS = np.array([0.5, 2.0, 1.0, 0.0, 3.0])
LEVELS = (0.1, 0.5, 0.9)
QUANTILES = RANDOM.normal(size=(B, 4, 3))


def chances() -> np.ndarray:
    powers = np.exp(LOGITS)
    return powers / powers.sum(1, keepdims=True)


def apart() -> np.ndarray:
    """Each logit's chance of its own."""
    return 1 / (1 + np.exp(-LOGITS))


def truth(targets: np.ndarray) -> np.ndarray:
    return np.eye(C)[targets]


def binary(targets: np.ndarray) -> np.ndarray:
    return -(targets * np.log(apart()) + (1 - targets) * np.log(1 - apart()))


def huber(delta: float) -> np.ndarray:
    distance = np.abs(VALUES - NUMBERS)
    return np.where(distance <= delta, distance**2 / 2, delta * (distance - delta / 2))


def pinball() -> np.ndarray:
    distance = np.asarray(NUMBERS[:, :1])[..., None] - QUANTILES
    return np.where(distance >= 0, np.array(LEVELS) * distance, (np.array(LEVELS) - 1) * distance)


logits = {"logits": LOGITS}
values = {"values": VALUES}
# name: (task's loss, settings, outputs, targets, loss of each row and place)
CASES: dict[str, tuple] = {
    "cross-entropy": ("cross-entropy", {}, logits, CLASSES, lambda: -np.log(chances()[range(B), CLASSES])),
    "of soft targets": ("cross-entropy", {}, logits, SOFT, lambda: -(SOFT * np.log(chances())).sum(1)),
    "smoothed": (
        "cross-entropy",
        {"label_smoothing": 0.1},
        logits,
        CLASSES,
        lambda: -((0.9 * truth(CLASSES) + 0.1 / C) * np.log(chances())).sum(1),
    ),
    "focal": (
        "cross-entropy",
        {"loss": "focal", "focal_gamma": 1.5},
        logits,
        CLASSES,
        lambda: -((1 - chances()) ** 1.5 * np.log(chances()))[range(B), CLASSES],
    ),
    "focal of soft targets": (
        "cross-entropy",
        {"loss": "focal"},
        logits,
        SOFT,
        lambda: -(SOFT * (1 - chances()) ** 2 * np.log(chances())).sum(1),
    ),
    "binary": ("binary-cross-entropy", {}, logits, LABELS, lambda: binary(LABELS)),
    "binary smoothed": (
        "binary-cross-entropy",
        {"label_smoothing": 0.2},
        logits,
        LABELS,
        lambda: binary(0.8 * LABELS + 0.1),
    ),
    "binary focal": (
        "binary-cross-entropy",
        {"loss": "focal", "focal_gamma": 3.0},
        logits,
        LABELS,
        lambda: binary(LABELS) * np.where(LABELS == 1, 1 - apart(), apart()) ** 3,
    ),
    "squares": ("mean-squared-error", {}, values, NUMBERS, lambda: (VALUES - NUMBERS) ** 2),
    "absolute": ("mean-squared-error", {"loss": "mean-absolute-error"}, values, NUMBERS, lambda: np.abs(VALUES - NUMBERS)),
    "huber": ("mean-squared-error", {"loss": "huber", "huber_delta": 0.7}, values, NUMBERS, lambda: huber(0.7)),
    "poisson": ("poisson", {}, {"log_rates": VALUES}, COUNTS, lambda: np.exp(VALUES) - COUNTS * VALUES),
    "pinball": ("pinball", {}, {"quantiles": QUANTILES}, np.repeat(NUMBERS[:, :1], 4, 1), pinball),
}


def tensors(outputs: dict[str, np.ndarray], targets: np.ndarray) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    wanted = torch.from_numpy(targets)
    return {name: torch.from_numpy(array).float() for name, array in outputs.items()}, (
        wanted.float() if wanted.is_floating_point() else wanted
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_a_loss_is_its_formula(name, weighted):
    named, settings, outputs, targets, formula = CASES[name]
    call = losses.choose(named, {"quantiles": list(LEVELS)}, GradientRoute(**settings))
    each = formula()
    weights = WEIGHTS if weighted else np.ones(B)
    spread = np.broadcast_to(weights.reshape(-1, *[1] * (each.ndim - 1)), each.shape)
    expected = (each * spread).sum() / spread.sum()
    found = call(*tensors(outputs, targets), torch.from_numpy(WEIGHTS).float() if weighted else None)
    assert found.dtype == torch.float32 and found.ndim == 0
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_equal_weights_change_nothing_and_bfloat16_is_summed_in_float32(name):
    named, settings, outputs, targets, _ = CASES[name]
    call = losses.choose(named, {"quantiles": LEVELS}, GradientRoute(**settings))
    given, wanted = tensors(outputs, targets)
    plain = call(given, wanted, None)
    torch.testing.assert_close(call(given, wanted, torch.full((B,), 7.0)), plain)
    rounded = call({key: value.bfloat16() for key, value in given.items()}, wanted, None)
    assert rounded.dtype == torch.float32 and float(rounded) == pytest.approx(float(plain), rel=0.02)


def test_every_loss_of_the_project_file_has_a_family_and_the_other_way_round():
    from typing import get_args

    named = {name for family in losses.FAMILIES.values() for name in family}
    assert named - {"given"} == set(get_args(LossName)), "what a module calls its loss is no choice of a route"
    assert all(next(iter(family)) == name for name, family in losses.FAMILIES.items())


@pytest.mark.parametrize("loss", [losses.cross_entropy, losses.focal])
def test_padding_is_not_learned_from(loss: Callable[..., torch.Tensor]):
    steps = torch.randn(2, 4, C)
    targets = torch.tensor([[1, 2, -100, -100], [0, 1, 2, 2]])
    found = loss({"logits": steps}, targets, None)
    kept = targets != -100
    torch.testing.assert_close(found, loss({"logits": steps[kept]}, targets[kept], None))
    weighted = loss({"logits": steps}, targets, torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(weighted, loss({"logits": steps[0, :2]}, targets[0, :2], None))


def test_nothing_that_counts_is_no_loss_and_no_gradient():
    given = torch.randn(3, C, requires_grad=True)
    loss = losses.cross_entropy({"logits": given}, torch.tensor([0, 1, 2]), torch.zeros(3))
    loss.backward()
    assert loss.item() == 0.0 and given.grad is not None and not given.grad.any()


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(
    ("loss", "targets"), [(losses.focal, torch.tensor([0])), (losses.binary_focal, torch.tensor([[1.0, 0.0]]))]
)
def test_a_focal_loss_of_a_sure_answer_has_a_finite_gradient(loss, targets, gamma):
    given = torch.tensor([[200.0, -200.0]], requires_grad=True)
    loss({"logits": given}, targets, None, gamma=gamma).backward()
    assert given.grad is not None and given.grad.isfinite().all()


def test_focal_without_gamma_is_cross_entropy():
    given, targets = {"logits": torch.from_numpy(LOGITS).float()}, torch.from_numpy(CLASSES)
    torch.testing.assert_close(losses.focal(given, targets, None, gamma=0.0), functional.cross_entropy(given["logits"], targets))
    labels = torch.from_numpy(LABELS).float()
    torch.testing.assert_close(
        losses.binary_focal(given, labels, None, gamma=0.0), losses.binary_cross_entropy(given, labels, None)
    )


@pytest.mark.parametrize(
    ("named", "loss", "statistic"),
    [
        ("mean-squared-error", None, np.mean),
        ("mean-squared-error", "mean-absolute-error", np.median),
        ("poisson", None, lambda numbers: np.log(np.mean(numbers))),
        ("pinball", None, lambda numbers: np.quantile(numbers, LEVELS)),
    ],
)
def test_the_best_constant_answer_is_the_statistic_that_the_loss_is_for(named, loss, statistic):
    numbers = np.random.default_rng(1).gamma(2.0, size=401)
    call = losses.choose(named, {"quantiles": LEVELS}, GradientRoute(loss=loss))
    output = {"poisson": "log_rates", "pinball": "quantiles"}.get(named, "values")
    at = torch.zeros(3 if named == "pinball" else 1, requires_grad=True)
    optimiser = torch.optim.Adam([at], lr=0.05)
    for step in range(1500):
        optimiser.param_groups[0]["lr"] = 0.05 * (1 - step / 1500)
        optimiser.zero_grad()
        answers = at.expand(401, 3) if named == "pinball" else at.expand(401)
        call({output: answers}, torch.from_numpy(numbers), None).backward()
        optimiser.step()
    np.testing.assert_allclose(at.detach().numpy(), statistic(numbers), atol=0.03)


def test_a_loss_of_another_family_is_refused():
    with pytest.raises(SpecError) as caught:
        losses.choose("cross-entropy", {}, TextCNN(loss="huber"))
    assert "'huber'" in caught.value.came and caught.value.expected == "one of: cross-entropy, focal"


@pytest.mark.parametrize(
    ("named", "settings", "said"),
    [
        ("mean-squared-error", {"label_smoothing": 0.1}, "label_smoothing with cross-entropy or binary-cross-entropy only"),
        ("cross-entropy", {"focal_gamma": 1.0}, "focal_gamma with focal only"),
        ("mean-squared-error", {"huber_delta": 3.0}, "huber_delta with huber only"),
    ],
)
def test_a_setting_of_another_loss_is_refused_not_ignored(named, settings, said):
    with pytest.raises(SpecError) as caught:
        losses.choose(named, {}, TextCNN(**settings))
    assert caught.value.expected == said
