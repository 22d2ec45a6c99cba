"""An exported ONNX graph on ONNX Runtime: Batch → Outputs. What evaluation measures is what production runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from modelwright.base.errors import ReleaseError
from modelwright.base.next_tokens import IDS, MASK, SURPRISE, TOKENS_AT_ONCE, NextTokens, by_document
from modelwright.base.nouns import Batch, Outputs
from modelwright.base.optional import require

if TYPE_CHECKING:
    from modelwright.base.bought.asker import Asker

GRAPH, ASKER = "model.onnx", "asker.json"


class Graph:
    """A loaded graph.

    Args:
        path: an ONNX file.
        threads: intra-operator threads; 0 lets the runtime take all cores.
        spin_us: how long an idle thread waits busily for its next piece of work before it sleeps; None leaves it to the runtime
            (long: faster for one caller on an idle machine). `SERVED_SPIN_US` is for servers.

    Raises:
        ReleaseError: the file is no graph that this runtime can load.
    """

    def __init__(self, path: Path, threads: int = 0, spin_us: int | None = None) -> None:
        runtime = require("onnxruntime", "serve")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        if spin_us is not None:
            options.add_session_config_entry("session.intra_op.spin_duration_us", str(spin_us))
        try:
            self.session = runtime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOWER_FUSIONS
            )
        except Exception as error:  # the runtime raises its own unrelated classes; this is the one border they cross
            raise ReleaseError(
                f"the graph can't be loaded: {str(error).splitlines()[0][:200]}",
                expected="an ONNX graph written by Modelwright",
                where=str(path),
                remedy="Make it again: modelwright run --from compress",
            ) from error
        self.language = NextTokens(self.session, _DTYPES, path.parent) if NextTokens.speaks(self.session) else None
        self.inputs = {item.name: np.dtype(_DTYPES[item.type]) for item in self.session.get_inputs()}
        self.outputs = [item.name for item in self.session.get_outputs()]
        if self.language is not None:
            self.inputs, self.outputs = {name: np.dtype("int64") for name in (IDS, MASK)}, [SURPRISE]

    def run(self, batch: Batch) -> Outputs:
        """Outputs by name; the first axis is the batch. Inputs that the graph does not name are left out. A language model's graph
        says how much each token surprised it: "surprise" float32 [b, t]."""
        if self.outputs == [SURPRISE]:
            ids, mask = (np.asarray(batch.inputs[name], np.int64) for name in (IDS, MASK))
            if self.language is not None:
                return {SURPRISE: self.language.surprise(ids, mask)}
            return {SURPRISE: by_document(ids, mask, TOKENS_AT_ONCE, self._surprise)}
        feed = {name: np.ascontiguousarray(batch.inputs[name], dtype=dtype) for name, dtype in self.inputs.items()}
        return dict(zip(self.outputs, self.session.run(self.outputs, feed), strict=True))

    def _surprise(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        given = {IDS: ids, MASK: mask}
        return self.session.run(self.outputs, {name: given[name] for name in self.inputs})[0]


def open_graph(folder: Path, threads: int = 0, spin_us: int | None = None, paid: Path | None = None) -> Graph | Asker:
    """Whatever answers batches for a trained or released folder: its graph, or the service that its asker.json names.

    Args:
        threads, spin_us: of a graph.
        paid: record of paid answers, for the pipeline's own work with a bought model; None: ask as a server does.

    Raises:
        ReleaseError: neither is there, or it is damaged.
    """
    if not (folder / ASKER).is_file():
        return Graph(folder / GRAPH, threads, spin_us)
    from modelwright.base.bought.asker import for_service, for_work  # with TLS and HTTP, which graphs do without

    return for_service(folder) if paid is None else for_work(folder, paid)


def graph_file(folder: Path) -> Path:
    """The file that `open_graph` opens."""
    return folder / (ASKER if (folder / ASKER).is_file() else GRAPH)


SERVED_SPIN_US = 100
"""Bridges the gaps between the operators of one run, for waking a sleeping thread takes as long as a small operator: with the
runtime's own, longer wait an int8 MiniLM answers in 8.4 ms instead of 10.5 on two idle cores. Waiting longer takes cores that
the event loop and others need."""

_SLOWER_FUSIONS = ["SkipLayerNormFusion"]
"""The fused kernel takes 256 µs where its parts take 75 (128 tokens of width 384, one core): 11 % of an int8 MiniLM's time."""

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
    "tensor(uint8)": "uint8",
}
