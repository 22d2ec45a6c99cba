"""The stage table: reading it is reading the product."""

from __future__ import annotations

from datetime import date

from modelwright.base import machine
from modelwright.pipeline import traffic, usage
from modelwright.pipeline.context import Step
from modelwright.pipeline.steps import choose, compress, data, evaluate, forecast, fuse, plan, rehearse, release, report, train
from modelwright.spec.load import Loaded
from modelwright.spec.routes.fusion import MEMBERS

STAGES: dict[str, str] = {
    "data": "is the data fit to learn from?",
    "forecast": "what will training cost before we spend it?",
    "train": "what can each route learn inside the budget?",
    "evaluate": "how good is it, for whom, how sure are we?",
    "choose": "which route do we take?",
    "compress": "how small and fast can it be at the same quality?",
    "release": "what exactly do we ship?",
    "rehearse": "what will it do under load, and what does a request cost?",
    "plan": "does the business work?",
    "report": "can we show it to a partner, an investor, a regulator?",
}
_BUSINESS = ("project", "task", "choose", "serve", "compute", "venture", "financing", "risk", "compliance")
"""Sections that shape the plan and nothing before it, or that its checks look at. The month lets evidence grow stale."""


def steps(loaded: Loaded) -> list[Step]:
    """Every step of a project's run, in order: each comes after what it needs."""
    project = loaded.project
    here = machine.describe().line
    routes = list(project.routes)
    exchange = project.venture.model_dump(mode="json", include={"currency", "exchange"}) if project.venture else None

    def each(stage: str) -> tuple[str, ...]:
        return tuple(f"{stage}/{route}" for route in routes)

    def part(*names: str) -> dict:
        return project.model_dump(mode="json", by_alias=True, include=set(names))

    def of_route(name: str) -> dict:
        route = project.routes[name]
        own = route.model_dump(mode="json", by_alias=True, exclude={"budget", "seed"})
        search = {"tune": project.tune[name].model_dump(mode="json")} if name in project.tune else {}
        return {"route": route.name, **search, **part("task", "learn"), "seed": train.seed(project, name), **own}

    def members(name: str) -> tuple[str, ...]:
        return getattr(project.routes[name], MEMBERS, ())

    hour = project.compute.model_dump(mode="json", exclude={"api", "peak_to_mean"})  # what an hour here costs
    table = [Step("data", (), {**part("task", "data", "learn"), "source": data.identity(loaded)}, ("data",), data.work)]
    for stage, work, combine in (("forecast", forecast.work, fuse.forecast), ("train", train.work, fuse.work)):
        outside = {"compute": hour, "machine": here} if stage == "forecast" else {}
        for name in sorted(routes, key=lambda name: bool(members(name))):  # members come before the fusions that need them
            settings = {**of_route(name), "from": train.start(loaded, name), "budget": train.budget(project, name), **outside}
            if stage == "train" and (shares := train.curve(project, name)):
                settings["learning_curve"] = shares
            needs = ("data", *(f"{stage}/{member}" for member in members(name)))
            does = combine if members(name) else work
            table.append(Step(f"{stage}/{name}", needs, settings, ("models", "train", "tasks"), does))
    for name in routes:
        settings = part("task", "evaluate")
        table.append(
            Step(f"evaluate/{name}", ("data", f"train/{name}"), settings, ("evaluate", "models", "tasks"), evaluate.work)
        )
    reads = (*each("evaluate"), *each("train"))
    table.append(
        Step(
            "choose",
            reads,
            {**part("choose"), "compute": hour, "exchange": exchange, "routes": routes},
            ("evaluate",),
            choose.work,
        )
    )
    table.append(
        Step(
            "compress",
            ("choose", "data", *reads),
            part("compress", "choose", "evaluate"),
            ("compress", "evaluate", "tasks"),
            compress.work,
        )
    )
    table.append(
        Step(
            "release",
            ("choose", "compress", "data", *each("train")),
            part("project", "language"),
            ("report",),
            release.work,
            apart=False,
        )
    )
    table.append(
        Step(
            "rehearse",
            ("release", "data"),
            {**part("serve", "rehearse"), "compute": hour, "exchange": exchange, "machine": here},
            ("serve", "tasks"),
            rehearse.work,
        )
    )
    table.append(
        Step(
            "plan",
            tuple(step.name for step in table),
            {
                **part(*_BUSINESS),
                "records": usage.identity(loaded),
                "live": traffic.identity(loaded.folder),
                "month": f"{date.today():%Y-%m}",
            },
            ("venture", "report"),
            plan.work,
            apart=False,
        )
    )
    everything = tuple(step.name for step in table)
    table.append(Step("report", everything, part("language", "project"), ("report",), report.work, apart=False))
    return table
