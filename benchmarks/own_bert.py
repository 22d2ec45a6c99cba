"""What one's own pre-training is worth: a classifier from it, and the same encoder from random weights, with 100 labels each.

The pre-training is that of examples/own-bert: BBC News articles of its training split, no label read. The articles that classifiers
are measured on are in neither of its splits, which is checked before anything is trained. For each of five seeds 100 rows are drawn from
the training split, label balance kept; both contenders learn from the same rows, with the same tokenizer, for as many epochs, with the
last weights. Each takes the learning rate of three that does best on the validation split (mean of the seeds), so that neither
suffers from the other's. What counts is macro-F1 on the test split. Beside them: TF-IDF with a linear model, from the same rows.

    python benchmarks/own_bert.py                         pre-trains within the example's budget, then compares: five seeds
    python benchmarks/own_bert.py --minutes 0.5 --seeds 1 --rates 1e-3     a quick look
    python benchmarks/own_bert.py --start FOLDER          takes the checkpoint of an earlier pre-training
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch

from modelwright.base.console import Console
from modelwright.base.journey import predict
from modelwright.base.machine import describe
from modelwright.base.nouns import Batch, Outputs, Row
from modelwright.base.store import write_json
from modelwright.data.prepare import prepare
from modelwright.data.rows import read_split
from modelwright.data.splits import dealt
from modelwright.models import registry
from modelwright.spec.load import Loaded, load
from modelwright.spec.routes.finetune import Finetune
from modelwright.spec.routes.route import Route
from modelwright.spec.routes.tfidf_linear import TfidfLinear
from modelwright.tasks.contract import TASKS, Task, get_task, load_task
from modelwright.train.route import CHECKPOINT, Limits, train_route

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "examples" / "own-bert"
OURS, RANDOM, LINEAR = "own pre-training", "random weights", "tfidf-linear"
LABELS, EPOCHS, TOKENS, BAR = 100, 30, 128, 0.05
RATES = (3e-4, 1e-3, 2e-3)
Splits = dict[str, list[Row]]


def main() -> int:
    given = _arguments()
    console, example = Console(), load(EXAMPLE, TASKS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts, rows = _rows(example, folder, console)
        began = time.perf_counter()
        base = given.start or _pretrain(example, texts, folder / "base", given.minutes, console)
        seconds = None if given.start else time.perf_counter() - began
        scores = _compare(base, rows, given, folder, console)
        result = _result(base, scores, seconds, given)
    write_json(given.out, result)
    _show(result, console)
    console.line(f"written to {given.out}")
    return 0 if result["meets_bar"] else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, help="of pre-training; default: the example's budget")
    parser.add_argument("--start", type=Path, help="checkpoint of an earlier pre-training (train/bert/checkpoint of a run)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--labels", type=int, default=LABELS)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--rates", type=float, nargs="+", default=list(RATES))
    parser.add_argument("--out", type=Path, default=HERE / "results" / "own-bert.json")
    return parser.parse_args()


def _rows(example: Loaded, folder: Path, console: Console) -> tuple[Splits, Splits]:
    """The documents of the pre-training and the labelled rows: one source, one cleaning, one split."""
    found = []
    for name in (example.project.task, "text-classification"):
        task, out = get_task(name), folder / name
        out.mkdir()
        learn: Any = example.project.learn if name == example.project.task else task.settings()
        arrange = partial(task.arrange, learn=learn)
        prepare(example.project.data, task.columns, EXAMPLE, out, console, habits=task.habits, arrange=arrange)
        found.append({split: list(read_split(out, split)) for split in ("train", "validation", "test")})
    texts, rows = found
    seen = {row.id for split in ("train", "validation") for row in texts[split]}
    if known := [row.id for row in rows["test"] if row.id in seen]:
        sys.exit(f"{len(known)} test rows are in the pre-training, {known[0]} first")
    return texts, rows


def _pretrain(example: Loaded, texts: Splits, out: Path, minutes: float | None, console: Console) -> Path:
    out.mkdir()
    budget = example.project.train.budget.minutes if minutes is None else minutes
    limits = Limits(None if budget is None else budget * 60)
    task, route = get_task(example.project.task), example.project.routes["bert"]
    _train(task, route, texts["train"], texts["validation"], out, None, limits, 0, console, example.project.learn)
    return out / CHECKPOINT


def _train(
    task: type[Task],
    route: Route,
    rows: Sequence[Row],
    validation: Sequence[Row],
    out: Path,
    start: Path | None,
    limits: Limits,
    seed: int,
    console: Console,
    learn: Any = None,
) -> None:
    train_route(
        task,
        route,
        rows,
        validation,
        checkpoint=start,
        limits=limits,
        seed=seed,
        folder=out,
        console=console,
        title=route.name,
        checkpoint_seconds=3600,
        learn=learn,
    )


def _compare(
    base: Path, rows: Splits, given: argparse.Namespace, folder: Path, console: Console
) -> dict[str, list[dict[str, Any]]]:
    """Every training's settings and validation score, by contender; the test split is scored where the rate was chosen, and only there."""
    found: dict[str, list[dict[str, Any]]] = {OURS: [], RANDOM: [], LINEAR: []}
    routes: dict[tuple[str, float | None], Route] = {(LINEAR, None): TfidfLinear()}
    for rate in given.rates:
        settings = {"from": "run://", "max_tokens": TOKENS, "epochs": given.epochs, "learning_rate": rate, "patience": 0}
        routes |= {(name, rate): Finetune.model_validate(settings) for name in (OURS, RANDOM)}
    for seed in range(given.seeds):
        learned = _drawn(rows["train"], given.labels, seed)
        starts = {OURS: base, RANDOM: _random(base, seed, folder / f"random-{seed}")}
        for (contender, rate), route in routes.items():
            out = folder / f"{contender}-{rate}-{seed}"
            run = {"seed": seed, "learning_rate": rate, "seconds": _classifier(route, starts.get(contender), learned, seed, out)}
            found[contender].append({**run, "validation": _scored(route, out, rows["validation"])})
            console.line(
                f"  seed {seed}  {contender:<17} rate {rate or '–':<7}  validation {found[contender][-1]['validation']:.4f}"
            )
    for contender, runs in found.items():
        rate = _chosen(runs)
        for run in [run for run in runs if run["learning_rate"] == rate]:
            run["test"] = _scored(routes[contender, rate], folder / f"{contender}-{rate}-{run['seed']}", rows["test"])
    return found


def _drawn(rows: Sequence[Row], labels: int, seed: int) -> list[Row]:
    """So many rows with their labels, label balance kept."""
    wanted = {"train": labels, "validation": 0, "test": len(rows) - labels}
    marks = dealt([(row.values["label"],) for row in rows], wanted, seed)
    return [row for row, mark in zip(rows, marks, strict=True) if mark == "train"]


def _random(base: Path, seed: int, out: Path) -> Path:
    """A checkpoint of the same shape and tokenizer that has learned nothing."""
    route, sizes = registry.describe(base)
    torch.manual_seed(seed)
    registry.save(registry.build(route, sizes, None), route, sizes, out)
    load_task(base).save(out)
    return out


def _classifier(route: Route, start: Path | None, learned: list[Row], seed: int, out: Path) -> float:
    """Trained to the last epoch; the seconds that took."""
    out.mkdir()
    began = time.perf_counter()
    _train(get_task("text-classification"), route, learned, [], out, start, Limits(), seed, Console(quiet=True))
    return time.perf_counter() - began


def _scored(route: Route, trained: Path, rows: list[Row]) -> float:
    """Macro-F1 of a trained classifier."""
    task = load_task(trained)
    return float(task.score(task.align(predict(task, Module(route, trained / CHECKPOINT), rows), rows))["macro-f1"])


class Module:
    """A trained model that answers batches as a graph does."""

    def __init__(self, route: Route, folder: Path) -> None:
        self.model: Any = registry.load_fitted(route, folder) if route.kind == "fit" else registry.load(folder)
        self.fitted = route.kind == "fit"

    def run(self, batch: Batch) -> Outputs:
        return self.model.outputs(batch.inputs) if self.fitted else registry.outputs(self.model, batch.inputs)


def _result(
    base: Path, scores: dict[str, list[dict[str, Any]]], seconds: float | None, given: argparse.Namespace
) -> dict[str, Any]:
    taken = {name: _best(runs) for name, runs in scores.items()}
    differences = [own - other for own, other in zip(taken[OURS]["test"], taken[RANDOM]["test"], strict=True)]
    difference = statistics.fmean(differences)
    route, sizes = registry.describe(base)
    return {
        "what": "macro-F1 on the test split of BBC News with few labels, from one's own pre-training and from random weights",
        "labels": given.labels,
        "epochs": given.epochs,
        "pre_training": {"seconds": seconds, "route": route.model_dump(mode="json"), "sizes": dict(sizes)},
        "contenders": taken,
        "differences": differences,
        "difference": difference,
        "difference_deviation": statistics.stdev(differences) if len(differences) > 1 else None,
        "bar": BAR,
        "meets_bar": difference >= BAR,
        "runs": scores,
        "machine": describe().line,
        "torch": torch.__version__,
        "command": shlex.join(["python", "benchmarks/own_bert.py", *sys.argv[1:]]),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _chosen(runs: list[dict[str, Any]]) -> float | None:
    """The learning rate that does best on validation, mean of the seeds."""
    rates = dict.fromkeys(run["learning_rate"] for run in runs)
    return max(rates, key=lambda rate: statistics.fmean(run["validation"] for run in runs if run["learning_rate"] == rate))


def _best(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The chosen learning rate, and its scores by seed."""
    rate = _chosen(runs)
    mine = [run for run in runs if run["learning_rate"] == rate]
    test = [run["test"] for run in mine]
    return {
        "learning_rate": rate,
        "validation_mean": statistics.fmean(run["validation"] for run in mine),
        "test": test,
        "test_mean": statistics.fmean(test),
        "seconds_mean": statistics.fmean(run["seconds"] for run in mine),
    }


def _show(result: dict[str, Any], console: Console) -> None:
    console.line("")
    for name, found in result["contenders"].items():
        console.line(
            f"{name:<17} test macro-F1 {found['test_mean']:.4f}  ({', '.join(f'{score:.3f}' for score in found['test'])})"
        )
    console.line(
        f"difference {result['difference']:+.4f}, bar {result['bar']:+.2f}: {'met' if result['meets_bar'] else 'not met'}"
    )


if __name__ == "__main__":
    sys.exit(main())
