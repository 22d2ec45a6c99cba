"""Stage 2, forecast: what will training cost before we spend it?"""

from __future__ import annotations

from modelwright.base.console import amount, duration
from modelwright.base.store import write_json
from modelwright.pipeline import costs
from modelwright.pipeline.context import Context
from modelwright.pipeline.steps import train
from modelwright.pipeline.words import say
from modelwright.tasks.contract import get_task


def work(context: Context) -> str:
    from modelwright.data.rows import read_split
    from modelwright.train.forecast import forecast_route

    name = context.out.name.removesuffix(".partial")
    project = context.project
    route = project.routes[name]
    data = context.input("data")
    found = forecast_route(
        get_task(project.task),
        route,
        read_split(data, "train"),
        read_split(data, "validation"),
        checkpoint=train.checkpoint(context, name),
        limits=train.limits(context, name),
        seed=project.train.seed if route.seed is None else route.seed,
        console=context.console,
    )
    write_json(context.out / "forecast.json", found)
    bounds = (found["seconds_low"], found["seconds_high"])
    money = costs.record_training(context, f"forecast/{name}", found["seconds"], found["peak_memory_bytes"], "estimated", bounds)
    return say(
        context,
        "forecast",
        route=name,
        took=duration(found["seconds"]),
        memory=f"{found['peak_memory_bytes'] / 1e9:.2f} GB",
        money=f"{amount(money.value)} {money.unit}",
    )
