"""Stage 9, plan: does the business work?"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from modelwright.base.console import amount
from modelwright.base.evidence import Evidence, Ledger
from modelwright.base.store import read_json, write_json, write_text
from modelwright.pipeline import usage
from modelwright.pipeline.context import EVIDENCE, Context
from modelwright.pipeline.words import say
from modelwright.spec.project import Project
from modelwright.venture.figures import Figure


def work(context: Context) -> str:
    from modelwright.pipeline import business, readiness, traffic
    from modelwright.venture.plan import plan

    project, today = context.project, datetime.now(UTC).date()
    records = Ledger(context.run / EVIDENCE).latest()
    decision = read_json(context.input("choose") / "decision.json")
    load = read_json(context.input("rehearse") / "load.json")
    each, spent = _figure(records["rehearse/cost-per-1000"]), _training(project, records)
    capacity = Figure(load["best"]["throughput"] * business.SECONDS_PER_MONTH, "requests/month", "measured")
    customers = usage.read(context.loaded)
    found = plan(
        project.venture,
        compute=project.compute,
        cost_per_1000=each,
        training_money=spent,
        capacity_requests_per_month=capacity,
        today=today,
        routes=business.families(project, decision["route"]),
        records=customers,
        correlations=business.correlations(project),
        financing=project.financing,
    )
    financing = business.money(project, found)
    source = context.ledger.source
    assert source is not None
    live = traffic.records_of(context.loaded.folder)
    context.ledger.extend(
        live.values()
    )  # as they were measured: what a trigger or an item looked at can be followed from this run
    known = readiness.with_plan({**records, **live}, found, source)
    made = readiness.readiness(
        project, context.loaded.resolved, known, readiness.read_artefacts(context.inputs, context.run), today
    )
    matters = readiness.what_matters(project, each, spent, capacity, today, found, customers)
    for name, content in {
        "plan": found,
        "financing": financing,
        "capacity": business.servers(project, load["levels"], found),
        "route": business.build_or_buy(project, decision, records, found, today),
        "learning": business.more_data(project, decision["route"], _curves(context)),
        "risks": {**made["risks"], **matters, "alarms": traffic.alarms_of(context.loaded.folder)},
        "compliance": made["compliance"],
    }.items():
        write_json(context.out / f"{name}.json", content)
    for language, text in made["documentation"].items():
        write_text(context.out / f"technical-documentation.{language}.md", text)
    _export(context, found, financing, today)
    _record(context, found["figures"], "plan")
    _record(context, financing["figures"], "plan")
    return _line(context, found)


def _curves(context: Context) -> dict[str, Any]:
    """Measured learning curves by route."""
    files = {name: context.inputs[f"train/{name}"] / "learning.json" for name in context.project.routes}
    return {name: read_json(file) for name, file in files.items() if file.exists()}


def _export(context: Context, found: Mapping[str, Any], financing: Mapping[str, Any], today: date) -> None:
    """What goes to people with spreadsheets: the plan with live formulas, the cap table in the Open Cap Format."""
    from modelwright.report.captable_format import write_captable
    from modelwright.report.excel import write_workbook

    stated = context.project.financing
    if found.get("model"):
        write_workbook(found, financing, context.out / "plan.xlsx")
    if stated is not None and stated.company is not None:
        with tempfile.TemporaryDirectory(dir=context.out) as folder:
            write_captable(stated, financing, today, today, Path(folder) / "table")
            shutil.make_archive(str(context.out / f"{context.project.project}.ocf"), "zip", Path(folder) / "table")


def _figure(record: Evidence) -> Figure:
    return Figure(float(record.value), record.unit, record.basis, record.low, record.high, note=record.note)


def _training(project: Project, records: Mapping[str, Evidence]) -> Figure | None:
    money = [record for name in project.routes if (record := records.get(f"train/{name}/money")) is not None]
    return Figure(sum(float(record.value) for record in money), money[0].unit, money[0].basis) if money else None


def _record(context: Context, figures: Sequence[Mapping[str, Any]], prefix: str) -> None:
    for figure in figures:
        if figure["value"] is not None:
            bounds = {"low": figure["low"], "high": figure["high"]}
            context.ledger.record(
                f"{prefix}/{figure['name']}", figure["value"], figure["unit"], figure["basis"], **bounds, note=figure["note"]
            )


def _line(context: Context, found: Mapping[str, Any]) -> str:
    project = context.project
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
