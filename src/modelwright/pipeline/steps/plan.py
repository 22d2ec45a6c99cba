"""Stage 9, plan: does the business work?"""

from __future__ import annotations

from datetime import UTC, datetime

from modelwright.base.console import amount
from modelwright.base.evidence import Ledger
from modelwright.base.store import read_json, write_json
from modelwright.pipeline import usage
from modelwright.pipeline.context import EVIDENCE, Context
from modelwright.pipeline.words import say
from modelwright.venture.figures import Figure

_SECONDS_PER_MONTH = 365.25 / 12 * 86400


def work(context: Context) -> str:
    from modelwright.venture.plan import plan

    project = context.project
    chosen = project.routes[read_json(context.input("choose") / "decision.json")["route"]]
    load = read_json(context.input("rehearse") / "load.json")
    measured = Ledger(context.input("rehearse") / EVIDENCE).latest()["rehearse/cost-per-1000"]
    money = [
        record
        for name in project.routes
        if (record := Ledger(context.input("choose") / EVIDENCE).get(f"train/{name}/money")) is not None
    ]
    training = Figure(sum(float(record.value) for record in money), money[0].unit, money[0].basis) if money else None
    found = plan(
        project.venture,
        compute=project.compute,
        cost_per_1000=Figure(float(measured.value), measured.unit, measured.basis, measured.low, measured.high),
        training_money=training,
        capacity_requests_per_month=Figure(load["best"]["throughput"] * _SECONDS_PER_MONTH, "requests/month", "measured"),
        today=datetime.now(UTC).date(),
        routes=(chosen.kind, *(("checkpoint",) if chosen.reads == "checkpoint" else ())),
        records=usage.read(context.loaded),
    )
    write_json(context.out / "plan.json", found)
    for figure in found["figures"]:
        if figure["value"] is not None:
            context.ledger.record(
                f"plan/{figure['name']}",
                figure["value"],
                figure["unit"],
                figure["basis"],
                low=figure["low"],
                high=figure["high"],
                note=figure["note"],
            )
    if found["missing"]:
        return say(context, "plan-missing", missing=", ".join(found["missing"]))
    figures = {figure["name"]: figure for figure in found["figures"]}

    def shown(name: str, share: bool = False) -> str:
        figure = figures.get(name)
        if figure is None or figure["value"] is None:
            return say(context, "unknown")
        if isinstance(figure["value"], str):
            return figure["value"]
        scale, sign = (100, "%") if share else (1, "")
        bounds = [figure["low"], figure["high"]]
        between = "" if None in bounds else f" [{amount(bounds[0] * scale, 2)}–{amount(bounds[1] * scale, 2)}]"
        return f"{amount(figure['value'] * scale, 2)}{sign}{between}"

    return say(
        context,
        "plan",
        margin=shown("gross-margin", share=True),
        even=shown("break-even-month"),
        runway=shown("runway"),
        ruin=shown("ruin-probability", share=True),
        months=project.venture.months if project.venture else 0,
    )
