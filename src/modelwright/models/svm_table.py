"""`svm`: support vector machines on a table's features, which scikit-learn solves.

    decision = K(x, points) · W + b        K(x, p) = exp(−γ ‖x − p‖²), or K(x, ·) = x where the kernel is linear
    score = decision · A + a                Platt scaling (Platt 1999), learned on decisions of rows that were not fitted on

Up to `exact_rows` training rows the points are the support vectors. Beyond, they are drawn rows, and the kernel is approximated through them
(Nyström; Williams & Seeger 2001), which leads to the same formula. Several classes: one against the rest each.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from modelwright.base.errors import TrainError
from modelwright.base.nouns import Example, Outputs, Sizes
from modelwright.base.optional import require
from modelwright.models import fitted_files
from modelwright.models.table_graph import TableGraph, answer, features, of_examples

ARCHITECTURE = "svm_table"
FOLDS = 3  # whose decisions Platt scaling learns from
_STEPS = 20_000
_CACHE_MB = 500


class Fitted:
    """Learned weights.

    Args:
        points: float32 [p, d]; empty where the kernel is linear.
        weights: float32 [p or d, k], from kernel values to scores (Platt's scaling is in them); bias: float32 [k].
        gamma: of the kernel.
    """

    def __init__(self, points: np.ndarray, weights: np.ndarray, bias: np.ndarray, gamma: float, sizes: Sizes) -> None:
        self.points, self.weights, self.bias, self.gamma, self.sizes = points, weights, bias, gamma, dict(sizes)

    @property
    def parameters(self) -> int:
        """Learned numbers."""
        return self.points.size + self.weights.size + self.bias.size

    def outputs(self, inputs: Mapping[str, np.ndarray]) -> Outputs:
        """What the graph computes, in numpy."""
        given = features(inputs, self.sizes)
        kernel = _rbf(given, self.points, self.gamma) if len(self.points) else given
        return answer(kernel @ self.weights + self.bias, self.sizes)

    def save(self, folder: Path) -> None:
        arrays = {"points": self.points, "weights": self.weights, "bias": self.bias}
        fitted_files.save(folder, ARCHITECTURE, arrays, self.sizes, gamma=self.gamma)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            ReleaseError: the file is missing or damaged.
        """
        arrays, sizes, more = fitted_files.load(folder, ARCHITECTURE)
        return cls(arrays["points"], arrays["weights"], arrays["bias"], float(more["gamma"]), sizes)

    def graph(self) -> Any:
        """An `onnx.ModelProto`; distances are ‖x‖² − 2 x·p + ‖p‖²."""
        graph = TableGraph(self.sizes)
        kernel = graph.features()
        if len(self.points):
            graph.node("ReduceSumSquare", [kernel], "squares", axes=[1], keepdims=1)
            graph.node("MatMul", [kernel, graph.constant("points", self.points.T.copy())], "products")
            graph.node("Mul", ["products", graph.constant("minus_two", np.float32(-2))], "crosses")
            graph.node("Add", ["crosses", graph.constant("point_squares", (self.points**2).sum(1))], "crosses_and_points")
            graph.node("Add", ["crosses_and_points", "squares"], "distances")
            graph.node("Mul", ["distances", graph.constant("minus_gamma", np.float32(-self.gamma))], "exponents")
            graph.node("Min", ["exponents", graph.constant("nothing_above", np.float32(0))], "exponents_below_0")
            kernel = graph.node("Exp", ["exponents_below_0"], "kernel")
        graph.node("MatMul", [kernel, graph.constant("weights", self.weights)], "sums")
        graph.node("Add", ["sums", graph.constant("bias", self.bias)], "scores")
        graph.answer("scores")
        return graph.model("svm_table")


def _rbf(given_bd: np.ndarray, points_pd: np.ndarray, gamma: float) -> np.ndarray:
    squares = (given_bd**2).sum(1)[:, None] + (points_pd**2).sum(1)
    return np.exp(np.minimum(-gamma * (squares - 2 * given_bd @ points_pd.T), 0))


def fit(settings: Any, sizes: Sizes, examples: Sequence[Example], seed: int) -> Fitted:
    """Learn from encoded training rows.

    Args:
        settings: the route.
        sizes: of the task; "classes" is not there where a number is learned.
        seed: of the points that are drawn, and of the folds.

    Raises:
        TrainError: the solver did not converge.
    """
    given, targets, weights = of_examples(examples, sizes)
    variance = float(given.var())
    gamma = settings.gamma or 1.0 / (given.shape[1] * (variance if variance > 0 else 1.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error", require("sklearn.exceptions", "train").ConvergenceWarning)
        try:
            points, found, bias = _solve(settings, given, targets, weights, sizes.get("classes"), gamma, seed)
            if "classes" in sizes:
                found, bias = _platt(settings, given, targets, weights, int(sizes["classes"]), gamma, seed, found, bias)
        except require("sklearn.exceptions", "train").ConvergenceWarning as error:
            raise TrainError(
                f"the solver did not converge in {_STEPS:,} steps",
                expected="convergence",
                where=f"route {settings.name}: strength",
                remedy=f"Set a smaller strength than {settings.strength:g}.",
            ) from error
    return Fitted(points.astype(np.float32), found.astype(np.float32), bias.astype(np.float32), gamma, sizes)


Solved = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Points [p, d], weights [p or d, k], bias [k]."""


def _solve(
    settings: Any, given: np.ndarray, targets: np.ndarray, weights: np.ndarray, classes: int | None, gamma: float, seed: int
) -> Solved:
    """Decisions: one for a number or two classes, else one for each class against the rest."""
    if classes is None:
        wanted = [targets.astype(np.float64)]
    else:
        wanted = [(targets == number) for number in ([1] if classes == 2 else range(classes))]
    exact = settings.kernel == "rbf" and len(given) <= settings.exact_rows
    space, points, back = given.astype(np.float64), np.zeros((0, given.shape[1])), None
    if exact:
        points = given
    elif settings.kernel == "rbf":
        approximation = require("sklearn.kernel_approximation", "train")
        drawn = approximation.Nystroem(gamma=gamma, n_components=min(settings.points, len(given)), random_state=seed)
        space = drawn.fit_transform(given.astype(np.float64))
        points, back = drawn.components_, drawn.normalization_.T  # [p, d], [p, q]: features are K(x, points) · back
    found, bias = np.zeros((len(points) if exact else space.shape[1], len(wanted))), np.zeros(len(wanted))
    for place, one in enumerate(wanted):
        found[:, place], bias[place] = _one(settings, space, one, weights, gamma if exact else None, seed)
    if exact:
        used = np.abs(found).max(1) > 0
        return points[used] if used.any() else points[:1], found[used] if used.any() else found[:1], bias
    return points, found if back is None else back @ found, bias


def _one(
    settings: Any, space: np.ndarray, wanted: np.ndarray, weights: np.ndarray, gamma: float | None, seed: int
) -> tuple[np.ndarray, float]:
    """One decision: weights of the training rows if `gamma` names a kernel, else of the space's axes; and its bias."""
    library = require("sklearn.svm", "train")
    number = wanted.dtype.kind == "f"
    if not number and (wanted.all() or not wanted.any()):  # a fold without the class, or with nothing else
        return np.zeros(len(space) if gamma is not None else space.shape[1]), 1.0 if wanted.all() else -1.0
    if gamma is not None:
        kind = {"C": settings.strength, "gamma": gamma, "cache_size": _CACHE_MB}
        model = library.SVR(**kind, epsilon=settings.epsilon) if number else library.SVC(**kind)
        model.fit(space, wanted, sample_weight=weights)
        found = np.zeros(len(space))
        found[model.support_] = model.dual_coef_[0]
        return found, float(model.intercept_[0])
    common = {"C": settings.strength, "max_iter": _STEPS, "random_state": seed, "dual": "auto", "tol": 1e-3}
    if number:
        model = library.LinearSVR(**common, epsilon=settings.epsilon, loss="squared_epsilon_insensitive")
    else:
        model = library.LinearSVC(**common)
    model.fit(space, wanted, sample_weight=weights)
    return model.coef_.ravel(), float(np.ravel(model.intercept_)[0])


def _decide(given: np.ndarray, solved: Solved, gamma: float) -> np.ndarray:
    points, weights, bias = solved
    return (_rbf(given, points, gamma) if len(points) else given) @ weights + bias


def _platt(
    settings: Any,
    given: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    classes: int,
    gamma: float,
    seed: int,
    found: np.ndarray,
    bias: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Weights and bias with the scaling in them: logistic regression on decisions about rows that were held aside."""
    linear, selection = require("sklearn.linear_model", "train"), require("sklearn.model_selection", "train")
    smallest = int(np.bincount(targets, minlength=classes).min())
    if smallest < FOLDS:
        return found, bias  # too few rows to learn a scaling from: decisions themselves are the scores
    decisions = np.zeros((len(given), found.shape[1]))
    for inside, aside in selection.StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(given, targets):
        solved = _solve(settings, given[inside], targets[inside], weights[inside], classes, gamma, seed)
        decisions[aside] = _decide(given[aside], solved, gamma)
    model = linear.LogisticRegression(C=1.0, max_iter=_STEPS).fit(decisions, targets, sample_weight=weights)
    return found @ model.coef_.T, bias @ model.coef_.T + model.intercept_
