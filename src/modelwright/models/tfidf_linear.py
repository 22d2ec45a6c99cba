"""`tfidf-linear`: TF-IDF and a linear classifier, as one sparse graph over ids and counts.

    tf = 1 + ln(count)    idf = (ln((1 + n) / (1 + rows with it)) + 1)ᵖ    x = tf · idf / ‖tf · idf‖₂    logits = (x ∘ rᑫ) W + b

(Sparck Jones 1972; Joachims 1998; idf smoothed as in scikit-learn.) r says how well an n-gram tells labels apart: the largest
|ln (share of its n-grams within a label / share among the other rows)| of any label, counts smoothed by 1 (the log-count ratio
of Wang & Manning 2012); it is folded into W, so that answering costs nothing more. scikit-learn finds W and b by L-BFGS: multinomial logistic
regression, or one logistic regression per label. The graph gathers only the rows of W that a text has, so that a request's
cost does not grow with the vocabulary. Id 0 with count 0 is padding and adds nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from modelwright.base.errors import ReleaseError, TrainError
from modelwright.base.nouns import Example, Outputs, Sizes
from modelwright.base.optional import require
from modelwright.base.store import writing

WEIGHTS_FILE = "model.safetensors"
_OPSET = 17
_TINY = 1e-12
_STEPS = 1000  # of L-BFGS; news articles take about 30
_TOLERANCE = 1e-5  # scikit-learn's 1e-4 stops early enough to cost 0.1 points of accuracy on short Chinese reviews
_SURE = 10.0  # logit for a label that every training row has (its sign), or none has


class Fitted:
    """Learned weights.

    Args:
        idf: float32 [vocabulary]; 0 for padding.
        table: float32 [vocabulary, classes]; row 0 is 0.
        bias: float32 [classes].
    """

    def __init__(self, idf: np.ndarray, table: np.ndarray, bias: np.ndarray) -> None:
        self.idf, self.table, self.bias = idf, table, bias

    @property
    def parameters(self) -> int:
        """Learned numbers."""
        return self.idf.size + self.table.size + self.bias.size

    def outputs(self, inputs: Mapping[str, np.ndarray]) -> Outputs:
        """What the graph computes, in numpy: {"logits": float32 [batch, classes]}."""
        ids, counts = inputs["feature_ids"], inputs["counts"]
        frequency = np.where(counts > 0, 1.0 + np.log(np.maximum(counts, 1.0)), 0.0)
        weights = (frequency * self.idf[ids]).astype(np.float32)
        weights /= np.maximum(np.sqrt((weights**2).sum(1, keepdims=True)), _TINY)
        return {"logits": np.matmul(weights[:, None, :], self.table[ids])[:, 0, :] + self.bias}

    def save(self, folder: Path) -> None:
        """Write `model.safetensors`."""
        library = require("safetensors.numpy", "train")
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            tensors = {"idf": self.idf, "table": self.table, "bias": self.bias}
            library.save_file(tensors, folder / WEIGHTS_FILE, metadata={"format": "np", "architecture": "tfidf_linear"})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            ReleaseError: the file is missing or damaged.
        """
        library = require("safetensors.numpy", "train")
        try:
            tensors = library.load_file(folder / WEIGHTS_FILE)
            return cls(tensors["idf"], tensors["table"], tensors["bias"])
        except Exception as error:  # the library has an error class of its own, which is no ValueError
            raise ReleaseError(
                f"the weights can't be read: {str(error)[:200]}",
                expected="idf, table and bias as Modelwright wrote them",
                where=str(folder / WEIGHTS_FILE),
                remedy="Make them again: modelwright run --from train",
            ) from error

    def graph(self) -> Any:
        """An `onnx.ModelProto`: feature_ids int64 and counts float32, both [batch, features] → logits float32 [batch, classes]."""
        onnx = require("onnx", "train")
        make, floating, integer = onnx.helper, onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
        constants = {
            "idf": self.idf,
            "table": self.table,
            "bias": self.bias,
            "one": np.float32(1),
            "zero": np.float32(0),
            "tiny": np.float32(_TINY),
            "axis_1": np.array([1], np.int64),
        }
        steps: tuple[tuple[str, tuple[str, ...], str, dict[str, Any]], ...] = (
            ("Max", ("counts", "one"), "counts_from_1", {}),
            ("Log", ("counts_from_1",), "logarithms", {}),
            ("Add", ("logarithms", "one"), "frequencies", {}),
            ("Greater", ("counts", "zero"), "present", {}),
            ("Where", ("present", "frequencies", "zero"), "frequencies_present", {}),
            ("Gather", ("idf", "feature_ids"), "idf_of_ids", {"axis": 0}),
            ("Mul", ("frequencies_present", "idf_of_ids"), "weights", {}),
            ("ReduceL2", ("weights",), "norms", {"axes": [1], "keepdims": 1}),
            ("Max", ("norms", "tiny"), "norms_from_tiny", {}),
            ("Div", ("weights", "norms_from_tiny"), "weights_of_norm_1", {}),
            ("Unsqueeze", ("weights_of_norm_1", "axis_1"), "weights_as_row", {}),
            ("Gather", ("table", "feature_ids"), "rows", {"axis": 0}),
            ("MatMul", ("weights_as_row", "rows"), "sums_as_row", {}),
            ("Squeeze", ("sums_as_row", "axis_1"), "sums", {}),
            ("Add", ("sums", "bias"), "logits", {}),
        )
        graph = make.make_graph(
            [make.make_node(kind, list(given), [result], name=result, **options) for kind, given, result, options in steps],
            "tfidf_linear",
            [
                make.make_tensor_value_info("feature_ids", integer, ["batch", "features"]),
                make.make_tensor_value_info("counts", floating, ["batch", "features"]),
            ],
            [make.make_tensor_value_info("logits", floating, ["batch", len(self.bias)])],
            [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
        )
        model = make.make_model(graph, producer_name="modelwright", opset_imports=[make.make_opsetid("", _OPSET)])
        model.ir_version = 8  # as old as the opset, so that older runtimes load it too
        onnx.checker.check_model(model)
        return model


def fit(settings: Any, sizes: Sizes, examples: Sequence[Example], seed: int) -> Fitted:
    """Learn from encoded training rows.

    Args:
        settings: the route; `strength` is the inverse of the L2 penalty, `idf_power` and `label_power` the p and q above.
        sizes: "vocabulary" and "classes".
        examples: with targets: int64 [] for one label a row, float32 [classes] for several.
        seed: L-BFGS starts from zero and draws nothing; kept in the signature that fit routes share.

    Raises:
        TrainError: the optimiser did not converge.
    """
    counts = _matrix(examples, sizes["vocabulary"])
    rows_with = np.bincount(counts.indices, minlength=sizes["vocabulary"])
    idf = ((np.log((1 + len(examples)) / (1 + rows_with)) + 1) ** settings.idf_power).astype(np.float32)
    idf[0] = 0.0
    features = counts.astype(np.float64)
    features.data = (1 + np.log(features.data)) * idf[features.indices]
    # empty rows keep their zeros
    norms = np.maximum(np.sqrt(np.asarray(features.multiply(features).sum(1)).ravel()), _TINY)
    features.data /= np.repeat(norms, np.diff(features.indptr))
    targets = np.stack([np.asarray(example.target) for example in examples])
    telling = _log_count_ratios(counts, targets, sizes["classes"]) ** settings.label_power
    features.data *= telling[features.indices]
    table, bias = np.zeros((sizes["vocabulary"], sizes["classes"])), np.zeros(sizes["classes"])
    if targets.ndim == 1:
        table[:, :], bias[:] = _multinomial(features, targets, sizes["classes"], settings.strength)
    else:
        for label in range(sizes["classes"]):
            table[:, label], bias[label] = _binary(features, targets[:, label] > 0.5, settings.strength)
    table *= telling[:, None]
    table[0] = 0.0
    return Fitted(idf, table.astype(np.float32), bias.astype(np.float32))


def _matrix(examples: Sequence[Example], vocabulary: int) -> Any:
    """Counts as a sparse matrix [rows, vocabulary] without padding."""
    sparse = require("scipy.sparse", "train")
    ids = np.concatenate([example.inputs["feature_ids"] for example in examples])
    counts = np.concatenate([example.inputs["counts"] for example in examples])
    rows = np.repeat(np.arange(len(examples)), [len(example.inputs["counts"]) for example in examples])
    real = counts > 0
    return sparse.csr_matrix((counts[real], (rows[real], ids[real])), shape=(len(examples), vocabulary))


def _log_count_ratios(counts: Any, targets: np.ndarray, classes: int) -> np.ndarray:
    """How well each n-gram tells labels apart [vocabulary], at least 0: largest over the labels."""
    present = (counts > 0).astype(np.float64)
    belongs = targets > 0.5 if targets.ndim == 2 else targets[:, None] == np.arange(classes)
    inside = 1 + np.asarray(present.T @ belongs.astype(np.float64))
    outside = 1 + np.asarray(present.T @ (~belongs).astype(np.float64))
    ratios = np.log(inside / inside.sum(0)) - np.log(outside / outside.sum(0))
    return np.abs(ratios).max(1)


def _regression(features: Any, targets: np.ndarray, strength: float) -> Any:
    """A fitted scikit-learn LogisticRegression; its warning about convergence becomes our error."""
    linear = require("sklearn.linear_model", "train")
    trouble = require("sklearn.exceptions", "train").ConvergenceWarning
    with warnings.catch_warnings():
        warnings.simplefilter("error", trouble)
        try:
            return linear.LogisticRegression(C=strength, max_iter=_STEPS, tol=_TOLERANCE).fit(features, targets)
        except trouble as error:
            raise TrainError(
                f"logistic regression did not converge in {_STEPS:,} steps",
                expected="convergence",
                where="route tfidf-linear: strength",
                remedy=f"Set a smaller strength than {strength:g}.",
            ) from error


def _multinomial(features: Any, targets: np.ndarray, classes: int, strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Weights [vocabulary, classes] and bias [classes]; a class without training rows gets a low constant."""
    found = np.unique(targets)
    table, bias = np.zeros((features.shape[1], classes)), np.full(classes, -_SURE)
    if len(found) == 1:
        bias[found[0]] = _SURE
        return table, bias
    model = _regression(features, targets, strength)
    weights, constants = model.coef_, model.intercept_
    if len(found) == 2:  # scikit-learn gives one row, z: softmax of (−z/2, z/2) is its sigmoid
        weights, constants = np.vstack([-weights / 2, weights / 2]), np.concatenate([-constants / 2, constants / 2])
    table[:, found], bias[found] = weights.T, constants
    return table, bias


def _binary(features: Any, inside: np.ndarray, strength: float) -> tuple[np.ndarray, float]:
    """Weights [vocabulary] and bias of one label against the rest."""
    if inside.all() or not inside.any():
        return np.zeros(features.shape[1]), _SURE if inside.all() else -_SURE
    model = _regression(features, inside, strength)
    return model.coef_[0], float(model.intercept_[0])
