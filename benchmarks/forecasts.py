"""Forecasts of the five shipped sets of series: every route beside the seasonal naive forecast, on the same windows.

Each set is split by time (60 % training, 15 % validation, 25 % test); forecasts are made from every step of the test period and see
only what lies before. Of the routes the one that is best on validation is taken, as the `choose` stage would. A figure counts as a
ratio: MASE of the route taken over MASE of the seasonal naive forecast, on test, with its 95 % bootstrap interval. Windows overlap,
so that the interval is narrower than independent windows would make it.

    python benchmarks/forecasts.py                        all five sets, every route (minutes on two cores)
    python benchmarks/forecasts.py --sets delhi-climate --routes seasonal-naive ets
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from modelwright.base.console import Console
from modelwright.base.graph import Graph
from modelwright.base.journey import predict
from modelwright.base.machine import describe
from modelwright.base.nouns import Row
from modelwright.base.store import write_json
from modelwright.compress.export import export
from modelwright.data.prepare import prepare
from modelwright.data.rows import read_split
from modelwright.evaluate.intervals import Draws, draw
from modelwright.evaluate.paired import paired_bootstrap
from modelwright.spec.data import Data
from modelwright.tasks.contract import get_task, load_task, routes_of
from modelwright.train.route import Limits, train_route

HERE = Path(__file__).parent
TASK = get_task("time-series-forecasting")
NAIVE = "seasonal-naive"
SPLIT = {"test": 0.25, "validation": 0.15}
SETS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "airline-passengers": ({"time": "Month", "value": "#Passengers"}, {"horizon": 12}),
    "car-sales": ({"time": "Month", "value": "Sales"}, {"horizon": 12}),
    "delhi-climate": ({"time": "date", "value": "meantemp"}, {"horizon": 14}),
    "us-electricity": ({"time": "column 1", "value": "United States : all sectors"}, {"horizon": 12}),
    "stock-prices": ({"time": "Date", "value": "Close", "series": "symbol"}, {"horizon": 10}),
}
BAR_SETS, BAR_COVERAGE = 4, (0.7, 0.9)
SEED, RESAMPLES = 7, 500
LIBRARIES = ("modelwright", "torch", "onnxruntime", "statsmodels", "scipy", "numpy")


def main() -> int:
    given = _arguments()
    console = Console()
    found = {name: _measure(name, given, console) for name in given.sets}
    report = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "python benchmarks/forecasts.py " + " ".join(sys.argv[1:]),
        "machine": describe().line,
        "versions": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "split": SPLIT,
        "minutes": given.minutes,
        "sets": found,
        "better": sum(one["ratio"]["value"] < 1 for one in found.values()),
        "covered": sum(
            BAR_COVERAGE[0] <= one["routes"][one["taken"]]["coverage-80"] <= BAR_COVERAGE[1] for one in found.values()
        ),
    }
    write_json(given.out, report)
    _show(report, console)
    met = report["better"] >= min(BAR_SETS, len(found)) and report["covered"] == len(found)
    return 0 if met else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--routes", nargs="+", choices=list(routes_of(TASK)), default=list(routes_of(TASK)))
    parser.add_argument("--minutes", type=float, default=1.5, help="of training for each route and set at most")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "forecasts.json")
    given = parser.parse_args()
    given.routes = list(dict.fromkeys([NAIVE, *given.routes]))
    return given


def _measure(name: str, given: argparse.Namespace, console: Console) -> dict[str, Any]:
    columns, settings = SETS[name]
    learn = TASK.settings.model_validate(settings)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        card = prepare(
            Data.model_validate({"source": f"catalogue://{name}", "columns": columns, "split": SPLIT}),
            TASK.columns,
            data,
            data,
            console,
            habits=TASK.habits,
            arrange=partial(TASK.arrange, learn=learn),
            unusable=partial(TASK.unusable, learn=learn),
            described=partial(TASK.described, learn=learn),
        )
        splits = {split: read_split(data, split) for split in ("train", "validation", "test")}
        routes: dict[str, dict[str, Any]] = {}
        drawn: dict[str, Draws] = {}
        for route in given.routes:
            routes[route], drawn[route] = _route(route, splits, data / route, learn, given.minutes, console)
            line = " · ".join(f"{key} {value:.3f}" for key, value in routes[route].items() if isinstance(value, float))
            console.line(f"{name}  {route}  {line}")
    taken = min((route for route in routes if route != NAIVE), key=lambda route: routes[route]["validation"])
    against = paired_bootstrap(drawn[taken], drawn[NAIVE], "mase")
    shares = drawn[taken].resampled["mase"] / drawn[NAIVE].resampled["mase"]
    shares.sort()
    return {
        "about": card["task"],
        "windows": {split: len(rows) for split, rows in splits.items()},
        "horizon": learn.horizon,
        "routes": routes,
        "taken": taken,
        "ratio": {
            "value": routes[taken]["mase"] / routes[NAIVE]["mase"],
            "low": float(shares[int(0.025 * len(shares))]),
            "high": float(shares[int(0.975 * len(shares))]),
        },
        "p_value": against.p_value,
    }


def _route(
    name: str, splits: dict[str, list[Row]], folder: Path, learn: Any, minutes: float, console: Console
) -> tuple[dict[str, Any], Draws]:
    """A route's figures on test, its validation MASE and seconds; and the draws that ratios are made of."""
    folder.mkdir()
    route = routes_of(TASK)[name]()
    started = time.perf_counter()
    result = train_route(
        TASK,
        route,
        splits["train"],
        splits["validation"],
        checkpoint=None,
        limits=Limits(minutes * 60, None),
        seed=SEED,
        folder=folder,
        console=console,
        title=name,
        checkpoint_seconds=3600,
        learn=learn,
    )
    seconds = time.perf_counter() - started
    graph = Graph(export(folder, route, splits["train"][:8]))
    task = load_task(folder)
    test = splits["test"]
    drawn = draw(task.score, task.align(predict(task, graph, test), test), [row.id for row in test], RESAMPLES, SEED)
    return {**drawn.values, "validation": result["best_score"], "seconds": seconds}, drawn


def _show(report: dict[str, Any], console: Console) -> None:
    for name, one in report["sets"].items():
        taken, naive, ratio = one["routes"][one["taken"]], one["routes"][NAIVE], one["ratio"]
        console.line(
            f"{name:22}  {one['taken']:12}  MASE {taken['mase']:.3f} instead of {naive['mase']:.3f}: "
            f"×{ratio['value']:.2f} ({ratio['low']:.2f}–{ratio['high']:.2f})  80 % intervals hold {taken['coverage-80']:.0%}"
        )
    low, high = BAR_COVERAGE
    console.line(f"better than {NAIVE} on {report['better']} of {len(report['sets'])} (bar: {BAR_SETS})")
    console.line(f"80 % intervals cover {low:.0%} to {high:.0%} on {report['covered']} of {len(report['sets'])} (bar: all)")


if __name__ == "__main__":
    raise SystemExit(main())
