"""Stage 3, train: what can each route learn inside the budget?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from modelwright.base.console import amount, duration
from modelwright.base.store import read_json
from modelwright.pipeline import costs
from modelwright.pipeline.context import Context
from modelwright.pipeline.words import say
from modelwright.spec.load import Loaded
from modelwright.spec.project import Project
from modelwright.tasks.contract import get_task


def start(loaded: Loaded, name: str) -> str | None:
    """What the checkpoint that the route starts from holds now; None from scratch."""
    from modelwright.data import checkpoints

    reference = getattr(loaded.project.routes[name], "from_", None)
    return None if reference is None else checkpoints.identity(reference, loaded.folder)


def checkpoint(context: Context, name: str) -> Path | None:
    """The folder of the checkpoint that the route starts from."""
    from modelwright.data import checkpoints

    reference = getattr(context.project.routes[name], "from_", None)
    return None if reference is None else checkpoints.resolve(reference, context.loaded.folder, context.console)


def seed(project: Project, name: str) -> int:
    """The route's seed."""
    own = project.routes[name].seed
    return project.train.seed if own is None else own


def budget(project: Project, name: str) -> tuple[float | None, int | None, Literal["seconds", "money"]]:
    """The route's budget as seconds, steps, and which of time and money the seconds are: money is turned into seconds of this
    machine."""
    stated = project.routes[name].budget or project.train.budget
    seconds = None if stated.minutes is None else stated.minutes * 60
    if stated.money is not None:
        bought = costs.in_currency(project, stated.money) / costs.hour(project).value * 3600
        if seconds is None or bought < seconds:
            return bought, stated.steps, "money"
    return seconds, stated.steps, "seconds"


def work(context: Context) -> str:
    from modelwright.compress.export import export
    from modelwright.data.rows import read_split
    from modelwright.train.route import Limits, train_route
    from modelwright.train.tuning import TUNING, tune_route

    name = context.out.name.removesuffix(".partial")
    project = context.project
    route = project.routes[name]
    data = context.input("data")
    rows = read_split(data, "train")
    validation = read_split(data, "validation")
    settings: dict[str, Any] = {
        "checkpoint": checkpoint(context, name),
        "limits": Limits(*budget(project, name)),
        "seed": seed(project, name),
        "folder": context.out,
        "console": context.console,
        "title": name,
        "checkpoint_seconds": project.train.checkpoint_seconds,
        "learn": project.learn,
    }
    task = get_task(project.task)
    if name in project.tune:
        result, route = tune_route(task, route, project.tune[name], rows, validation, **settings)
        _record_search(context, name, read_json(context.out / TUNING))
    else:
        result = train_route(task, route, rows, validation, **settings)
    export(context.out, route, rows[:: max(1, len(rows) // 32)][:32])
    context.ledger.record(f"train/{name}/time", result["seconds"], "s", "measured")
    context.ledger.record(f"train/{name}/memory", result["peak_memory_bytes"] / 1e6, "MB", "measured")
    context.ledger.record(f"train/{name}/samples-per-second", result["samples_per_second"], "rows/s", "measured")
    context.ledger.record(f"train/{name}/steps", result["steps"], "steps", "measured")
    return say(
        context,
        "train",
        route=name,
        score=amount(result["best_score"], 3),
        metric=result["metric"],
        steps=result["steps"],
        stopped=say(context, f"stopped-{result['stopped_by']}"),
        took=duration(result["seconds"]),
        precision=result["precision"],
    )


def _record_search(context: Context, name: str, found: Mapping[str, Any]) -> None:
    """What tuning bought: the best trial against the route as written, on validation."""
    record = context.ledger.record
    best = found["trials"][found["best"]]
    sign = 1.0 if found["better"] == "higher" else -1.0
    note = f"{found['metric']} on validation: {amount(best['score'], 4)} instead of {amount(found['written'], 4)}"
    record(f"train/{name}/tuning-trials", len(found["trials"]), "trials", "measured")
    record(f"train/{name}/tuning-gain", sign * (best["score"] - found["written"]), "1", "measured", note=note)
