"""Clustering models: the right number, rows that belong to none, and answers that their graphs share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from modelwright.base.errors import TrainError
from modelwright.base.graph import Graph
from modelwright.base.nouns import Batch, Example
from modelwright.base.vectors import vectors
from modelwright.models import registry
from modelwright.models.clusters import count, kmeans
from modelwright.tasks.contract import TASKS

ROUTES = TASKS.routes("clustering")
SIZES = {
    "numbers": 2,
    "categories": [3],
    "sources": ["x", "y", "place"],
    "number_sources": [0, 1],
    "category_sources": [2],
    "monotone": [0, 0],
    "edges": [[0.0], [0.0]],
}


def blobs(groups: int, rows: int = 60, seed: int = 0, spread: float = 0.25) -> list[Example]:
    draw = np.random.default_rng(seed)
    made = []
    for number in range(groups * rows):
        group = number % groups
        angle = 2 * np.pi * group / groups
        point = 3 * np.array([np.cos(angle), np.sin(angle)]) + draw.normal(0, spread, 2)
        inputs = {"numbers": point.astype(np.float32), "categories": np.array([0], np.int64)}
        made.append(Example(str(number), inputs, 1))
    return made


def batch(examples: list[Example]) -> Batch:
    inputs = {name: np.stack([example.inputs[name] for example in examples]) for name in ("numbers", "categories")}
    return Batch(tuple(example.row_id for example in examples), inputs)


@pytest.mark.parametrize("groups", [3, 5])
@pytest.mark.parametrize("name", ["kmeans", "gaussian-mixture", "hdbscan"])
def test_the_number_of_groups_is_found(name, groups):
    settings: dict[str, Any] = {} if name == "hdbscan" else {"most": 7}
    model = registry.fit(ROUTES[name].model_validate(settings), SIZES, blobs(groups), 0)
    found = model.outputs(batch(blobs(groups, seed=1)).inputs)["logits"].argmax(1)
    usual = [np.bincount(found[group::groups]).argmax() for group in range(groups)]
    assert len(set(usual)) == groups
    assert np.mean([found[number] == usual[number % groups] for number in range(len(found))]) > 0.97


def test_a_number_that_is_asked_for_is_taken():
    model = registry.fit(ROUTES["kmeans"].model_validate({"clusters": 4}), SIZES, blobs(3), 0)
    assert model.outputs(batch(blobs(3)).inputs)["logits"].shape[1] == 4


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_graph_and_model_agree_and_files_bring_them_back(name, tmp_path):
    route = ROUTES[name]()
    model = registry.fit(route, SIZES, blobs(3), 0)
    model.save(tmp_path)
    again = registry.load_fitted(route, tmp_path)
    (tmp_path / "model.onnx").write_bytes(again.graph().SerializeToString())
    asked = batch(blobs(3, seed=2))
    strange = {"numbers": np.array([[1e6, -1e6], [0, 0]], np.float32), "categories": np.array([[1], [2]], np.int64)}
    for inputs in (asked.inputs, strange):
        expected = model.outputs(inputs)["logits"]
        answered = Graph(tmp_path / "model.onnx", threads=1).run(Batch(("a",) * len(expected), inputs))["logits"]
        np.testing.assert_allclose(answered, expected, rtol=2e-4, atol=2e-4)
        np.testing.assert_array_equal(again.outputs(inputs)["logits"], expected)


def test_a_row_far_from_every_dense_group_belongs_to_none():
    model = registry.fit(ROUTES["hdbscan"](), SIZES, blobs(3), 0)
    far = {"numbers": np.array([[50, 50], [3, 0]], np.float32), "categories": np.array([[0], [0]], np.int64)}
    assert (model.outputs(far)["logits"].argmax(1) == 3).tolist() == [True, False]


def test_shares_of_a_mixture_are_its_responsibilities():
    library = pytest.importorskip("sklearn.mixture")
    examples = blobs(3, spread=1.2)
    model = registry.fit(ROUTES["gaussian-mixture"].model_validate({"clusters": 3, "starts": 1}), SIZES, examples, 0)
    rows = vectors(batch(examples).inputs, SIZES).astype(np.float64)
    theirs = library.GaussianMixture(3, random_state=0, reg_covar=1e-3, max_iter=300).fit(rows).predict_proba(rows)
    logits = model.outputs(batch(examples).inputs)["logits"].astype(np.float64)
    shares = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(shares / shares.sum(1, keepdims=True), theirs, atol=2e-3)


def test_more_clusters_than_rows_are_refused():
    with pytest.raises(TrainError, match="2 different rows for 5 clusters"):
        registry.fit(ROUTES["kmeans"].model_validate({"clusters": 5}), SIZES, [*blobs(2, 1), *blobs(2, 1)], 0)


def test_rows_without_groups_are_one_group_or_refused():
    draw = np.random.default_rng(0)
    lonely = [
        Example(str(number), {"numbers": draw.uniform(-1e3, 1e3, 2).astype(np.float32), "categories": np.array([0])}, 1)
        for number in range(30)
    ]
    model = registry.fit(ROUTES["hdbscan"].model_validate({"smallest": 20}), SIZES, lonely, 0)
    assert model.outputs(batch(lonely).inputs)["logits"].shape == (30, 2)  # the one, and none
    with pytest.raises(TrainError, match="lies closer together"):
        registry.fit(ROUTES["hdbscan"].model_validate({"smallest": 31}), SIZES, lonely, 0)


def test_the_most_stable_number_wins_and_silhouette_decides_among_equals():
    rows = vectors(batch(blobs(4)).inputs, SIZES)
    chosen, tried = count.choose(rows, range(2, 7), kmeans._assign, 0)
    stability = {one.clusters: one.stability for one in tried}
    assert chosen == 4
    assert stability[4] > 0.99 > stability[6]
    assert max(tried, key=lambda one: one.silhouette).clusters == 4
