"""Fitted table models against the libraries that solved them, their reasons against theory, their graphs against both."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from modelwright.base.errors import ReleaseError, SpecError
from modelwright.base.graph import Graph
from modelwright.base.nouns import Batch, Example, Row
from modelwright.models import registry
from modelwright.models.table_graph import features, of_examples, sources
from modelwright.models.trees import FittedTrees, contributions, paths, quadrature, rounded_down
from modelwright.spec.routes.route import Route
from modelwright.tasks.contract import get_task, routes_of
from modelwright.tasks.table import exam

ROUTES = ("boosting", "forest", "linear", "svm")
EXPLAINING = ("boosting", "forest", "linear")


def route(name: str, **settings) -> Route:
    small = {"boosting": {"trees": 20}, "forest": {"trees": 15, "leaves": 16}}
    return routes_of(get_task("tabular-classification"))[name](**{**small.get(name, {}), **settings})


def taught(kind: str, learn: dict | None = None):
    """Task, encoded rows and their batch."""
    name = "tabular-regression" if kind == "numbers" else "tabular-classification"
    task_type = get_task(name)
    rows = task_type.exam_rows(0, kind)
    task = task_type.fit(rows, route("boosting"), None, task_type.settings(**learn) if learn else None)
    examples = task.encode_many(rows)
    return task, examples, task.collate(examples)


def asking(batch: Batch) -> Batch:
    inputs = {**batch.inputs, "explain": np.ones(len(batch.row_ids), np.float32)}
    return Batch(batch.row_ids, inputs, batch.targets)


def graph_of(model, folder) -> Graph:
    path = folder / "model.onnx"
    path.write_bytes(model.graph().SerializeToString())
    return Graph(path, threads=1)


@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize("kind", ["two-classes", "three-classes", "numbers"])
def test_graph_file_and_model_answer_alike_with_reasons_and_without(name, kind, tmp_path):
    task, examples, batch = taught(kind)
    model = registry.fit(route(name), task.sizes, examples, 0)
    graph = graph_of(model, tmp_path)
    model.save(tmp_path)
    again = registry.load_fitted(route(name), tmp_path)
    for asked in (batch, asking(batch)):
        found, expected = graph.run(asked), model.outputs(asked.inputs)
        assert set(found) == set(expected)
        for output, array in expected.items():
            assert array.dtype == np.float32
            np.testing.assert_allclose(found[output], array, rtol=1e-4, atol=1e-4, err_msg=output)
            np.testing.assert_array_equal(again.outputs(asked.inputs)[output], array)
    if name in EXPLAINING:
        assert not graph.run(batch)["contributions"].any()
        assert np.abs(graph.run(asking(batch))["contributions"]).max() > 0.01
    assert model.parameters > 0


@pytest.mark.parametrize("name", EXPLAINING)
@pytest.mark.parametrize("kind", ["two-classes", "three-classes", "numbers"])
def test_reasons_add_up_to_what_the_answer_differs_from_the_mean(name, kind):
    """SHAP's efficiency: contributions and one constant give the score. Forests of classes explain probabilities, not logits."""
    task, examples, batch = taught(kind)
    model = registry.fit(route(name), task.sizes, examples, 0)
    outputs = model.outputs(asking(batch).inputs)
    total = outputs["contributions"].sum(1)
    if kind == "numbers":
        rest = outputs["values"][:, None] - total
    elif name == "forest":
        given = model.trees.scores(model.features(batch.inputs))
        rest = (given - total[:, 1:] * 2) if given.shape[1] == 1 else given - total
    else:
        rest = outputs["logits"] - total
    np.testing.assert_allclose(rest, np.broadcast_to(rest[0], rest.shape), atol=2e-4)


@pytest.mark.parametrize("kind", ["two-classes", "three-classes", "numbers"])
def test_boosting_says_what_the_library_says_to_the_last_decision(kind):
    lightgbm = pytest.importorskip("lightgbm")
    from modelwright.models import boosting

    task, examples, batch = taught(kind)
    settings = route("boosting", early_stopping=0, trees=25, rows_per_leaf=5)
    model = registry.fit(settings, task.sizes, examples, 3)
    columns = np.concatenate([batch.inputs["numbers"], batch.inputs["categories"]], 1).astype(np.float32)
    _, targets, weights = of_examples(examples, task.sizes)
    parameters = boosting._parameters(settings, task.sizes, len(examples), 3)
    categories = list(range(task.sizes["numbers"], columns.shape[1]))
    booster = lightgbm.train(parameters, boosting._dataset(lightgbm, (columns, targets, weights), categories), 25)
    raw = booster.predict(columns, raw_score=True).reshape(len(columns), -1)
    np.testing.assert_allclose(model.trees.scores(model.features(batch.inputs)), raw, atol=1e-5)
    assert model.sets.shape[1] > 0, "categories were split into sets"


def test_shap_values_are_those_of_the_library():
    """On numbers alone, where a feature is a column for both."""
    lightgbm = pytest.importorskip("lightgbm")
    from modelwright.models import boosting

    draw = np.random.default_rng(0)
    given = draw.normal(size=(300, 5)).astype(np.float32)
    targets = given[:, 0] * given[:, 1] + np.sin(2 * given[:, 2])
    sizes = {
        "numbers": 5,
        "categories": [],
        "sources": list("abcde"),
        "number_sources": [0, 1, 2, 3, 4],
        "category_sources": [],
        "monotone": [0] * 5,
    }
    booster = lightgbm.train({"verbosity": -1, "num_leaves": 12}, lightgbm.Dataset(given, targets), 30)
    trees, sets = boosting._trees(booster.dump_model(), sizes)
    assert sets.shape == (5, 0)
    expected = booster.predict(given[:40], pred_contrib=True)
    found = contributions(paths(trees), given[:40], sources(sizes), 5)[:, :, 0]
    np.testing.assert_allclose(found, expected[:, :5], atol=1e-5)
    np.testing.assert_allclose(booster.predict(given), trees.scores(given)[:, 0], atol=1e-5)


def test_shap_values_are_the_mean_over_all_orders():
    """By the definition: what a feature adds, averaged over every order in which features become known (Shapley 1953)."""
    pytest.importorskip("lightgbm")
    task, examples, batch = taught("numbers")
    model = registry.fit(route("boosting", trees=1, early_stopping=0, leaves=4), task.sizes, examples, 0)
    trees, row = model.trees, model.features(batch.inputs)[0]
    players = sorted({int(feature) for feature in trees.feature if feature >= 0})

    def value(known: frozenset[int], at: int) -> float:
        feature = int(trees.feature[at])
        if feature < 0:
            return float(trees.value[at, 0])
        left, right = int(trees.left[at]), int(trees.right[at])
        if feature in known:
            return value(known, left if row[feature] <= trees.threshold[at] else right)
        shares = trees.cover[[left, right]] / trees.cover[at]
        return float(shares[0] * value(known, left) + shares[1] * value(known, right))

    expected = np.zeros(len(task.sizes["sources"]))
    for order in itertools.permutations(players):
        for place, player in enumerate(order):
            before = frozenset(order[:place])
            gain = value(before | {player}, 0) - value(before, 0)
            expected[model.sources[player]] += gain / math.factorial(len(players))
    np.testing.assert_allclose(model.contributions(row[None])[0, :, 0], expected, atol=1e-6)


@pytest.mark.parametrize("longest", range(1, 9))
def test_quadrature_is_exact_for_paths_of_this_length(longest):
    nodes, weights = quadrature(longest)
    for power in range(longest):
        assert (weights * nodes**power).sum() == pytest.approx(1 / (power + 1), abs=1e-12)


def test_thresholds_are_rounded_down_so_that_decisions_stay():
    draw = np.random.default_rng(1)
    numbers = draw.normal(size=2000).astype(np.float32)
    near = np.nextafter(numbers.astype(np.float64), draw.choice([-np.inf, np.inf], 2000))
    thresholds = np.concatenate([near, numbers.astype(np.float64)])
    values = np.concatenate([numbers, numbers])
    np.testing.assert_array_equal(values.astype(np.float64) <= thresholds, values <= rounded_down(thresholds))
    assert rounded_down(np.array([1e-35]))[0] > 0


@pytest.mark.parametrize("kind", ["two-classes", "numbers"])
def test_forests_answer_as_the_library_does(kind):
    from modelwright.models import forest

    ensemble = pytest.importorskip("sklearn.ensemble")
    task, examples, batch = taught(kind)
    given, targets, _ = of_examples(examples, task.sizes)
    maker = ensemble.RandomForestRegressor if kind == "numbers" else ensemble.RandomForestClassifier
    model = maker(n_estimators=8, max_leaf_nodes=16, random_state=0).fit(given, targets)
    trees = forest._trees([one.tree_ for one in model.estimators_], 1, None if kind == "numbers" else model.classes_)
    expected = model.predict(given) if kind == "numbers" else model.predict_proba(given)[:, 1]
    np.testing.assert_allclose(trees.scores(features(batch.inputs, task.sizes))[:, 0], expected, atol=1e-5)


@pytest.mark.parametrize("name", ["boosting", "forest"])
@pytest.mark.parametrize("direction", ["increasing", "decreasing"])
@pytest.mark.parametrize("kind", ["two-classes", "numbers"])
def test_directions_are_kept(name, direction, kind):
    """Rows that differ in size only: the answer goes one way, whatever the rows of training say."""
    learn = {"monotone": {"size": direction}, **({"positive": "no"} if kind == "two-classes" else {})}
    task, examples, _ = taught(kind, learn)
    model = registry.fit(route(name), task.sizes, examples, 0)
    for values in (one[0] for one in exam.table(9, 8)):
        batch = task.collate([task.encode(Row("r", {**values, "size": size})) for size in np.linspace(20, 140, 40).tolist()])
        outputs = model.outputs(batch.inputs)
        found = outputs["values"] if kind == "numbers" else outputs["logits"][:, 0] - outputs["logits"][:, 1]
        steps = np.diff(found) if direction == "increasing" else -np.diff(found)
        assert (steps >= -1e-5).all()


@pytest.mark.parametrize("name", ["linear", "svm", "mlp", "ft-transformer"])
def test_routes_that_can_not_keep_a_direction_say_so(name):
    task = get_task("tabular-classification")
    with pytest.raises(SpecError, match=f"route {name} can't promise") as caught:
        task.fit(task.exam_rows(0), route(name), None, task.settings(monotone={"size": "increasing"}))
    assert "boosting" in caught.value.expected


def test_of_three_labels_none_can_rise_alone():
    task = get_task("tabular-classification")
    with pytest.raises(SpecError, match="more than two labels"):
        task.fit(task.exam_rows(0, "three-classes"), route("boosting"), None, task.settings(monotone={"size": "increasing"}))


@pytest.mark.parametrize("penalty", ["ridge", "lasso", "elastic"])
@pytest.mark.parametrize("kind", ["two-classes", "three-classes", "numbers"])
def test_lasso_drops_what_ridge_keeps(penalty, kind):
    task, examples, _ = taught(kind)
    model = registry.fit(route("linear", penalty=penalty, strength=0.05), task.sizes, examples, 0)
    share = float((np.abs(model.weights) < 1e-6).mean())
    never = np.abs(features(task.collate(examples).inputs, task.sizes)).max(0) == 0  # categories that did not occur
    assert (share > never.mean() + 0.1) == (penalty != "ridge")


def test_squares_and_products_find_a_saddle():
    draw = np.random.default_rng(0)
    values = draw.normal(size=(200, 2))
    task_type = get_task("tabular-regression")
    rows = [Row(str(place), {"a": a, "b": b, "target": 3 * a * b + a * a}) for place, (a, b) in enumerate(values.tolist())]
    task = task_type.fit(rows, route("linear"))
    examples = task.encode_many(rows)
    targets = np.array([float(example.target) for example in examples])
    misses = []
    for degree in (1, 2):
        model = registry.fit(route("linear", degree=degree), task.sizes, examples, 0)
        misses.append(float(np.square(model.outputs(task.collate(examples).inputs)["values"] - targets).mean()))
    assert misses[1] < 0.01 < 0.5 < misses[0]


def test_too_many_numbers_for_products_are_refused():
    sizes = {
        "numbers": 101,
        "categories": [],
        "sources": ["a"],
        "number_sources": [0] * 101,
        "category_sources": [],
        "monotone": [0] * 101,
    }
    examples = [
        Example(str(place), {"numbers": np.zeros(101, np.float32), "categories": np.zeros(0, np.int64)}, 1, np.float32(place))
        for place in range(4)
    ]
    with pytest.raises(SpecError, match="101 numbers"):
        registry.fit(route("linear", degree=2), sizes, examples, 0)


@pytest.mark.parametrize("kind", ["two-classes", "three-classes", "numbers"])
def test_points_of_the_approximation_answer_like_exact_support_vectors(kind):
    task, examples, batch = taught(kind)
    exact = registry.fit(route("svm"), task.sizes, examples, 0).outputs(batch.inputs)
    near = registry.fit(route("svm", exact_rows=100, points=120), task.sizes, examples, 0).outputs(batch.inputs)
    name = "values" if kind == "numbers" else "logits"
    assert np.corrcoef(exact[name].ravel(), near[name].ravel())[0, 1] > 0.9


def test_weights_of_rows_count(tmp_path):
    """A class that counts more is given more often."""
    task, examples, batch = taught("two-classes")
    heavy = [Example(one.row_id, one.inputs, 1, one.target, 10.0 if int(one.target) == 1 else 1.0) for one in examples]
    for name in ROUTES:
        plain, weighed = (
            registry.fit(route(name), task.sizes, rows, 0).outputs(batch.inputs)["logits"] for rows in (examples, heavy)
        )
        assert (weighed[:, 1] - weighed[:, 0]).mean() > (plain[:, 1] - plain[:, 0]).mean() + 0.2, name


def test_a_damaged_or_foreign_file_is_refused(tmp_path):
    task, examples, _ = taught("two-classes")
    registry.fit(route("linear"), task.sizes, examples, 0).save(tmp_path)
    with pytest.raises(ReleaseError, match="linear_table"):
        FittedTrees.load(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 20)
    with pytest.raises(ReleaseError):
        registry.load_fitted(route("linear"), tmp_path)


@pytest.mark.parametrize("name", ["mlp", "ft-transformer"])
@pytest.mark.parametrize("columns", ["numbers", "categories", "both"])
def test_networks_read_tables_of_numbers_of_categories_and_of_both(name, columns):
    import torch

    kinds = {"numbers": {"size": [1.0, 2.0, 4.0] * 5}, "categories": {"place": ["a", "b", "c"] * 5}}
    given = {**kinds["numbers"], **kinds["categories"]} if columns == "both" else kinds[columns]
    rows = [
        Row(str(place), {**{key: values[place] for key, values in given.items()}, "label": "xy"[place % 2]})
        for place in range(15)
    ]
    task = get_task("tabular-classification").fit(rows, route(name))
    for settings in ({}, {"numbers": "periodic"}, {"numbers": "plain"}) if name == "mlp" else ({},):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            module = registry.build(route(name, **settings), task.sizes, None).eval()
        found = registry.outputs(module, task.collate(task.encode_many(rows)).inputs)
        assert found["logits"].shape == (15, 2)
        assert np.isfinite(found["logits"]).all()


def test_categories_never_seen_start_and_stay_at_zero():
    import torch

    from modelwright.models.mlp_table import Categories

    with torch.random.fork_rng():
        torch.manual_seed(0)
        table = Categories([4, 5], 3)
        found = table(torch.tensor([[0, 0], [1, 2]]))
    assert not found[0].any()
    assert found[1].all()


def test_bins_are_filled_in_turn():
    import torch

    from modelwright.models.mlp_table import Piecewise

    found = Piecewise([[0.0, 1.0, 3.0], [0.0, 1.0]])(torch.tensor([[2.0, 0.5], [-5.0, 9.0]]))
    np.testing.assert_allclose(found.numpy().reshape(2, 2, 3)[:, :, :2], [[[1, 0.5], [0.5, 0]], [[0, 0], [1, 0]]])


@pytest.mark.parametrize("name", ["boosting", "forest", "linear", "svm"])
def test_what_int8_finds_in_a_graph_with_a_branch_still_answers(name, tmp_path):
    """Constants of the branch that gives reasons are not those of the graph around it."""
    from modelwright.compress.int8 import quantise

    task, examples, batch = taught("two-classes")
    settings = {"trees": 200, "early_stopping": 0} if name == "boosting" else {"trees": 100} if name == "forest" else {}
    model = registry.fit(route(name, **settings), task.sizes, examples, 0)
    graph_of(model, tmp_path)
    found = quantise(tmp_path / "model.onnx", tmp_path / "int8.onnx")
    if found:
        given = Graph(tmp_path / "int8.onnx", threads=1).run(asking(batch))
        expected = model.outputs(asking(batch).inputs)
        assert np.corrcoef(given["logits"][:, 1], expected["logits"][:, 1])[0, 1] > 0.98
    assert (tmp_path / "int8.onnx").exists() == bool(found)
