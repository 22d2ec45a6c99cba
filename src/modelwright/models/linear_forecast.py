"""Forecasts that are linear in the history: one matrix per series, as one graph.

    median[h] = Σ_l history[l] · filters[s, l, h] + pulls[s, h] · (levels[s] − center) / spread
    quantile[h, q] = median[h] + offsets[s, h, q]

The seasonal naive forecast, additive exponential smoothing and ARIMA with fixed parameters are all of this form: their recursions
over the history are linear in it, so that they are run once, on unit vectors, when the model is fitted. Series s = n is for series
that training did not see. `levels` are a series' own mean, to which a stationary model returns; `pulls` are how much of it.

Shapes: b batch, l history, h horizon, q levels, n series.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from modelwright.base.errors import ReleaseError
from modelwright.base.nouns import Example, Outputs
from modelwright.base.optional import require
from modelwright.base.store import writing

WEIGHTS_FILE = "model.safetensors"
_OPSET = 17
OWN_WINDOWS = 60
"""Training windows from which a series has residuals of its own; below, those of all series."""
_TENSORS = ("filters", "pulls", "levels", "offsets")


class Fitted:
    """Learned matrices.

    Args:
        filters: float32 [n + 1, l, h].
        pulls: float32 [n + 1, h].
        levels: float32 [n + 1], in the task's units (logarithms, if it learns those).
        offsets: float32 [n + 1, h, q]; 0 at the median.
        learned: how many numbers were fitted; the matrices are made of them.
    """

    def __init__(self, filters: np.ndarray, pulls: np.ndarray, levels: np.ndarray, offsets: np.ndarray, learned: int) -> None:
        self.filters, self.pulls, self.levels, self.offsets = filters, pulls, levels, offsets
        self.learned = learned

    @property
    def parameters(self) -> int:
        """Fitted numbers."""
        return self.learned

    def medians(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """float32 [b, h]."""
        series, context = inputs["series"], inputs["context"]
        away = ((self.levels[series] - context[:, 0]) - context[:, 1]) / context[:, 2]
        moved = np.matmul(inputs["history"][:, None, :], self.filters[series])[:, 0, :]
        return moved + self.pulls[series] * away[:, None]

    def outputs(self, inputs: Mapping[str, np.ndarray]) -> Outputs:
        """What the graph computes, in numpy: quantiles float32 [b, h, q], and the context as it came (window)."""
        quantiles = self.medians(inputs)[..., None] + self.offsets[inputs["series"]]
        return {"quantiles": quantiles.astype(np.float32), "window": inputs["context"]}

    def save(self, folder: Path) -> None:
        """Write `model.safetensors`."""
        library = require("safetensors.numpy", "train")
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            tensors = {name: np.ascontiguousarray(getattr(self, name)) for name in _TENSORS}
            about = {"format": "np", "architecture": "linear_forecast"}
            library.save_file({**tensors, "learned": np.array([self.learned])}, folder / WEIGHTS_FILE, metadata=about)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            ReleaseError: the file is missing or damaged.
        """
        library = require("safetensors.numpy", "train")
        try:
            tensors = library.load_file(folder / WEIGHTS_FILE)
            filters, pulls, levels, offsets = (tensors[name] for name in _TENSORS)
            return cls(filters, pulls, levels, offsets, int(tensors["learned"][0]))
        except Exception as error:  # the library has an error class of its own, which is no ValueError
            raise ReleaseError(
                f"the weights can't be read: {str(error)[:200]}",
                expected=f"{', '.join(_TENSORS)} as Modelwright wrote them",
                where=str(folder / WEIGHTS_FILE),
                remedy="Make them again: modelwright run --from train",
            ) from error

    def graph(self) -> Any:
        """An `onnx.ModelProto`: history float32 [b, l], context float32 [b, 7] and series int64 [b] → quantiles float32 [b, h, q] and
        window, which is the context."""
        onnx = require("onnx", "train")
        make, floating, integer = onnx.helper, onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
        history, horizon = self.filters.shape[1:]
        constants = {name: getattr(self, name) for name in _TENSORS}
        constants |= {f"at_{place}": np.array(place, np.int64) for place in range(3)}
        constants |= {"axis_1": np.array([1], np.int64), "axis_2": np.array([2], np.int64)}
        steps: tuple[tuple[str, tuple[str, ...], str, dict[str, Any]], ...] = (
            *(("Gather", (name, "series"), f"my_{name}", {"axis": 0}) for name in _TENSORS),
            *(("Gather", ("context", f"at_{place}"), f"context_{place}", {"axis": 1}) for place in range(3)),
            ("Sub", ("my_levels", "context_0"), "away_coarse", {}),
            ("Sub", ("away_coarse", "context_1"), "away", {}),
            ("Div", ("away", "context_2"), "away_scaled", {}),
            ("Unsqueeze", ("away_scaled", "axis_1"), "away_column", {}),
            ("Mul", ("my_pulls", "away_column"), "returning", {}),
            ("Unsqueeze", ("history", "axis_1"), "history_as_row", {}),
            ("MatMul", ("history_as_row", "my_filters"), "moved_as_row", {}),
            ("Squeeze", ("moved_as_row", "axis_1"), "moved", {}),
            ("Add", ("moved", "returning"), "medians", {}),
            ("Unsqueeze", ("medians", "axis_2"), "medians_as_column", {}),
            ("Add", ("medians_as_column", "my_offsets"), "quantiles", {}),
            ("Identity", ("context",), "window", {}),
        )
        nodes = [make.make_node(kind, list(given), [name], name=name, **more) for kind, given, name, more in steps]
        graph = make.make_graph(
            nodes,
            "linear_forecast",
            [
                make.make_tensor_value_info("history", floating, ["batch", history]),
                make.make_tensor_value_info("context", floating, ["batch", 7]),
                make.make_tensor_value_info("series", integer, ["batch"]),
            ],
            [
                make.make_tensor_value_info("quantiles", floating, ["batch", horizon, self.offsets.shape[2]]),
                make.make_tensor_value_info("window", floating, ["batch", 7]),
            ],
            [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
        )
        model = make.make_model(graph, producer_name="modelwright", opset_imports=[make.make_opsetid("", _OPSET)])
        model.ir_version = 8  # as old as the opset, so that older runtimes load it too
        onnx.checker.check_model(model)
        return model


def inputs_of(examples: Sequence[Example]) -> dict[str, np.ndarray]:
    """Of all examples, stacked: what `Fitted` reads."""
    return {name: np.stack([example.inputs[name] for example in examples]) for name in ("history", "context", "series")}


def targets_of(examples: Sequence[Example]) -> np.ndarray:
    """float32 [n, h], in the windows' units."""
    return np.stack([np.asarray(example.target) for example in examples])


def assemble(
    filters: np.ndarray,
    examples: Sequence[Example],
    levels: Sequence[float],
    learned: int,
    *,
    pulls: np.ndarray | None = None,
    means: np.ndarray | None = None,
) -> Fitted:
    """A model whose quantiles are the median's plus those of what it missed on the training windows, by step of the horizon.

    Args:
        filters: [n + 1, l, h].
        levels: of the quantiles; 0.5 among them.
        learned: how many numbers were fitted.
        pulls, means: [n + 1, h] and [n + 1]; zeros where no series returns to a level.
    """
    series, _, horizon = filters.shape
    offsets = np.zeros((series, horizon, len(levels)))
    pulls = np.zeros((series, horizon)) if pulls is None else pulls
    means = np.zeros(series) if means is None else means
    filters, pulls, means = (np.asarray(one, np.float32) for one in (filters, pulls, means))
    found = Fitted(filters, pulls, means, offsets.astype(np.float32), learned)
    inputs = inputs_of(examples)
    missed = targets_of(examples) - found.medians(inputs)
    offsets[:] = _spread(missed, levels)
    for number in range(series - 1):
        mine = missed[inputs["series"] == number]
        if len(mine) >= OWN_WINDOWS:
            offsets[number] = _spread(mine, levels)
    found.offsets = offsets.astype(np.float32)
    return found


def _spread(missed_nh: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Quantiles of the errors, [h, q]; 0 at the median: the forecast itself is that, and never on the wrong side of it."""
    found = np.quantile(missed_nh, levels, axis=0).T
    low = np.asarray(levels) < 0.5
    return np.where(low, np.minimum(found, 0), np.where(np.asarray(levels) > 0.5, np.maximum(found, 0), 0))
