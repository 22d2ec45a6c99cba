"""Stage 5, choose: which route do we take?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modelwright.base.store import read_json, write_json
from modelwright.pipeline import bought, costs
from modelwright.pipeline.context import Context
from modelwright.tasks.contract import get_task
from modelwright.venture import cost
from modelwright.venture.figures import Figure

if TYPE_CHECKING:
    from modelwright.evaluate.choosing import Candidate


def _candidate(context: Context, name: str, metric: str) -> Candidate:
    from modelwright.evaluate.choosing import Candidate

    """A route's figures side by side; what its training and its requests cost is computed and recorded here, so that a new
    price per hour trains and evaluates nothing again."""

    project, record = context.project, context.ledger.record
    found = read_json(context.inputs[f"evaluate/{name}"] / "evaluation.json")
    trained = read_json(context.inputs[f"train/{name}"] / "result.json")
    money = costs.record_training(context, f"train/{name}", Figure(trained["seconds"], "s", "measured"))
    cpu = Figure(found["cpu_seconds_per_request"], "s", "measured")
    if "bought" in found:
        request = bought.request_cost(project, name, found["bought"])
    else:
        request = cost.cost_per_1000_from_cpu(cpu, costs.hour(project), project.compute)
    record(f"evaluate/{name}/cost-per-1000", request.value, request.unit, request.basis, note=request.note)
    return Candidate(
        route=name,
        validation=found["splits"]["validation"]["metrics"][metric],
        test=found["splits"]["test"]["metrics"][metric],
        latency_ms_p95=found["latency_ms"]["p95"],
        cost_per_1000=request.value,
        currency=costs.currency(project),
        size_bytes=found["size_bytes"],
        train_seconds=trained["seconds"],
        train_money=money.value,
    )


def work(context: Context) -> str:
    from modelwright.evaluate.choosing import choose

    project = context.project
    metrics = {metric.name: metric for metric in get_task(project.task).metrics}
    first = read_json(context.inputs[f"evaluate/{next(iter(project.routes))}"] / "evaluation.json")
    metric = metrics[project.choose.metric or first["headline"]]
    settings = project.choose
    if settings.cost_per_1000 is not None:
        money = settings.cost_per_1000.model_copy(update={"value": costs.in_currency(project, settings.cost_per_1000)})
        settings = settings.model_copy(update={"cost_per_1000": money})
    candidates = [_candidate(context, name, metric.name) for name in project.routes]
    folders = {name: context.inputs[f"evaluate/{name}"] for name in project.routes}
    decision = choose(candidates, settings, replace(metric), folders)
    write_json(context.out / "decision.json", decision)
    context.ledger.record("choose/route", decision["route"], "route", "measured", note=decision["reason"]["en"])
    return decision["reason"][project.language]
