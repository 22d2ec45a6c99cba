"""Stage 3, train: what can each route learn inside the budget?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from modelwright.base.console import amount, duration
from modelwright.pipeline import costs
from modelwright.pipeline.context import Context
from modelwright.pipeline.words import say
from modelwright.spec.load import Loaded
from modelwright.tasks.contract import get_task

if TYPE_CHECKING:
    from modelwright.train.route import Limits


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


def limits(context: Context, name: str) -> Limits:
    """The route's budget as seconds and steps: money is turned into seconds of this machine."""
    from modelwright.train.route import Limits

    budget = context.project.routes[name].budget or context.project.train.budget
    seconds = [] if budget.minutes is None else [budget.minutes * 60]
    if budget.money is not None:
        price = costs.hour(context.project)
        seconds.append(costs.in_currency(context.project, budget.money) / price.value * 3600)
    return Limits(seconds=min(seconds, default=None), steps=budget.steps)


def work(context: Context) -> str:
    from modelwright.compress.export import export
    from modelwright.data.rows import read_split
    from modelwright.train.route import train_route

    name = context.out.name.removesuffix(".partial")
    project = context.project
    route = project.routes[name]
    seed = project.train.seed if route.seed is None else route.seed
    data = context.input("data")
    rows = read_split(data, "train")
    result = train_route(
        get_task(project.task),
        route,
        rows,
        read_split(data, "validation"),
        checkpoint=checkpoint(context, name),
        limits=limits(context, name),
        seed=seed,
        folder=context.out,
        console=context.console,
        title=name,
        checkpoint_seconds=project.train.checkpoint_seconds,
    )
    export(context.out, route, rows[:32])
    costs.record_training(context, f"train/{name}", result["seconds"], result["peak_memory_bytes"], "measured")
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
