"""Tables: the route that Modelwright chooses beside LightGBM with its defaults, on every shipped table, test rows held out from both.

Each table is split anew for each seed. Routes are trained on the training rows and chosen by the validation rows; LightGBM gets the same
training rows in the same encoding (categories as categories) and no setting. The difference on the test rows has a 95 % interval by the
paired bootstrap. "Not worse" means that zero, or a gain, lies within it.

    python benchmarks/tabular.py                                  three seeds, all tables
    python benchmarks/tabular.py --seeds 7 --tables german-credit diabetes
    python benchmarks/tabular.py --autogluon /path/to/python --out tabular-autogluon
                                                                  AutoGluon medium_quality too, in that environment, in the time ours took
"""

from __future__ import annotations

import argparse
import csv
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.base.console import Console
from modelwright.base.graph import Graph
from modelwright.base.journey import predict
from modelwright.base.machine import describe
from modelwright.base.nouns import Row
from modelwright.base.store import write_json

HERE = Path(__file__).resolve().parent
TABLES: Mapping[str, tuple[str, dict[str, str], dict[str, Any], dict[str, dict[str, Any]], float | None]] = {
    # task, columns, learn, routes, bar of the test metric
    "german-credit": (
        "tabular-classification",
        {"label": "creditability"},
        {},
        {"linear": {}, "boosting": {}, "forest": {}},
        0.78,
    ),
    "breast-cancer": ("tabular-classification", {"label": "diagnosis"}, {}, {"linear": {}, "svm": {}, "boosting": {}}, 0.99),
    "bearings": (
        "tabular-classification",
        {"label": "Label"},
        {"types": {"COMP_NAME": "category", "MP_LOC": "category"}},
        {"linear": {}, "boosting": {}, "forest": {}},
        None,
    ),
    "card-default": ("tabular-classification", {"label": "default"}, {}, {"linear": {}, "boosting": {}}, None),
    "adult": ("tabular-classification", {"label": "income"}, {}, {"linear": {}, "boosting": {}}, 0.92),
    "diabetes": ("tabular-regression", {"target": "progression"}, {}, {"linear": {}, "svm": {}, "boosting": {}}, None),
    "concrete": ("tabular-regression", {"target": "strength"}, {}, {"linear": {"degree": 2}, "boosting": {}, "mlp": {}}, None),
    "bikes": (
        "tabular-regression",
        {"target": "riders"},
        {"exclude": ["casual", "registered"]},
        {"linear": {}, "boosting": {}},
        None,
    ),
}
METRIC = {"tabular-classification": "roc-auc", "tabular-regression": "r2"}
RESAMPLES = 1000


def main() -> int:
    given = _arguments()
    console, found = Console(), []
    for table in given.tables:
        for seed in given.seeds:
            with tempfile.TemporaryDirectory() as name:
                found.append(_contest(table, seed, Path(name), given.autogluon))
            console.line(_said(found[-1]))
    _means(found)
    good = [one for one in found if one["not_worse"] and (one["bar"] is None or one["mean_of_seeds"] >= one["bar"])]
    content = {
        "command": shlex.join(
            ["python", "benchmarks/tabular.py", *("PYTHON" if one == given.autogluon else one for one in sys.argv[1:])]
        ),
        "machine": describe().line,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "resamples": RESAMPLES,
        "contests": found,
    }
    write_json(HERE / "results" / f"{given.out}.json", content)
    console.line(f"{len(good)} of {len(found)} contests: not worse than LightGBM's defaults, and at the bar where there is one")
    return 0 if len(good) == len(found) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="+", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[7, 1, 2], help="of the splits")
    parser.add_argument("--autogluon", help="a Python with autogluon.tabular")
    parser.add_argument("--out", default="tabular", help="name of the file in benchmarks/results/")
    return parser.parse_args()


def _means(found: Sequence[dict[str, Any]]) -> None:
    """Write each table's mean over its seeds into its contests: a small table's single test split says little."""
    for one in found:
        one["mean_of_seeds"] = float(np.mean([other["ours"] for other in found if other["table"] == one["table"]]))


def _contest(table: str, seed: int, folder: Path, autogluon: str | None) -> dict[str, Any]:
    from modelwright.data.prepare import prepare
    from modelwright.data.rows import read_split
    from modelwright.evaluate.intervals import draw
    from modelwright.evaluate.paired import paired_bootstrap
    from modelwright.spec.data import Data
    from modelwright.tasks.contract import get_task

    name, columns, learn, routes, bar = TABLES[table]
    task_type, metric, quiet = get_task(name), METRIC[name], Console(quiet=True)
    shares = {"test": 0.3, "validation": 0.15, "seed": seed}
    spec = Data.model_validate({"source": f"catalogue://{table}", "columns": columns, "split": shares})
    prepare(spec, task_type.columns, folder, folder, quiet, habits=task_type.habits)
    splits = {split: read_split(folder, split) for split in ("train", "validation", "test")}
    began, raced = time.perf_counter(), {}
    for route, settings in routes.items():
        raced[route] = _train(task_type, route, settings, learn, splits, folder / route)
    seconds = time.perf_counter() - began
    chosen = max(raced, key=lambda route: raced[route]["validation"][metric])
    task, aligned = raced[chosen]["task"], raced[chosen]["aligned"]
    ids = [row.id for row in splits["test"]]
    ours = draw(task.score, aligned, ids, RESAMPLES, 0)
    peers = {"lightgbm defaults": _lightgbm(task, splits["train"], splits["test"])}
    if autogluon is not None:
        peers["autogluon medium_quality"] = _autogluon(autogluon, task, splits, seconds, folder)
    result: dict[str, Any] = {
        "table": table,
        "seed": seed,
        "rows": {split: len(rows) for split, rows in splits.items()},
        "metric": metric,
        "chosen": chosen,
        "ours": ours.values[metric],
        "bar": bar,
        "seconds": seconds,
        "routes": {route: {"validation": one["validation"][metric], "test": one["test"][metric]} for route, one in raced.items()},
        "peers": {},
    }
    for peer, answers in peers.items():
        theirs = draw(task.score, {**aligned, **answers}, ids, RESAMPLES, 0)
        compared = paired_bootstrap(ours, theirs, metric)
        gap = {"difference": compared.difference, "low": compared.low, "high": compared.high}
        result["peers"][peer] = {"value": theirs.values[metric], **gap}
    result["not_worse"] = result["peers"]["lightgbm defaults"]["high"] >= 0
    return result


def _train(
    task_type: Any, name: str, settings: dict[str, Any], learn: dict[str, Any], splits: Any, folder: Path
) -> dict[str, Any]:
    from modelwright.compress.export import export
    from modelwright.tasks.contract import load_task, routes_of
    from modelwright.train.route import Limits, train_route

    folder.mkdir()
    route = routes_of(task_type)[name].model_validate(settings)
    train_route(
        task_type,
        route,
        splits["train"],
        splits["validation"],
        checkpoint=None,
        limits=Limits(300, None),
        seed=0,
        folder=folder,
        console=Console(quiet=True),
        title=name,
        checkpoint_seconds=3600,
        learn=task_type.settings.model_validate(learn),
    )
    graph, task = Graph(export(folder, route, splits["train"][:8])), load_task(folder)
    aligned = {split: task.align(predict(task, graph, splits[split]), splits[split]) for split in ("validation", "test")}
    return {"task": task, "aligned": aligned["test"], **{split: task.score(aligned[split]) for split in aligned}}


def _lightgbm(task: Any, train: Sequence[Row], test: Sequence[Row]) -> dict[str, np.ndarray]:
    """LightGBM as it comes. Targets are those of the table: no logarithm."""
    import lightgbm

    kind = lightgbm.LGBMRegressor if task.wants == "number" else lightgbm.LGBMClassifier
    columns = {name: _columns(task, rows) for name, rows in (("train", train), ("test", test))}
    categories = list(range(task.sizes["numbers"], columns["train"].shape[1]))
    role = task.reference
    targets = [row.values[role] if task.wants == "number" else task.labels.index(row.values[role]) for row in train]
    model = kind(verbosity=-1, random_state=0).fit(columns["train"], targets, categorical_feature=categories)
    if task.wants == "number":
        return _numbers(model.booster_.predict(columns["test"]))
    return {"probabilities": _both(model.booster_.predict(columns["test"]))}


def _columns(task: Any, rows: Sequence[Row]) -> np.ndarray:
    inputs = [task.reader.encode(row) for row in rows]
    return np.stack([np.concatenate([one["numbers"], one["categories"]]) for one in inputs])


def _both(chances: np.ndarray) -> np.ndarray:
    return np.stack([1 - chances, chances], 1) if chances.ndim == 1 else chances


def _numbers(values: np.ndarray) -> dict[str, np.ndarray]:
    nothing = np.full(len(values), np.nan)
    return {"value": np.asarray(values, np.float64), "low": nothing, "high": nothing}


def _autogluon(python: str, task: Any, splits: Any, seconds: float, folder: Path) -> dict[str, np.ndarray]:
    """AutoGluon on the raw columns, with our validation rows as its tuning rows, in a process of that environment."""
    work = folder / "autogluon"
    work.mkdir()
    names = [column.name for column in task.reader.columns]
    for split, rows in splits.items():
        with (work / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([*names, task.reference])
            writer.writerows([*(row.values[name] for name in names), row.values[task.reference]] for row in rows)
    labels = None if task.wants == "number" else list(task.labels)
    (work / "asked.json").write_text(json.dumps({"target": task.reference, "labels": labels, "seconds": seconds}))
    subprocess.run([python, str(HERE / "peer_autogluon.py"), str(work)], check=True, stdout=subprocess.DEVNULL)
    answers = np.load(work / "answers.npy")
    return _numbers(answers) if labels is None else {"probabilities": answers}


def _said(one: Mapping[str, Any]) -> str:
    peers = "; ".join(
        f"{name} {peer['value']:.4f}, difference {peer['difference']:+.4f} [{peer['low']:+.4f}–{peer['high']:+.4f}]"
        for name, peer in one["peers"].items()
    )
    return f"{one['table']:<14} seed {one['seed']}  {one['metric']} {one['ours']:.4f} ({one['chosen']}, {one['seconds']:.0f} s)  {peers}"


if __name__ == "__main__":
    sys.exit(main())
