"""Recommenders: least squares solved exactly, in the graph too; exclusions; what is liked lately."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from modelwright.base.errors import ReleaseError, SpecError, TrainError
from modelwright.base.graph import Graph
from modelwright.base.nouns import Batch, Example
from modelwright.models import als, ease, popularity, registry
from modelwright.models.item_scores import matrix
from modelwright.models.item_scores import popularity as shares
from modelwright.spec.routes.als import Als
from modelwright.spec.routes.ease import Ease
from modelwright.spec.routes.popularity import Popularity
from modelwright.spec.routes.sequential import Sequential

SIZES = {"items": 30, "excluded": -1_000_000_000}


def examples(users: int = 80, seed: int = 0, count: bool = False) -> list[Example]:
    draw = np.random.default_rng(seed)
    found = []
    for user in range(users):
        items = np.sort(draw.choice(np.arange(user % 3 * 10, user % 3 * 10 + 14) % 30, draw.integers(1, 9), replace=False))
        weights = draw.integers(1, 6, len(items)) if count else np.ones(len(items))
        ages = draw.uniform(0, 100, len(items))
        inputs = {"items": items.astype(np.int64), "weights": weights.astype(np.float32), "ages": ages.astype(np.float32)}
        found.append(Example(f"u{user}", inputs, 1))
    return found


def question(made: list[Example], rows: int = 12) -> Batch:
    profile = matrix(made, SIZES).toarray()[:rows].astype(np.float32)
    profile[0] = 0.0
    inputs = {"profile": profile, "excluded": profile > 0, "asked": np.tile(np.array([[10, 3]]), (rows, 1))}
    return Batch(tuple(map(str, range(rows))), inputs)


def folded_in(model: als.Fitted, made: list[Example], settings: Als, profile: np.ndarray) -> np.ndarray:
    """(YᵀY + λI + Yᵀ(C − I)Y) x = YᵀC p solved directly, from the whitened vectors: there YᵀY + λI is I."""
    vectors = model.arrays["vectors"].astype(np.float64)
    found = []
    for weights in profile.astype(np.float64):
        extra = settings.confidence * weights
        left = np.eye(vectors.shape[1]) + vectors.T @ (vectors * extra[:, None])
        found.append(vectors @ np.linalg.solve(left, vectors.T @ ((1 + extra) * (weights > 0))))
    return np.stack(found)


@pytest.mark.parametrize("count", [False, True])
@pytest.mark.parametrize("confidence", [0.5, 4.0, 40.0, 200.0])
def test_als_folds_a_history_in_as_exactly_as_least_squares(confidence: float, count: bool, tmp_path: Path) -> None:
    made, settings = examples(count=count), Als(factors=12, strength=0.5, confidence=confidence, sweeps=4)
    model = als.fit(settings, SIZES, made, seed=0)
    batch = question(made)
    expected = folded_in(model, made, settings, batch.inputs["profile"])[1:]
    np.testing.assert_allclose(model.raw(batch.inputs["profile"])[1:], expected, atol=1e-4)
    (tmp_path / "model.onnx").write_bytes(model.graph().SerializeToString())
    answers = Graph(tmp_path / "model.onnx", threads=1).run(batch)
    scores = answers["scores"][1:]
    np.testing.assert_allclose(scores, np.where(batch.inputs["excluded"][1:], -1e9, expected), atol=1e-4)
    np.testing.assert_array_equal(answers["asked_for"], batch.inputs["asked"])


def test_als_vectors_are_whitened_item_vectors_at_the_minimum() -> None:
    """After many sweeps neither side can be improved: the solved items satisfy their own normal equations."""
    made, settings = examples(), Als(factors=4, strength=1.0, confidence=3.0, sweeps=150)
    longer = settings.model_copy(update={"sweeps": 151})
    one, two = (als.fit(chosen, SIZES, made, seed=0) for chosen in (settings, longer))
    profile = question(made).inputs["profile"]
    np.testing.assert_allclose(one.raw(profile), two.raw(profile), atol=2e-3)
    gram = one.arrays["vectors"].T @ one.arrays["vectors"]
    assert np.linalg.eigvalsh(gram).max() <= 1.0 + 1e-5  # which bounds the steps of conjugate gradients


def test_ease_solves_its_own_problem() -> None:
    """The minimum of ‖X − XB‖² + λ‖B‖² with a zero diagonal: the gradient vanishes everywhere else (Steck 2019)."""
    made = examples()
    model = ease.fit(Ease(strength=5.0), SIZES, made, seed=0)
    users, weights = matrix(made, SIZES).toarray(), model.arrays["weights"].astype(np.float64)
    assert np.abs(np.diag(weights)).max() == 0.0
    gradient = users.T @ (users @ weights - users) + 5.0 * weights
    assert np.abs(gradient[~np.eye(30, dtype=bool)]).max() < 1e-3


def test_a_catalogue_too_large_to_be_squared_is_refused() -> None:
    with pytest.raises(TrainError, match="keeps a number for each pair") as caught:
        ease.fit(Ease(), {**SIZES, "items": 50_000}, examples(), seed=0)
    assert "als" in caught.value.remedy


def test_popularity_with_a_half_life_is_what_is_liked_lately() -> None:
    def user(item: int, age: float) -> Example:
        inputs = {"items": np.array([item]), "weights": np.ones(1, np.float32), "ages": np.array([age], np.float32)}
        return Example(f"{item}-{age}", inputs, 1)

    made = [user(0, 90.0), user(0, 90.0), user(0, 90.0), user(1, 0.0), user(1, 0.0)]
    np.testing.assert_allclose(shares(made, SIZES, None)[:2], [0.6, 0.4])
    lately = shares(made, SIZES, 30.0)
    np.testing.assert_allclose(lately[:2], [3 / 8 / (2 + 3 / 8), 2 / (2 + 3 / 8)])
    old = popularity.fit(Popularity(), SIZES, made, 0).raw(np.zeros((1, 30)))
    new = popularity.fit(Popularity(half_life=30), SIZES, made, 0).raw(np.zeros((1, 30)))
    assert (old.argmax(), new.argmax()) == (0, 1)


def test_the_trend_is_added_and_answers_those_of_whom_nothing_is_known() -> None:
    made = examples()
    plain, trendy = (ease.fit(Ease(trend=trend, half_life=5), SIZES, made, 0) for trend in (0.0, 2.0))
    batch = question(made)
    added = trendy.raw(batch.inputs["profile"]) - plain.raw(batch.inputs["profile"])
    np.testing.assert_allclose(added, np.tile(2.0 * shares(made, SIZES, 5.0), (12, 1)), atol=1e-5)
    assert plain.outputs(batch.inputs)["scores"][0].argmax() == shares(made, SIZES, None).argmax()
    assert trendy.outputs(batch.inputs)["scores"][0].argmax() == shares(made, SIZES, 5.0).argmax()


@pytest.mark.parametrize("kind", [als, ease, popularity])
def test_weights_come_back_and_damaged_ones_are_refused(kind, tmp_path: Path) -> None:
    settings = {als: Als(factors=4, sweeps=2), ease: Ease(), popularity: Popularity()}[kind]
    model = kind.fit(settings, SIZES, examples(), 0)
    model.save(tmp_path)
    batch = question(examples())
    again = kind.Fitted.load(tmp_path)
    np.testing.assert_array_equal(again.outputs(batch.inputs)["scores"], model.outputs(batch.inputs)["scores"])
    assert again.parameters == model.parameters
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 20)
    with pytest.raises(ReleaseError, match="can't be read"):
        kind.Fitted.load(tmp_path)


def test_a_history_can_not_see_what_comes_after() -> None:
    """Changing a later item leaves the logits of every earlier step as they are."""
    module = registry.build(Sequential(width=16, layers=2, heads=2, dropout=0.0), SIZES, None).train()
    ids = torch.tensor([[31, 4, 9, 2, 17]])
    other = ids.clone()
    other[0, 3] = 25
    first, second = module(item_ids=ids)["logits"], module(item_ids=other)["logits"]
    torch.testing.assert_close(first[:, :3], second[:, :3])
    assert not torch.allclose(first[:, 3], second[:, 3])


def test_padding_changes_no_answer() -> None:
    for name in ("sequential", "two_tower"):
        route = registry.all_routes()[name.replace("_", "-")].model_validate({"width": 16})
        module = registry.build(route, SIZES, None).eval()
        excluded, asked = torch.zeros(1, 30, dtype=torch.bool), torch.tensor([[10, 2]])
        short = module(item_ids=torch.tensor([[31, 4, 9]]), excluded=excluded, asked=asked)["scores"]
        padded = module(item_ids=torch.tensor([[31, 4, 9, 0, 0]]), excluded=excluded, asked=asked)["scores"]
        torch.testing.assert_close(short, padded)


def test_a_width_that_heads_can_not_share_is_refused() -> None:
    with pytest.raises(SpecError, match="no multiple of heads") as caught:
        registry.build(Sequential(width=20, heads=3), SIZES, None)
    assert caught.value.remedy == "Set width: 21."
