"""Ranking the whole of MovieLens 100K at a cut in time: the routes of examples/movies beside the ALS of the library `implicit`.

The same rows, the same exclusions, the same figures: the library's scores go through the task's own `decode`, `align` and `score`. Its
factors, penalty and confidence are tuned on the validation split, each over a grid; the test split is scored once, with the best.
Users without a history get the most liked items from it, as they do from our routes.

    python benchmarks/recommend.py                   every route, cut by time (the bar)
    python benchmarks/recommend.py --by last --routes popularity ease als --set routes.ease.trend=0 routes.als.trend=0
"""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.base.console import Console
from modelwright.base.graph import Graph
from modelwright.base.journey import predict
from modelwright.base.machine import describe
from modelwright.base.nouns import Batch, Outputs, Row
from modelwright.base.store import write_json
from modelwright.compress.export import export
from modelwright.data.prepare import prepare
from modelwright.data.rows import read_split
from modelwright.evaluate.intervals import Draws, draw
from modelwright.evaluate.paired import paired_bootstrap
from modelwright.models.item_scores import matrix, popularity
from modelwright.spec.load import Loaded, load
from modelwright.tasks.contract import TASKS, get_task
from modelwright.tasks.recommendation import EXCLUDED, Recommendation
from modelwright.train.plan import Limits
from modelwright.train.route import train_route

HERE = Path(__file__).parent
METRIC = "ndcg@10"
BAR = 1.5  # times popularity
PEER, BASE = "implicit ALS, tuned", "popularity"
FACTORS, STRENGTHS, CONFIDENCES = (8, 16, 32, 64, 128), (0.01, 0.1, 1.0, 10.0, 30.0, 100.0, 300.0), (1.0, 2.0, 4.0, 10.0, 40.0)
SWEEPS = 15  # the library's default
RESAMPLES = 2000
CUTS = {"time": "by time at 70 % and 80 %", "last": "before each user's last rating"}
LIBRARIES = ("modelwright", "implicit", "torch", "onnxruntime", "scipy", "numpy")


def main() -> int:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the library asks for it, and says so at every fit otherwise
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--by", choices=("time", "last"), default="time", help="the cut: a moment for all, or each user's last")
    parser.add_argument("--routes", nargs="+", help="of the example; default: all. popularity is needed to compare with")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="settings of the example to change")
    parser.add_argument("--out", type=Path, help="default: benchmarks/results/recommend.json, recommend-last.json by last")
    given = parser.parse_args()
    out = given.out or HERE / "results" / ("recommend.json" if given.by == "time" else "recommend-last.json")
    console = Console()
    loaded = load(HERE.parent / "examples" / "movies", TASKS, [f"data.split.by={given.by}", *given.set])
    with tempfile.TemporaryDirectory() as folder:
        rows = _rows(loaded, Path(folder), console)
        found = {
            name: _ours(loaded, name, rows, Path(folder), given.seed, console) for name in given.routes or loaded.project.routes
        }
        found[PEER] = _peer(loaded, rows, given.seed, console)
    report = _report(found, rows, given)
    write_json(out, report)
    _show(report, console)
    console.line(f"written to {out}")
    return 0 if report["meets_bar"] else 1


def _rows(loaded: Loaded, folder: Path, console: Console) -> dict[str, list[Row]]:
    """The splits as the data stage makes them."""
    project, task = loaded.project, get_task(loaded.project.task)
    (folder / "data").mkdir()
    arrange = partial(task.arrange, learn=project.learn)
    prepare(project.data, task.columns, loaded.folder, folder / "data", console, habits=task.habits, arrange=arrange)
    return {split: read_split(folder / "data", split) for split in ("train", "validation", "test")}


def _ours(loaded: Loaded, name: str, rows: dict[str, list[Row]], folder: Path, seed: int, console: Console) -> dict[str, Any]:
    """One route of the project: what its exported graph says."""
    project, out = loaded.project, folder / name
    out.mkdir()
    result = train_route(
        get_task(project.task),
        project.routes[name],
        rows["train"],
        rows["validation"],
        checkpoint=None,
        limits=Limits(None, None),
        seed=seed,
        folder=out,
        console=console,
        title=name,
        checkpoint_seconds=3600,
        learn=project.learn,
    )
    graph = Graph(export(out, project.routes[name], rows["train"][:8]), threads=1)
    task = Recommendation.load(out)
    settings = project.routes[name].model_dump(mode="json", exclude_defaults=True)
    return {"settings": settings, "seconds": result["seconds"], **_scored(task, graph, rows, seed)}


def _scored(task: Recommendation, runner: Any, rows: dict[str, list[Row]], seed: int) -> dict[str, Any]:
    draws = {}
    for split in ("validation", "test"):
        aligned = task.align(predict(task, runner, rows[split]), rows[split])
        draws[split] = draw(task.score, aligned, [row.id for row in rows[split]], RESAMPLES, seed)
    return {"draws": draws}


class Library:
    """Item vectors of `implicit`, asked as a graph is: a history is folded in by the library itself."""

    def __init__(self, model: Any, prior: np.ndarray) -> None:
        self.model, self.prior = model, prior

    def run(self, batch: Batch) -> Outputs:
        from scipy import sparse

        profile = batch.inputs["profile"]
        users = self.model.recalculate_user(np.arange(len(profile)), sparse.csr_matrix(profile))
        scores = np.where(profile.any(1)[:, None], users @ self.model.item_factors.T, self.prior)
        return {"scores": np.where(batch.inputs["excluded"], EXCLUDED, scores), "asked_for": batch.inputs["asked"]}


def _peer(loaded: Loaded, rows: dict[str, list[Row]], seed: int, console: Console) -> dict[str, Any]:
    """Tuned on validation; the test split is scored once."""
    from implicit.als import AlternatingLeastSquares

    route = loaded.project.routes[BASE]  # its way of reading is ours: which items, once each
    task = Recommendation.fit(rows["train"], route, None, loaded.project.learn)
    lessons = task.lessons(rows["train"])
    users, prior = matrix(lessons, task.sizes).astype(np.float32), popularity(lessons, task.sizes, None)
    trials: list[dict[str, Any]] = []
    best: tuple[float, Library, dict[str, Any]] | None = None
    began = time.perf_counter()
    grid = list(itertools.product(FACTORS, STRENGTHS, CONFIDENCES))
    with console.progress("tune implicit", total=len(grid)) as progress:
        for number, (factors, strength, confidence) in enumerate(grid):
            settings = {"factors": factors, "regularization": strength, "alpha": confidence, "iterations": SWEEPS}
            model = AlternatingLeastSquares(**settings, random_state=seed, num_threads=1)
            model.fit(users, show_progress=False)
            runner = Library(model, prior)
            score = task.score(task.align(predict(task, runner, rows["validation"]), rows["validation"]))[METRIC]
            trials.append({**settings, METRIC: score})
            if best is None or score > best[0]:
                best = (score, runner, settings)
            progress.update(number + 1)
    assert best is not None
    return {
        "settings": best[2],
        "seconds": time.perf_counter() - began,
        "trials": trials,
        **_scored(task, best[1], rows, seed),
    }


def _report(found: dict[str, dict[str, Any]], rows: dict[str, list[Row]], given: argparse.Namespace) -> dict[str, Any]:
    draws: dict[str, dict[str, Draws]] = {name: part.pop("draws") for name, part in found.items()}
    chosen = max((name for name in found if name != PEER), key=lambda name: draws[name]["validation"].values[METRIC])
    values = {name: draws[name]["test"].values[METRIC] for name in found}
    contenders = {
        name: {**part, **{split: draws[name][split].figures() for split in ("validation", "test")}}
        for name, part in found.items()
    }
    compared = {name: paired_bootstrap(draws[chosen]["test"], draws[name]["test"], METRIC) for name in (PEER, BASE)}
    warm = sum(bool(row.values["history"]) for row in rows["test"])
    return {
        "what": f"NDCG@10 over the whole catalogue of MovieLens 100K, ratings of 4 and 5, cut {CUTS[given.by]}; users with a history "
        f"({warm} of {len(rows['test'])} in the test split)",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe().line,
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "command": shlex.join(["python", "benchmarks/recommend.py", *sys.argv[1:]]),
        "contenders": contenders,
        "chosen": chosen,
        "times_popularity": values[chosen] / values[BASE],
        "bars": {"times_popularity": BAR, "at_least": PEER},
        "compared": {name: vars(comparison) for name, comparison in compared.items()},
        "meets_bar": values[chosen] >= BAR * values[BASE] and values[chosen] >= values[PEER],
    }


def _show(report: dict[str, Any], console: Console) -> None:
    console.line(report["what"])
    for name, part in report["contenders"].items():
        figures: Sequence[tuple[str, dict[str, float]]] = [(split, part[split][METRIC]) for split in ("validation", "test")]
        texts = [f"{split} {figure['value']:.4f} [{figure['low']:.4f}–{figure['high']:.4f}]" for split, figure in figures]
        console.line(f"  {name:<22} {' · '.join(texts)} · {part['seconds']:.0f} s")
    peer = report["compared"][PEER]
    console.line(
        f"  {report['chosen']} (best on validation): {report['times_popularity']:.2f} times popularity; "
        f"{peer['difference']:+.4f} [{peer['low']:+.4f}–{peer['high']:+.4f}] beside {PEER}, p = {peer['p_value']:.3f}"
    )


if __name__ == "__main__":
    sys.exit(main())
