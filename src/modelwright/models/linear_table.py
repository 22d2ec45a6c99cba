"""`linear`: logistic regression or penalised least squares on a table's features, which scikit-learn solves.

    score = (x, pairs) · W + w₀        pairs = (x_i · x_j − mean) / deviation for numbers i ≤ j, if the degree is 2

A column's contribution is W · (x − mean x) over its features (a product counts half for each of its two columns): contributions and the
mean score add up to the score exactly.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from modelwright.base.errors import SpecError, TrainError
from modelwright.base.nouns import Example, Outputs, Sizes
from modelwright.base.optional import require
from modelwright.models import fitted_files
from modelwright.models.table_graph import TableGraph, answer, explained, features, of_examples, sources, spread_scores

ARCHITECTURE = "linear_table"
_STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)  # of logistic regression on standardised numbers
_PENALTIES = tuple(10.0**power for power in np.arange(-2, 4.1, 0.5))  # of ridge
_STEPS = 5_000
_MOST_NUMBERS = 100  # of which pairs are made: 5,050 of them


class Fitted:
    """Learned weights.

    Args:
        weights: float32 [f, k] of features and pairs; bias: float32 [k].
        mean: float32 [f], of features and pairs in training.
        scale: float32 [2, pairs], mean and deviation that pairs are standardised by.
    """

    def __init__(self, weights: np.ndarray, bias: np.ndarray, mean: np.ndarray, scale: np.ndarray, sizes: Sizes) -> None:
        self.weights, self.bias, self.mean, self.scale, self.sizes = weights, bias, mean, scale, dict(sizes)

    @property
    def parameters(self) -> int:
        """Learned numbers."""
        return self.weights.size + self.bias.size

    def outputs(self, inputs: Mapping[str, np.ndarray]) -> Outputs:
        """What the graph computes, in numpy."""
        given = self._expanded(features(inputs, self.sizes))
        found = answer(given @ self.weights + self.bias, self.sizes)
        return {**found, **explained(inputs, lambda: self.contributions(given), self.sizes)}

    def contributions(self, given_bf: np.ndarray) -> np.ndarray:
        """float [b, s, c]."""
        amounts = (given_bf - self.mean)[:, :, None] * self.weights  # [b, f, k]
        return np.einsum("bfk,fs->bsk", amounts, self._owners()) @ spread_scores(self.sizes)

    def _expanded(self, features_bd: np.ndarray) -> np.ndarray:
        return _expanded(features_bd, self.sizes, self.scale) if self.scale.shape[1] else features_bd

    def _owners(self) -> np.ndarray:
        """float32 [f, s]: how much of a feature belongs to each column."""
        one = np.eye(len(self.sizes["sources"]), dtype=np.float32)[sources(self.sizes)]
        left, right = _pairs(self.sizes)
        return np.concatenate([one, (one[left] + one[right]) / 2]) if self.scale.shape[1] else one

    def save(self, folder: Path) -> None:
        arrays = {"weights": self.weights, "bias": self.bias, "mean": self.mean, "scale": self.scale}
        fitted_files.save(folder, ARCHITECTURE, arrays, self.sizes)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            ReleaseError: the file is missing or damaged.
        """
        arrays, sizes, _ = fitted_files.load(folder, ARCHITECTURE)
        return cls(arrays["weights"], arrays["bias"], arrays["mean"], arrays["scale"], sizes)

    def graph(self) -> Any:
        """An `onnx.ModelProto`."""
        graph = TableGraph(self.sizes)
        given = graph.features()
        if self.scale.shape[1]:
            left, right = _pairs(self.sizes)
            graph.node("Gather", [given, graph.constant("left", left)], "left_numbers", axis=1)
            graph.node("Gather", [given, graph.constant("right", right)], "right_numbers", axis=1)
            graph.node("Mul", ["left_numbers", "right_numbers"], "products")
            graph.node("Sub", ["products", graph.constant("pair_mean", self.scale[0])], "products_centred")
            graph.node("Div", ["products_centred", graph.constant("pair_deviation", self.scale[1])], "pairs")
            given = graph.node("Concat", [given, "pairs"], "features_and_pairs", axis=1)
        graph.node("MatMul", [given, graph.constant("weights", self.weights)], "sums")
        graph.node("Add", ["sums", graph.constant("bias", self.bias)], "scores")
        graph.answer("scores")
        graph.reasons(lambda: self._reasons(graph, given))
        return graph.model("linear_table")

    def _reasons(self, graph: TableGraph, given: str) -> str:
        graph.node("Sub", [given, graph.constant("mean", self.mean)], "from_mean")
        graph.node("Unsqueeze", ["from_mean", graph.constant("last", np.array([2], np.int64))], "from_mean_cube")
        graph.node("Mul", ["from_mean_cube", "weights"], "amounts")
        graph.node("MatMul", [graph.constant("owners", self._owners().T), "amounts"], "by_column")
        return graph.node(
            "MatMul", ["by_column", graph.constant("reasons_to_logits", spread_scores(self.sizes))], "linear_reasons"
        )


def _pairs(sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """Places of the two numbers of each pair."""
    left, right = np.triu_indices(int(sizes["numbers"]))
    return left.astype(np.int64), right.astype(np.int64)


def _expanded(features_bd: np.ndarray, sizes: Sizes, scale: np.ndarray) -> np.ndarray:
    left, right = _pairs(sizes)
    pairs = (features_bd[:, left] * features_bd[:, right] - scale[0]) / scale[1]
    return np.concatenate([features_bd, pairs.astype(np.float32)], 1)


def fit(settings: Any, sizes: Sizes, examples: Sequence[Example], seed: int) -> Fitted:
    """Learn from encoded training rows.

    Args:
        settings: the route.
        sizes: of the task; "classes" is not there where a number is learned.
        seed: of the order in which coordinates and folds are taken.

    Raises:
        TrainError: the solver did not converge.
        SpecError: too many numbers for degree 2.
    """
    given, targets, weights = of_examples(examples, sizes)
    scale = np.zeros((2, 0), np.float32)
    if settings.degree == 2 and sizes["numbers"]:
        if sizes["numbers"] > _MOST_NUMBERS:
            raise SpecError(
                f"the columns become {sizes['numbers']} numbers",
                expected=f"at most {_MOST_NUMBERS} for degree 2",
                where=f"routes: {settings.name}.degree",
                remedy="Set degree: 1, or exclude columns (learn.exclude).",
            )
        left, right = _pairs(sizes)
        products = given[:, left] * given[:, right]
        deviation = products.std(0)
        scale = np.stack([products.mean(0), np.where(deviation > 1e-6, deviation, 1.0)]).astype(np.float32)
        given = _expanded(given, sizes, scale)
    with warnings.catch_warnings():
        warnings.simplefilter("error", require("sklearn.exceptions", "train").ConvergenceWarning)
        try:
            if "classes" in sizes:
                found, bias = _classes(settings, given, targets, weights, int(sizes["classes"]), seed)
            else:
                found, bias = _number(settings, given, targets, weights, seed)
        except require("sklearn.exceptions", "train").ConvergenceWarning as error:
            raise TrainError(
                f"the solver did not converge in {_STEPS:,} steps",
                expected="convergence",
                where=f"route {settings.name}: strength",
                remedy="Set a smaller strength, or penalty: ridge.",
            ) from error
    mean = np.average(given, 0, weights).astype(np.float32)
    return Fitted(found.astype(np.float32), bias.astype(np.float32), mean, scale, sizes)


def _classes(
    settings: Any, given: np.ndarray, targets: np.ndarray, weights: np.ndarray, classes: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Weights [f, k] and bias [k]; k is 1 for two classes."""
    linear, selection = require("sklearn.linear_model", "train"), require("sklearn.model_selection", "train")
    share = {"ridge": 0.0, "lasso": 1.0, "elastic": 0.5}[settings.penalty]
    common = {
        "max_iter": _STEPS,
        "solver": "lbfgs" if share == 0 else "saga",
        "tol": 1e-4 if share == 0 else 1e-3,
        "random_state": seed,
    }
    strength = settings.strength
    smallest = int(np.bincount(targets, minlength=classes).min())
    if strength == "auto" and smallest < 2:
        strength = 1.0
    if strength == "auto":
        folds = selection.StratifiedKFold(min(5 if len(targets) < 20_000 else 3, smallest), shuffle=True, random_state=seed)
        losses = np.zeros(len(_STRENGTHS))
        for inside, aside in folds.split(given, targets):
            model = linear.LogisticRegression(C=1.0, l1_ratio=share, warm_start=True, **common)
            for place, one in enumerate(_STRENGTHS):
                model.set_params(C=one).fit(given[inside], targets[inside], sample_weight=weights[inside])
                losses[place] += _loss(model.predict_proba(given[aside]), targets[aside], weights[aside])
        strength = _STRENGTHS[int(losses.argmin())]
    model = linear.LogisticRegression(C=strength, l1_ratio=share, **common).fit(given, targets, sample_weight=weights)
    return model.coef_.T, model.intercept_


def _loss(chances: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    return float(-(weights * np.log(np.clip(chances[np.arange(len(targets)), targets], 1e-12, 1))).sum())


def _number(
    settings: Any, given: np.ndarray, targets: np.ndarray, weights: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    linear = require("sklearn.linear_model", "train")
    given, targets = given.astype(np.float64), targets.astype(np.float64)
    auto = settings.strength == "auto"
    if settings.penalty == "ridge":
        model = linear.RidgeCV(alphas=_PENALTIES) if auto else linear.Ridge(alpha=1 / settings.strength)
    else:
        share = 1.0 if settings.penalty == "lasso" else 0.5
        common = {"l1_ratio": share, "max_iter": _STEPS * 10, "random_state": seed, "tol": 1e-3}
        model = (
            linear.ElasticNetCV(cv=5, alphas=50, **common)
            if auto
            else linear.ElasticNet(alpha=1 / (settings.strength * len(targets)), **common)
        )
    model.fit(given, targets, sample_weight=weights)
    return model.coef_.reshape(-1, 1), np.atleast_1d(model.intercept_)
