"""From a train folder to `model.onnx`: one file, any batch, any length, checked against the module that it came from."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from modelwright.base.errors import TrainError
from modelwright.base.graph import Graph
from modelwright.base.nouns import Batch, Outputs, Row
from modelwright.base.optional import require
from modelwright.base.store import write_bytes
from modelwright.compress.attention import fuse
from modelwright.compress.language import export_language, is_language
from modelwright.models import registry
from modelwright.spec.routes.route import GradientRoute, Route
from modelwright.tasks.contract import Task, load_task

GRAPH, CHECKPOINT = "model.onnx", "checkpoint"
TOLERANCE = 1e-4
LANGUAGE = "next-tokens"
"""What a task wants whose models are language models."""
_OPSET = 17


def export(folder: Path, route: Route, rows: Sequence[Row]) -> Path:
    """Write `folder/model.onnx` from the weights in `folder/checkpoint`. A language model of a known family is written in a layout
    that can be continued token by token, with the files that belong to it (`compress.language`).

    Args:
        folder: a finished train folder.
        rows: some rows; the graph must answer them as the module does, alone and in a batch.

    Raises:
        TrainError: graph and module disagree.
        ReleaseError: the folder is damaged.
    """
    task = load_task(folder)
    examples = task.encode_many(rows)
    batches = [task.collate(examples), *(task.collate([example]) for example in (examples[0], examples[-1]))]
    path = folder / GRAPH
    if isinstance(route, GradientRoute):
        module = registry.load(folder / CHECKPOINT)
        if task.wants == LANGUAGE and is_language(folder / CHECKPOINT):
            export_language(folder / CHECKPOINT, folder, "fp32", folder)
        else:
            write_bytes(path, trace(module, batches[0].inputs, task))
        truths = [registry.outputs(module, batch.inputs) for batch in batches]
    else:
        model = registry.load_fitted(route, folder / CHECKPOINT)
        write_bytes(path, model.graph().SerializeToString())
        truths = [model.outputs(batch.inputs) for batch in batches]
    agree(Graph(path, threads=1), batches, truths, path)
    return path


def trace(module: nn.Module, inputs: Mapping[str, np.ndarray], task: Task) -> bytes:
    """The module as a serialised ONNX graph. Torch's tracing exporter is tried first: it takes a tenth of the time of the newer
    one and gives plainer graphs, in which attention is found and fused; what it can't trace (some encoders of other libraries),
    the newer one exports."""
    module = module.eval()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    arguments = {name: torch.from_numpy(array) for name, array in inputs.items()}
    outputs = list(registry.outputs(module, inputs))
    try:
        traced = _traced(module, arguments, outputs, task)
    except Exception:  # whatever it was: the other exporter says its own if it fails as well
        return _exported(module, arguments, outputs, task)
    model, layers = fuse(require("onnx", "train").load_from_string(traced))
    return model.SerializeToString() if layers else traced


def _traced(module: nn.Module, arguments: dict[str, Any], outputs: list[str], task: Task) -> bytes:
    axes = {
        name: {at: axis for at, axis in enumerate(axes) if not axis.isdigit()}
        for name, axes in task.axes.items()
        if name in arguments
    }
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # it announces its retirement, and that LSTMs start from zero states, which ours do
        torch.onnx.export(
            module,
            (arguments,),
            buffer,  # type: ignore[arg-type]  # the tracing exporter takes a file too
            input_names=list(arguments),
            output_names=outputs,
            dynamic_axes={**axes, **{name: {0: "batch"} for name in outputs}},
            opset_version=_OPSET,
            dynamo=False,
        )
    return buffer.getvalue()


def _exported(module: nn.Module, arguments: dict[str, Any], outputs: list[str], task: Task) -> bytes:
    from torch.export import Dim

    dims = {name: Dim(name) for axes in task.axes.values() for name in axes if not name.isdigit()}
    shapes = {name: {at: dims[axis] for at, axis in enumerate(task.axes[name]) if axis in dims} for name in arguments}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            kwargs=arguments,
            input_names=list(arguments),
            output_names=outputs,
            dynamic_shapes=shapes,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    return program.model_proto.SerializeToString()


def agree(graph: Graph, batches: Sequence[Batch], truths: Sequence[Outputs], path: Path) -> None:
    """Compare the graph's answers with the model's.

    Raises:
        TrainError: they differ by more than 1e-4 (absolute, or relative to large outputs).
    """
    for batch, truth in zip(batches, truths, strict=True):
        answers = graph.run(batch)
        for name, expected in truth.items():
            distance = float(np.abs(answers[name] - expected).max(initial=0))
            if not np.allclose(answers[name], expected, rtol=TOLERANCE, atol=TOLERANCE):
                raise TrainError(
                    f"graph and module disagree by {distance:.2g} on {name}, in a batch of {len(batch.row_ids)} rows",
                    expected=f"at most {TOLERANCE:g}",
                    where=str(path),
                    remedy="The architecture uses something that ONNX expresses differently. Report it with the route's settings.",
                )
