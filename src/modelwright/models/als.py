"""`als`: collaborative filtering for implicit feedback (Hu, Koren & Volinsky 2008, ICDM).

Minimised is Σ c (p − x·y)² + λ (Σ|x|² + Σ|y|²) over *all* pairs of users and items, with p = 1 where the user had the item, else 0,
and c = 1 + α·w (w: how often). Each half of a sweep is solved exactly.

A user is never stored: the history that a request brings is folded in by the same least squares,

    (YᵀY + λI + Yᵀ(C − I)Y) x = YᵀC p    scores = Y x + τ · trend

With LLᵀ = YᵀY + λI and Z = Y L⁻ᵀ it becomes (I + Zᵀ αW Z) z = ZᵀC p and scores = Z z. No eigenvalue of that matrix is below 1
or above 1 + α·(the largest w), since ZᵀZ ≤ I, so that conjugate gradients (Hestenes & Stiefel 1952) reach 10⁻⁶ in a number of
steps that is known beforehand; the graph holds that many.

Shapes: b batch, n items, f factors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from modelwright.base.nouns import Example, Sizes
from modelwright.models.item_scores import ItemScores, Step, matrix, popularity

_RESIDUAL = 1e-6  # of the folding in, relative: float32 keeps no more
_TINY = 1e-20
_START = 0.1  # deviation of the random item vectors that the first sweep starts from


class Fitted(ItemScores):
    """Whitened item vectors Z [n, f], the trend [n], and (α, the largest weight) of the confidence [2]."""

    architecture = "als"
    names = ("vectors", "trend", "confidence", "prior")

    def steps_needed(self) -> int:
        """Steps of conjugate gradients after which the error is at most 10⁻⁶ of the first: 2·((√κ − 1)/(√κ + 1))ˢ ≤ 10⁻⁶
        (Saad 2003, 6.128), and never more than there are unknowns, by a reserve for rounding."""
        alpha, most = self.arrays["confidence"].tolist()
        root = math.sqrt(1 + alpha * most)
        bound = math.ceil(math.log(2 / _RESIDUAL) / math.log((root + 1) / (root - 1)))
        return min(bound, self.arrays["vectors"].shape[1] + 10)

    def raw(self, profile_bn: np.ndarray) -> np.ndarray:
        vectors_nf = self.arrays["vectors"]
        alpha, most = self.arrays["confidence"]
        extra_bn = alpha * np.minimum(profile_bn, most)
        present_bn = (profile_bn > 0).astype(np.float32)
        residual_bf = (present_bn * (1 + extra_bn)) @ vectors_nf
        solution_bf = np.zeros_like(residual_bf)
        direction_bf, square_b1 = residual_bf, (residual_bf**2).sum(1, keepdims=True)
        for _ in range(self.steps_needed()):
            image_bf = direction_bf + ((direction_bf @ vectors_nf.T) * extra_bn) @ vectors_nf
            length_b1 = square_b1 / np.maximum((direction_bf * image_bf).sum(1, keepdims=True), np.float32(_TINY))
            solution_bf = solution_bf + length_b1 * direction_bf
            residual_bf = residual_bf - length_b1 * image_bf
            before_b1, square_b1 = square_b1, (residual_bf**2).sum(1, keepdims=True)
            direction_bf = residual_bf + square_b1 / np.maximum(before_b1, np.float32(_TINY)) * direction_bf
        return solution_bf @ vectors_nf.T + self.arrays["trend"]

    def steps(self) -> tuple[list[Step], dict[str, np.ndarray]]:
        alpha, most = self.arrays["confidence"]
        constants: dict[str, np.ndarray] = {
            "turned": np.ascontiguousarray(self.arrays["vectors"].T),
            "alpha": np.array(alpha, np.float32),
            "most": np.array(most, np.float32),
            "one": np.array(1, np.float32),
            "tiny": np.array(_TINY, np.float32),
            "axis": np.array([1], np.int64),
        }
        found: list[Step] = [
            ("Min", ("profile", "most"), "bounded", {}),
            ("Mul", ("bounded", "alpha"), "extra", {}),
            ("Add", ("extra", "one"), "sure", {}),
            ("Greater", ("profile", "nothing"), "had", {}),
            ("Cast", ("had",), "present", {"to": 1}),
            ("Mul", ("present", "sure"), "wanted", {}),
            ("MatMul", ("wanted", "vectors"), "residual_0", {}),
            ("Identity", ("residual_0",), "direction_0", {}),
            ("Mul", ("residual_0", "nothing"), "solution_0", {}),
            *_square(0),
        ]
        steps = self.steps_needed()
        for number in range(steps):
            found += _iteration(number)
        return [
            *found,
            ("MatMul", (f"solution_{steps}", "turned"), "fitting", {}),
            ("Add", ("fitting", "trend"), "raw", {}),
        ], constants


def _square(number: int) -> list[Step]:
    return [
        ("Mul", (f"residual_{number}", f"residual_{number}"), f"squares_{number}", {}),
        ("ReduceSum", (f"squares_{number}", "axis"), f"square_{number}", {"keepdims": 1}),
    ]


def _iteration(now: int) -> list[Step]:
    """One step of conjugate gradients, from the values called `…_now` to those of the next number."""
    then = now + 1
    return [
        ("MatMul", (f"direction_{now}", "turned"), f"seen_{now}", {}),
        ("Mul", (f"seen_{now}", "extra"), f"weighed_{now}", {}),
        ("MatMul", (f"weighed_{now}", "vectors"), f"back_{now}", {}),
        ("Add", (f"direction_{now}", f"back_{now}"), f"image_{now}", {}),
        ("Mul", (f"direction_{now}", f"image_{now}"), f"products_{now}", {}),
        ("ReduceSum", (f"products_{now}", "axis"), f"curve_{now}", {"keepdims": 1}),
        ("Max", (f"curve_{now}", "tiny"), f"curve_from_tiny_{now}", {}),
        ("Div", (f"square_{now}", f"curve_from_tiny_{now}"), f"length_{now}", {}),
        ("Mul", (f"length_{now}", f"direction_{now}"), f"move_{now}", {}),
        ("Add", (f"solution_{now}", f"move_{now}"), f"solution_{then}", {}),
        ("Mul", (f"length_{now}", f"image_{now}"), f"fall_{now}", {}),
        ("Sub", (f"residual_{now}", f"fall_{now}"), f"residual_{then}", {}),
        *_square(then),
        ("Max", (f"square_{now}", "tiny"), f"square_from_tiny_{now}", {}),
        ("Div", (f"square_{then}", f"square_from_tiny_{now}"), f"turn_{now}", {}),
        ("Mul", (f"turn_{now}", f"direction_{now}"), f"kept_{now}", {}),
        ("Add", (f"residual_{then}", f"kept_{now}"), f"direction_{then}", {}),
    ]


def fit(settings: Any, sizes: Sizes, examples: Sequence[Example], seed: int) -> Fitted:
    """Solve users and items in turns.

    Args:
        settings: `strength` is λ, `confidence` α, `trend` τ.
        seed: of the item vectors that the first sweep starts from.
    """
    users_by_items = matrix(examples, sizes)
    items_by_users = users_by_items.T.tocsr()
    factors = min(settings.factors, sizes["items"])
    items_nf = np.random.default_rng(seed).normal(0.0, _START, (sizes["items"], factors))
    for _ in range(settings.sweeps):
        users_uf = _solve(users_by_items, items_nf, settings)
        items_nf = _solve(items_by_users, users_uf, settings)
    most = float(users_by_items.data.max())
    root_ff = np.linalg.cholesky(items_nf.T @ items_nf + settings.strength * np.eye(factors))
    lately = settings.trend * popularity(examples, sizes, settings.half_life)
    arrays = {
        "vectors": np.linalg.solve(root_ff, items_nf.T).T,
        "trend": lately,
        "confidence": np.array([settings.confidence, most]),
        "prior": popularity(examples, sizes, settings.half_life if settings.trend > 0 else None),
    }
    return Fitted(arrays, sizes["excluded"])


def _solve(rows: Any, others_mf: np.ndarray, settings: Any) -> np.ndarray:
    """Least squares of every row of a sparse matrix [r, m] against the other side's vectors [m, f]: vectors [r, f]."""
    factors = others_mf.shape[1]
    common_ff = others_mf.T @ others_mf + settings.strength * np.eye(factors)
    found_rf = np.zeros((rows.shape[0], factors))
    for row in range(rows.shape[0]):
        span = slice(rows.indptr[row], rows.indptr[row + 1])
        mine_hf, extra_h = others_mf[rows.indices[span]], settings.confidence * rows.data[span]
        if len(mine_hf):
            found_rf[row] = np.linalg.solve(common_ff + (mine_hf.T * extra_h) @ mine_hf, (1 + extra_h) @ mine_hf)
    return found_rf
