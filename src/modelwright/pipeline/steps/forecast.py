"""Stage 2, forecast: what will training cost before we spend it?"""

from __future__ import annotations

from typing import Any

from modelwright.base.console import amount, duration
from modelwright.base.store import write_json
from modelwright.pipeline import bought, costs
from modelwright.pipeline.context import Context
from modelwright.pipeline.steps import train
from modelwright.pipeline.words import say
from modelwright.tasks.contract import get_task
from modelwright.venture.figures import Figure


def work(context: Context) -> str:
    from modelwright.data.rows import read_split
    from modelwright.train.forecast import forecast_route
    from modelwright.train.route import Limits

    name = context.out.name.removesuffix(".partial")
    project = context.project
    route = project.routes[name]
    if bought.is_bought(project, name):
        return bought.forecast(context, name)
    data = context.input("data")
    found = forecast_route(
        get_task(project.task),
        route,
        read_split(data, "train"),
        read_split(data, "validation"),
        checkpoint=train.checkpoint(context, name),
        limits=Limits(*train.budget(project, name)),
        seed=train.seed(project, name),
        console=context.console,
        learn=project.learn,
        more=train.more(context),
    )
    if name in project.tune:
        _searched(found, project.tune[name].trials, train.budget(project, name)[0])
    write_json(context.out / "forecast.json", found)
    record = context.ledger.record
    record(f"forecast/{name}/time", found["seconds"], "s", "estimated", low=found["seconds_low"], high=found["seconds_high"])
    record(f"forecast/{name}/memory", found["peak_memory_bytes"] / 1e6, "MB", "estimated")
    money = costs.record_training(context, f"forecast/{name}", Figure(found["seconds"], "s", "estimated"))
    return say(
        context,
        "forecast",
        route=name,
        took=duration(found["seconds"]),
        memory=f"{found['peak_memory_bytes'] / 1e9:.2f} GB",
        money=f"{amount(money.value)} {money.unit}",
    )


def _searched(found: dict[str, Any], trials: int, limit_s: float | None) -> None:
    """A search takes as long as its trials do, within the budget; one that stops hopeless trials early takes less."""
    for key, share in (("seconds", 0.75), ("seconds_low", 0.4), ("seconds_high", 1.0)):
        found[key] = min(found[key] * trials * share, float("inf") if limit_s is None else limit_s)
    found["notes"] = [*found.get("notes", []), f"{trials} trials"]
