"""Stage 3, train: what can each route learn inside the budget?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from modelwright.base.console import amount, duration
from modelwright.base.nouns import Row
from modelwright.base.store import read_json
from modelwright.pipeline import bought, costs
from modelwright.pipeline.context import Context
from modelwright.pipeline.words import say
from modelwright.spec.load import Loaded
from modelwright.spec.project import Project
from modelwright.spec.routes.fusion import MEMBERS
from modelwright.spec.routes.route import Route
from modelwright.tasks.contract import get_task

if TYPE_CHECKING:
    from modelwright.train.operations import Operations


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


def _record_read_before(context: Context, name: str) -> None:
    """Whether the test split flatters a route that starts from a run of one's own: that must not have learned from these texts."""
    from modelwright.data import run_references
    from modelwright.data.rows import read_split

    reference = getattr(context.project.routes[name], "from_", None) or ""
    if not reference.startswith(run_references.SCHEME):
        return
    found = run_references.read_before(reference, context.loaded.folder, read_split(context.input("data"), "test"))
    if found is not None:
        note = f"rows of the test split whose texts {reference} learned from, word for word"
        context.ledger.record(f"train/{name}/test-rows-read-before", found, "rows", "measured", note=note)


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


def curve(project: Project, name: str) -> tuple[float, ...]:
    """Shares of the training rows at which the route's learning curve is measured; none where it is not."""
    asked, route = project.train.learning_curve, project.routes[name]
    if asked is None or route.reads == MEMBERS:
        return ()
    if asked.routes is not None:
        return asked.shares if name in asked.routes else ()
    task = get_task(project.task)
    # a part of a series or of a user's history is another question, and without a truth there is no quality to gain
    told = task.habits.split == "stratified" and any(column.required and not column.input for column in task.columns)
    return asked.shares if route.kind == "fit" and told else ()


def more(context: Context) -> dict[str, tuple[Sequence[Row], Sequence[Row]]]:
    """Training and validation rows of what the task learns from beside its main rows, by name."""
    from modelwright.data.rows import read_split

    data, project = context.input("data"), context.project
    names = get_task(project.task).more(project.learn)
    return {name: (read_split(data / name, "train"), read_split(data / name, "validation")) for name in names}


def work(context: Context) -> str:
    if bought.is_bought(context.project, context.out.name.removesuffix(".partial")):
        return bought.train(context, context.out.name.removesuffix(".partial"))
    from modelwright.compress.export import export
    from modelwright.data.rows import read_split
    from modelwright.train import learning
    from modelwright.train.operations import operations
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
        "more": more(context),
    }
    task, shares = get_task(project.task), curve(project, name)
    if name in project.tune:
        result, route = tune_route(task, route, project.tune[name], rows, validation, **settings)
        _record_search(context, name, read_json(context.out / TUNING))
        if shares:
            learning.measure(task, route, rows, validation, shares, **settings)
    else:
        if shares:  # before the training that ships, whose checkpoints would be gone if a kill came after it
            spent = learning.measure(task, route, rows, validation, shares, **settings)["seconds"]
            limits = settings["limits"]
            settings["limits"] = replace(limits, seconds=None if limits.seconds is None else limits.seconds - spent)
        if project.train.processes > 1 and route.kind == "gradient":
            result = _together(context, route, settings)
        else:
            result = train_route(task, route, rows, validation, **settings)
    if shares:
        _record_curve(context, name, learning.add_whole(context.out, len(rows), result))
    export(context.out, route, rows[:: max(1, len(rows) // 32)][:32])
    _record(context, name, result, operations(context.out, route, result, rows))
    _record_read_before(context, name)
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


def _together(context: Context, route: Route, settings: dict[str, Any]) -> dict[str, Any]:
    """The training that ships, by several processes; each reads the rows itself."""
    from modelwright.train.distributed import MAIN, train_together

    data, train = context.input("data"), context.project.train
    splits = {MAIN: data, **{name: data / name for name in settings["more"]}}
    given = {name: value for name, value in settings.items() if name != "more"}
    task = get_task(context.project.task)
    return train_together(task, route, splits, processes=train.processes, sharded=train.sharded, **given)


def _record(context: Context, name: str, result: Mapping[str, Any], counted: Operations | None) -> None:
    record = context.ledger.record
    record(f"train/{name}/time", result["seconds"], "s", "measured")
    record(f"train/{name}/memory", result["peak_memory_bytes"] / 1e6, "MB", "measured")
    record(f"train/{name}/samples-per-second", result["samples_per_second"], "rows/s", "measured")
    record(f"train/{name}/steps", result["steps"], "steps", "measured")
    processes, devices = result.get("processes", 1), result.get("devices", 1)
    note = f"{'one process' if processes == 1 else f'{processes} processes'} on {'one device' if devices == 1 else f'{devices} devices'}"
    record(f"train/{name}/devices", devices, "devices", "measured", note=note)
    if counted is not None:
        record(f"train/{name}/flops", counted.value, "FLOP", "estimated", note=counted.note)


def _record_curve(context: Context, name: str, found: Mapping[str, Any]) -> None:
    """Quality at each size; what did not teach is missing."""
    for point in found["points"]:
        note = f"{found['metric']} on validation with {point['rows']:,} training rows"
        context.ledger.record(f"learning/{name}/{point['share']:g}", point["score"], found["unit"], "measured", note=note)
    if found["seconds"]:
        note = "trainings on parts of the rows, beside the one that ships"
        context.ledger.record(f"learning/{name}/time", found["seconds"], "s", "measured", note=note)


def _record_search(context: Context, name: str, found: Mapping[str, Any]) -> None:
    """What tuning bought: the best trial against the route as written, on validation."""
    record = context.ledger.record
    best = found["trials"][found["best"]]
    sign = 1.0 if found["better"] == "higher" else -1.0
    note = f"{found['metric']} on validation: {amount(best['score'], 4)} instead of {amount(found['written'], 4)}"
    record(f"train/{name}/tuning-trials", len(found["trials"]), "trials", "measured")
    record(f"train/{name}/tuning-gain", sign * (best["score"] - found["written"]), "1", "measured", note=note)
