"""Gaussian mixture (Dempster, Laird & Rubin 1977), as scikit-learn finds it.

    logitsⱼ = log πⱼ − ½ ‖(x − μⱼ) Pⱼ‖² + log |Pⱼ|      P: Cholesky factor of the precision

whose softmax are the responsibilities.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.base.errors import TrainError
from modelwright.base.nouns import Example, Sizes
from modelwright.base.optional import require
from modelwright.models.clusters import count
from modelwright.models.clusters.fitted import Clusters, rows_of
from modelwright.models.clusters.nodes import Distances
from modelwright.spec.routes.gaussian_mixture import GaussianMixture

_FLOOR = 1e-3  # of variances: a column that never varies within a cluster must not make it infinitely narrow


class Fitted(Clusters):
    """`shifts` float32 [k, 1, d] (μP), `factors` float32 [k, d, d] (P), `constants` float32 [k] (log π + log |P|)."""

    def logits(self, rows: np.ndarray) -> np.ndarray:
        moved = rows[None] @ self.arrays["factors"] - self.arrays["shifts"]
        return (self.arrays["constants"][:, None] - 0.5 * (moved**2).sum(2)).T

    def graph(self) -> Any:
        graph = Distances(self.sizes, len(self.arrays["constants"]))
        rows = graph.vectors()
        once = graph.node("Unsqueeze", [rows, graph.constant("first", np.array([0], np.int64))], "once")
        moved = graph.node("MatMul", [once, graph.constant("factors", self.arrays["factors"])], "moved")
        from_mean = graph.node("Sub", [moved, graph.constant("shifts", self.arrays["shifts"])], "from_mean")
        squared = graph.node("ReduceSumSquare", [from_mean], "squared", axes=[2], keepdims=0)
        flipped = graph.node("Transpose", [squared], "flipped", perm=[1, 0])
        half = graph.node("Mul", [flipped, graph.constant("half", np.array(-0.5, np.float32))], "half_squared")
        graph.node("Add", [half, graph.constant("constants", self.arrays["constants"][None])], "logits")
        return graph.finished()


def fit(settings: GaussianMixture, sizes: Sizes, examples: Sequence[Example], seed: int) -> Fitted:
    """Fit on encoded rows.

    Raises:
        TrainError: fewer different rows than clusters, or no convergence.
    """
    rows = rows_of(examples, sizes, 2 if settings.clusters == "auto" else settings.clusters)

    def assign(fitted_on: np.ndarray, others: np.ndarray, number: int, seed: int) -> np.ndarray:
        return _mixture(fitted_on, number, seed, settings.covariance, starts=1, strict=False).predict(others)

    number, tried = settings.clusters, list[count.Tried]()
    if number == "auto":
        number, tried = count.choose(rows, range(2, settings.most + 1), assign, seed)
    model = _mixture(rows, number, seed, settings.covariance, settings.starts, strict=True)
    factors = _factors(model.precisions_cholesky_, number, rows.shape[1], settings.covariance)
    logs = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(1)
    arrays = {
        "factors": factors,
        "shifts": model.means_[:, None, :] @ factors,
        "constants": np.log(np.maximum(model.weights_, 1e-12)) + logs,
    }
    return Fitted(arrays, sizes, [one.as_json() for one in tried])


def _mixture(rows: np.ndarray, number: int, seed: int, covariance: str, starts: int, strict: bool) -> Any:
    library, trouble = require("sklearn.mixture", "train"), require("sklearn.exceptions", "train").ConvergenceWarning
    model = library.GaussianMixture(
        number, covariance_type=covariance, n_init=starts, random_state=seed, reg_covar=_FLOOR, max_iter=300
    )
    with warnings.catch_warnings():
        # while numbers are compared, a mixture that has not quite settled says enough; what ships must have settled
        warnings.simplefilter("error" if strict else "ignore", trouble)
        try:
            return model.fit(rows.astype(np.float64))
        except (trouble, ValueError) as error:
            raise TrainError(
                f"the mixture of {number} did not converge: {str(error).splitlines()[0][:160]}",
                expected="convergence in 300 steps",
                where="route gaussian-mixture",
                remedy="Ask for fewer clusters, or covariance: diag.",
            ) from error


def _factors(factors: np.ndarray, number: int, width: int, covariance: str) -> np.ndarray:
    """float64 [k, d, d], whatever scikit-learn keeps for this kind of covariance."""
    if covariance == "full":
        return factors
    if covariance == "diag":
        return np.stack([np.diag(one) for one in factors])
    if covariance == "tied":
        return np.stack([factors] * number)
    return np.stack([np.eye(width) * one for one in factors])
