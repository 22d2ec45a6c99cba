"""Every optimiser against its textbook update, worked out in numpy for several steps, and on problems whose answer is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import nn

from modelwright.spec.routes.route import GradientRoute
from modelwright.train.optimisers import Optimiser
from modelwright.train.optimisers import muon as muons

RATE, DECAY, STEPS = 0.03, 0.2, 6
Update = Callable[[np.ndarray, np.ndarray, dict[str, Any], int, float, float], np.ndarray]
"""(weight, gradient, memory, step from 1, rate, decay) → the new weight, in float64."""


def sgd(momentum: float, nesterov: bool) -> Update:
    def update(weight, gradient, memory, step, rate, decay):
        gradient = gradient + decay * weight
        memory["v"] = gradient if step == 1 else momentum * memory["v"] + gradient
        return weight - rate * (gradient + momentum * memory["v"] if nesterov else memory["v"])

    return update


def adagrad(weight, gradient, memory, step, rate, decay):
    gradient = gradient + decay * weight
    memory["s"] = memory.get("s", 0.0) + gradient**2
    return weight - rate * gradient / (np.sqrt(memory["s"]) + 1e-8)


def rmsprop(weight, gradient, memory, step, rate, decay):
    gradient = gradient + decay * weight
    memory["s"] = 0.8 * memory.get("s", 0.0) + 0.2 * gradient**2
    return weight - rate * gradient / (np.sqrt(memory["s"]) + 1e-8)


def adam(weight, gradient, memory, step, rate, decay):
    return adamw(weight, gradient + decay * weight, memory, step, rate, 0.0)


def adamw(weight, gradient, memory, step, rate, decay):
    weight = weight - rate * decay * weight
    memory["m"] = 0.8 * memory.get("m", 0.0) + 0.2 * gradient
    memory["s"] = 0.95 * memory.get("s", 0.0) + 0.05 * gradient**2
    mean, square = memory["m"] / (1 - 0.8**step), memory["s"] / (1 - 0.95**step)
    return weight - rate * mean / (np.sqrt(square) + 1e-6)


def muon(weight, gradient, memory, step, rate, decay):
    memory["v"] = 0.9 * memory.get("v", 0.0) + 0.1 * gradient
    found = 0.1 * gradient + 0.9 * memory["v"]
    found = found.reshape(len(found), -1)
    found = found / np.linalg.norm(found)
    for a, b, c in muons.ROUNDS:
        gram = found @ found.T
        found = a * found + (b * gram + c * gram @ gram) @ found
    return weight - rate * decay * weight - 0.2 * math.sqrt(max(found.shape)) * rate * found.reshape(weight.shape)


BETAS = {"betas": (0.8, 0.95), "epsilon": 1e-6}
CASES: dict[str, tuple[dict[str, Any], Update]] = {
    "sgd": ({"optimizer": "sgd", "momentum": 0.0}, sgd(0.0, False)),
    "momentum": ({"optimizer": "sgd", "momentum": 0.7, "nesterov": False}, sgd(0.7, False)),
    "nesterov": ({"optimizer": "sgd", "momentum": 0.7}, sgd(0.7, True)),
    "adagrad": ({"optimizer": "adagrad"}, adagrad),
    "rmsprop": ({"optimizer": "rmsprop", "rms_decay": 0.8}, rmsprop),
    "adam": ({"optimizer": "adam", **BETAS}, adam),
    "adamw": ({"optimizer": "adamw", **BETAS}, adamw),
    "muon": ({"optimizer": "muon", **BETAS}, muon),
}


class Net(nn.Module):
    """Something of every kind: table, kernel, matrix, norm, output layer, biases."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(5, 4)
        self.kernel = nn.Conv2d(3, 4, 2)
        self.wide = nn.Linear(4, 6)
        self.norm = nn.LayerNorm(6)
        self.head = nn.Linear(6, 2)


def route(**settings: Any) -> GradientRoute:
    return GradientRoute(**{"learning_rate": RATE, "weight_decay": 0.0, "clip": 0.0, **settings})


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("clip", [0.0, 2.0])
@pytest.mark.parametrize("name", CASES)
def test_steps_are_the_textbooks(name, clip):
    settings, update = CASES[name]
    module = Net()
    optimiser = Optimiser(module, route(**settings, weight_decay=DECAY, clip=clip))
    random = np.random.default_rng(1)
    truths = {key: parameter.detach().double().numpy() for key, parameter in module.named_parameters()}
    memories: dict[str, dict[str, Any]] = {key: {} for key in truths}
    for step in range(1, STEPS + 1):
        gradients = {key: random.normal(size=truth.shape) for key, truth in truths.items()}
        for key, parameter in module.named_parameters():
            parameter.grad = torch.from_numpy(gradients[key]).float()
        share = 1.0 - 0.1 * step
        norm = optimiser.step(share)
        expected = math.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))
        assert norm == pytest.approx(expected, rel=1e-5)
        factor = min(1.0, clip / expected) if clip else 1.0
        for key, truth in truths.items():
            hidden = key in ("kernel.weight", "wide.weight")
            rule = adamw if name == "muon" and not hidden else update
            decay = DECAY if hidden or key == "head.weight" else 0.0
            truths[key] = rule(truth, gradients[key] * factor, memories[key], step, RATE * share, decay)
    for key, parameter in module.named_parameters():
        np.testing.assert_allclose(parameter.detach().numpy(), truths[key], rtol=1e-4, atol=1e-5, err_msg=key)


def test_muon_with_torchs_rounds_is_torchs_own_on_a_matrix(monkeypatch):
    if not hasattr(torch.optim, "Muon"):
        pytest.skip("this torch has no Muon")
    monkeypatch.setattr(muons, "ROUNDS", ((3.4445, -4.7750, 2.0315),) * 5)
    ours = nn.ParameterDict({"a": nn.Parameter(torch.randn(6, 4)), "b": nn.Parameter(torch.randn(6, 4))})
    theirs = [parameter.detach().clone().requires_grad_() for parameter in ours.values()]
    mine = Optimiser(ours, route(optimizer="muon", momentum=0.95, weight_decay=0.1))
    reference = torch.optim.Muon(theirs, lr=RATE, momentum=0.95, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    for _ in range(4):
        for one, other in zip(ours.values(), theirs, strict=True):
            one.grad = torch.randn_like(one)
            other.grad = one.grad.clone()
        mine.step(1.0)
        reference.step()
    for one, other in zip(ours.values(), theirs, strict=True):  # theirs rounds to bfloat16 on the way
        torch.testing.assert_close(one.detach(), other.detach(), rtol=0, atol=5e-3)


@pytest.mark.parametrize("shape", [(30, 8, 8), (20, 16, 5), (20, 5, 16), (4, 1, 7)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_orthogonal_factor_keeps_the_directions_and_evens_the_lengths(shape, dtype):
    matrices = torch.randn(shape)
    found = muons.orthogonal(matrices.to(dtype)).float()
    lengths = torch.linalg.svdvals(found)
    full = torch.linalg.svdvals(matrices)
    strong = full > 0.01 * matrices.norm(dim=(1, 2))[:, None]  # directions far below the strongest take more rounds
    assert lengths[strong].min() > 0.85 and lengths.max() < 1.15
    left, _, right = torch.linalg.svd(matrices, full_matrices=False)
    assert ((left @ right) * found).sum() / found.norm() / (left @ right).norm() > 0.9


def test_each_round_is_the_best_polynomial_for_what_the_rounds_before_it_leave():
    """By linear programming: no a x + b x³ + c x⁵ comes nearer to one all over the interval."""
    low, high = 0.005, 1.0
    for found in muons._BEST:
        values = low + (high - low) * (1 - np.cos(np.linspace(0, np.pi, 2001))) / 2
        powers = np.stack([values, values**3, values**5], 1)
        sides = np.concatenate([np.c_[powers, -np.ones(len(values))], np.c_[-powers, -np.ones(len(values))]])
        scale = np.array([1 / high, 1 / high**3, 1 / high**5, 1.0])
        right = np.concatenate([np.ones(len(values)), -np.ones(len(values))])
        best = linprog([0, 0, 0, 1], A_ub=sides * scale, b_ub=right, bounds=[(None, None)] * 3 + [(0, None)]).x[3]
        distance = np.abs(powers @ found - 1).max()
        assert distance == pytest.approx(best, abs=2e-3)
        low, high = 1 - distance, 1 + distance


class Point(nn.Module):
    """A row vector as a weight matrix, so that decay and L1 apply to it."""

    def __init__(self, start: list[float]) -> None:
        super().__init__()
        self.at = nn.Parameter(torch.tensor([start]))


def descend(loss: Callable[[torch.Tensor], torch.Tensor], start: list[float], steps: int, **settings: Any) -> np.ndarray:
    point = Point(start)
    optimiser = Optimiser(point, route(**settings))
    for step in range(steps):
        loss(point.at[0]).backward()
        optimiser.step(1.0 - step / steps)
    return point.at.detach()[0].numpy()


QUADRATIC = {
    "sgd": 0.05,
    "momentum": 0.02,
    "nesterov": 0.02,
    "adagrad": 0.5,
    "rmsprop": 0.05,
    "adam": 0.1,
    "adamw": 0.1,
}


@pytest.mark.parametrize("name", QUADRATIC)
def test_a_quadratic_with_a_condition_of_thirty(name):
    target = torch.tensor([1.0, -2.0, 0.5])
    curvature = torch.tensor([1.0, 5.0, 30.0])
    found = descend(
        lambda at: 0.5 * (curvature * (at - target) ** 2).sum(),
        [0.0, 0.0, 0.0],
        500,
        **CASES[name][0],
        learning_rate=QUADRATIC[name],
    )
    np.testing.assert_allclose(found, target.numpy(), atol=2e-3)


@pytest.mark.parametrize(("name", "rate"), [("nesterov", 1e-3), ("adam", 0.05), ("adamw", 0.05), ("rmsprop", 0.01)])
def test_rosenbrocks_valley(name, rate):
    settings = {key: value for key, value in CASES[name][0].items() if key not in ("betas", "epsilon")}
    if name == "nesterov":
        settings["momentum"] = 0.95
    found = descend(
        lambda at: (1 - at[0]) ** 2 + 100 * (at[1] - at[0] ** 2) ** 2, [-1.2, 1.0], 4000, **settings, learning_rate=rate
    )
    np.testing.assert_allclose(found, [1.0, 1.0], atol=0.03)


def logistic() -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Rows, labels (not separable), and the best weights by Newton's method."""
    random = np.random.default_rng(2)
    rows = random.normal(size=(200, 3))
    labels = (rows @ [1.5, -1.0, 0.0] + random.logistic(size=200) > 0).astype(float)
    best = np.zeros(3)
    for _ in range(20):
        chances = 1 / (1 + np.exp(-rows @ best))
        hessian = (rows * (chances * (1 - chances))[:, None]).T @ rows
        best -= np.linalg.solve(hessian, rows.T @ (chances - labels))
    return torch.from_numpy(rows).float(), torch.from_numpy(labels).float(), best


@pytest.mark.parametrize(
    ("name", "rate"),
    [("sgd", 2.0), ("momentum", 0.5), ("nesterov", 0.5), ("adagrad", 0.5), ("rmsprop", 0.05), ("adam", 0.05), ("adamw", 0.05)],
)
def test_logistic_regression_comes_to_newtons_answer(name, rate):
    rows, labels, best = logistic()
    found = descend(
        lambda at: nn.functional.binary_cross_entropy_with_logits(rows @ at, labels),
        [0.0] * 3,
        400,
        **CASES[name][0],
        learning_rate=rate,
    )
    np.testing.assert_allclose(found, best, atol=5e-3)


def test_stochastic_steps_come_near_it():
    """One row a step, and a rate that falls to zero (Robbins & Monro's condition)."""
    rows, labels, best = logistic()
    random = np.random.default_rng(0)
    numbers = iter(np.concatenate([random.permutation(200) for _ in range(40)]))

    def loss(at: torch.Tensor) -> torch.Tensor:
        row = int(next(numbers))
        return nn.functional.binary_cross_entropy_with_logits(rows[row] @ at, labels[row])

    found = descend(loss, [0.0] * 3, 8000, optimizer="sgd", momentum=0.0, learning_rate=0.1)
    np.testing.assert_allclose(found, best, atol=0.05)


def test_muon_fits_a_matrix():
    """min ½‖W − T‖²: every step has the same size in every direction, so that a falling rate brings W to T."""
    module, target = nn.Linear(6, 4, bias=False), torch.randn(4, 6)
    optimiser = Optimiser(module, route(optimizer="muon", learning_rate=0.1))
    before = float((module.weight.detach() - target).square().mean())
    for step in range(400):
        (0.5 * (module.weight - target).square().sum()).backward()
        optimiser.step(1 - step / 400)
    assert float((module.weight.detach() - target).square().mean()) < 1e-4 * before


def test_l2_is_ridge_regression_and_decoupled_decay_is_not():
    random = np.random.default_rng(3)
    rows, wanted = random.normal(size=(50, 3)), random.normal(size=50)
    strength = 0.3
    ridge = np.linalg.solve(rows.T @ rows / 50 + strength * np.eye(3), rows.T @ wanted / 50)
    x, y = torch.from_numpy(rows).float(), torch.from_numpy(wanted).float()
    for kind in ({"optimizer": "sgd"}, {"optimizer": "adam"}):
        found = descend(
            lambda at: 0.5 * ((x @ at - y) ** 2).mean(), [1.0] * 3, 500, **kind, learning_rate=0.05, weight_decay=strength
        )
        np.testing.assert_allclose(found, ridge, atol=2e-3)


def test_l1_is_the_lasso_with_exact_zeros():
    random = np.random.default_rng(4)
    rows = random.normal(size=(80, 6))
    wanted = rows @ [2.0, 0.0, -1.0, 0.0, 0.0, 0.05] + 0.1 * random.normal(size=80)
    penalty, lasso = 0.2, np.zeros(6)
    size = 1 / np.linalg.norm(rows.T @ rows / 80, 2)
    for _ in range(2000):  # ISTA in float64
        lasso -= size * rows.T @ (rows @ lasso - wanted) / 80
        lasso = np.sign(lasso) * np.maximum(0, np.abs(lasso) - size * penalty)
    assert 0 < (lasso == 0).sum() < 6
    x, y = torch.from_numpy(rows).float(), torch.from_numpy(wanted).float()
    found = descend(
        lambda at: 0.5 * ((x @ at - y) ** 2).mean(), [0.5] * 6, 800, optimizer="sgd", momentum=0.0, learning_rate=0.3, l1=penalty
    )
    np.testing.assert_allclose(found, lasso, atol=1e-3)
    assert ((found == 0) == (lasso == 0)).all()


def test_l1_spares_biases_and_tables():
    module = Net()
    optimiser = Optimiser(module, route(optimizer="sgd", momentum=0.0, l1=100.0, learning_rate=1.0))
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step(1.0)
    zero = {key for key, parameter in module.named_parameters() if not parameter.any()}
    assert zero == {"kernel.weight", "wide.weight", "head.weight", "norm.bias"}  # a norm's bias starts at zero


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", CASES)
def test_exact_continuation(name, dtype, tmp_path):
    """Six steps are three steps, a checkpoint in a file, a fresh process's worth of objects, and three more: bit for bit."""
    from modelwright.train.resume import Resume, State

    settings = {**CASES[name][0], "weight_decay": 0.1, "l1": 1e-3, "clip": 1.0}

    def made() -> tuple[Net, Optimiser]:
        torch.manual_seed(5)
        module = Net().to(dtype)
        return module, Optimiser(module, route(**settings))

    def learn(module: Net, optimiser: Optimiser, steps: range) -> None:
        for step in steps:
            random = torch.Generator().manual_seed(step)
            for parameter in module.parameters():
                parameter.grad = torch.randn(parameter.shape, generator=random).to(dtype)
            optimiser.step(0.5)

    straight, first = made()
    learn(straight, first, range(6))
    broken, second = made()
    learn(broken, second, range(3))
    Resume(tmp_path).save(State(step=3), second.tensors(), None)
    found = Resume(tmp_path).load()
    assert found is not None
    fresh, third = made()
    third.restore(found[1])
    assert set(third.tensors()) == set(second.tensors())
    learn(fresh, third, range(3, 6))
    for key, tensor in first.tensors().items():
        assert torch.equal(tensor, third.tensors()[key]), key
    for one, other in zip(straight.parameters(), fresh.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_checkpoint_of_another_shape_is_refused():
    module, other = nn.Linear(3, 2), nn.Linear(3, 2)
    optimiser = Optimiser(module, route())
    module.weight.grad, module.bias.grad = torch.ones(2, 3), torch.ones(2)
    optimiser.step(1.0)
    tensors = {**optimiser.tensors(), "exp_avg.weight": torch.zeros(3, 2)}
    with pytest.raises(RuntimeError, match=r"exp_avg\.weight"):
        Optimiser(other, route()).restore(tensors)
    with pytest.raises(KeyError):
        Optimiser(nn.Linear(3, 2, bias=False), route()).restore(optimiser.tensors())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradients_in_parts_are_the_gradient_of_the_whole(dtype):
    rows = torch.randn(12, 6).to(dtype)
    results = []
    for parts in (1, 4):
        torch.manual_seed(1)
        module = nn.Linear(6, 1).to(dtype)
        optimiser = Optimiser(module, route(optimizer="sgd", learning_rate=0.5))
        for _ in range(3):
            for part in rows.chunk(parts):
                loss = module(part).float().square().mean() * (len(part) / 12)
                loss.backward()
                if parts > 1:
                    optimiser.collect()
            optimiser.step(1.0)
        results.append(optimiser.snapshot())
    for key, whole in results[0].items():
        torch.testing.assert_close(whole, results[1][key], rtol=0, atol=1e-6 if dtype == torch.float32 else 2e-2)


def test_a_part_without_some_gradient_does_not_bring_back_an_old_one():
    module = nn.ModuleDict({"a": nn.Linear(2, 1, bias=False), "b": nn.Linear(2, 1, bias=False)}).to(torch.bfloat16)
    optimiser = Optimiser(module, route(optimizer="sgd", momentum=0.0, learning_rate=1.0))
    for parameter in module.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimiser.step(0.0)  # leaves gradients on the masters
    before = optimiser.snapshot()
    for _ in range(2):
        module["a"].weight.grad = torch.ones_like(module["a"].weight)
        optimiser.collect()
    optimiser.step(1.0)
    after = optimiser.snapshot()
    torch.testing.assert_close(before["a.weight"] - after["a.weight"], torch.full((1, 2), 2.0))
    assert torch.equal(before["b.weight"], after["b.weight"])
