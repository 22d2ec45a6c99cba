"""Stage 5, choose: which route do we take?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modelwright.base.evidence import Ledger
from modelwright.base.store import read_json, write_json
from modelwright.pipeline import costs
from modelwright.pipeline.context import EVIDENCE, Context
from modelwright.tasks.contract import get_task

if TYPE_CHECKING:
    from modelwright.evaluate.choosing import Candidate


def _candidate(context: Context, name: str, metric: str) -> Candidate:
    from modelwright.evaluate.choosing import Candidate

    folder = context.inputs[f"evaluate/{name}"]
    found = read_json(folder / "evaluation.json")
    evidence = {**Ledger(folder / EVIDENCE).latest(), **Ledger(context.inputs[f"train/{name}"] / EVIDENCE).latest()}
    money = evidence.get(f"train/{name}/money")
    cost = evidence.get(f"evaluate/{name}/cost-per-1000")
    return Candidate(
        route=name,
        validation=found["splits"]["validation"]["metrics"][metric],
        test=found["splits"]["test"]["metrics"][metric],
        latency_ms_p95=found["latency_ms"]["p95"],
        cost_per_1000=None if cost is None else float(cost.value),
        currency=costs.currency(context.project),
        size_bytes=found["size_bytes"],
        train_seconds=float(evidence[f"train/{name}/time"].value),
        train_money=None if money is None else float(money.value),
    )


def work(context: Context) -> str:
    from modelwright.evaluate.choosing import choose

    project = context.project
    metrics = {metric.name: metric for metric in get_task(project.task).metrics}
    metric = metrics[project.choose.metric or next(iter(metrics))]
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
