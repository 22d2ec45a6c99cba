"""Risks and compliance of a run, for its plan step: what the run left, turned into plan/risks.json and plan/compliance.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from modelwright.base.evidence import Basis, Evidence, Source
from modelwright.pipeline.business import correlations
from modelwright.spec.compute import Compute
from modelwright.spec.project import Project
from modelwright.spec.venture import Venture
from modelwright.venture.assumptions import gather
from modelwright.venture.compliance import check, draft
from modelwright.venture.facts import Facts
from modelwright.venture.figures import Figure
from modelwright.venture.paths import simulate
from modelwright.venture.plan import plan
from modelwright.venture.register import assess
from modelwright.venture.responses import compare
from modelwright.venture.risk import plan_sensitivity
from modelwright.venture.survival import Records

_READ = (".json", ".md")
_MOST_BYTES = 20_000_000  # of one file; nothing that a check reads comes near it
_OF = "final-cash"


def read_artefacts(folders: Mapping[str, Path], run: Path | None = None) -> dict[str, Any]:
    """JSON and Markdown of finished steps, by path inside the run ("data/card.json").

    Args:
        folders: by step name, as a step's `Context.inputs`.
        run: the run's folder, for its run.json.
    """
    found: dict[str, Any] = {}
    if run is not None and (run / "run.json").is_file():
        found["run.json"] = json.loads((run / "run.json").read_text(encoding="utf-8"))
    for name, folder in folders.items():
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            if (
                path.suffix not in _READ
                or "checkpoint" in inside.parts
                or not path.is_file()
                or path.stat().st_size > _MOST_BYTES
            ):
                continue
            text = path.read_text(encoding="utf-8")
            found[f"{name}/{inside.as_posix()}"] = json.loads(text) if path.suffix == ".json" else text
    return found


def with_plan(evidence: Mapping[str, Evidence], content: Mapping[str, Any], source: Source) -> dict[str, Evidence]:
    """The evidence with the plan's own figures, which the ledger takes only when the step is done."""
    found = dict(evidence)
    for figure in content["figures"]:
        if figure["value"] is not None:
            name, basis = f"plan/{figure['name']}", figure["basis"]
            found[name] = _evidence(name, figure, basis, source)
    return found


def _evidence(name: str, figure: Mapping[str, Any], basis: Basis, source: Source) -> Evidence:
    return Evidence(name, figure["value"], figure["unit"], basis, source, figure["low"], figure["high"], figure["note"])


def readiness(
    project: Project, settings: Mapping[str, Any], evidence: Mapping[str, Evidence], artefacts: Mapping[str, Any], today: date
) -> dict[str, Any]:
    """Everything but responses and sensitivity.

    Args:
        project, settings: typed, and as resolved (`Loaded.project`, `Loaded.resolved`).
        evidence: newest by name, the plan's included (`with_plan`).
        artefacts: as `read_artefacts` gives them.
        today: decides what is stale and in force.

    Returns:
        {"risks": …, "compliance": …, "documentation": {"en": Markdown, "zh": Markdown}}: for plan/risks.json,
        plan/compliance.json and plan/technical-documentation.<language>.md.
    """
    risks = assess(project.risk, Facts(settings, evidence, artefacts), today)
    known = {**artefacts, "plan/risks.json": risks}
    return {
        "risks": risks,
        "compliance": check(settings, evidence, known, today),
        "documentation": {language: draft(settings, evidence, known, today, language) for language in ("en", "zh")},
    }


def what_matters(
    project: Project,
    each: Figure | None,
    spent: Figure | None,
    capacity: Figure | None,
    today: date,
    content: Mapping[str, Any],
    records: Records | None = None,
) -> dict[str, Any]:
    """The "responses" and "sensitivity" of risks.json; empty where the plan could not be made.

    Args:
        each, spent, capacity: cost_per_1000, training_money and capacity_requests_per_month, as the plan was given them.
        content: the plan.
        records: as the plan was given them.
    """
    if project.venture is None or content["missing"]:
        return {"responses": [], "sensitivity": {}}

    def replan(venture: Venture, cost: Figure | None) -> Mapping[str, Any]:
        return plan(
            venture,
            compute=project.compute,
            cost_per_1000=cost,
            training_money=spent,
            capacity_requests_per_month=capacity,
            today=today,
            records=records,
            correlations=correlations(project),
        )

    return {
        "responses": compare(project.risk, project.venture, each, replan),
        "sensitivity": sensitivity(project.venture, project.compute, each, spent, capacity, today, records),
    }


def sensitivity(
    venture: Venture,
    compute: Compute,
    each: Figure | None,
    spent: Figure | None,
    capacity: Figure | None,
    today: date,
    records: Records | None = None,
) -> dict[str, Any]:
    """Sobol indices of the cash at the plan's end."""
    assumptions = gather(venture, compute, each, spent, capacity, today, records)

    def final_cash(values: Mapping[str, Any]) -> Any:
        return simulate(assumptions, values, venture.months).cash_mp[-1]

    return plan_sensitivity(final_cash, assumptions.inputs, of=_OF, unit=venture.currency, seed=venture.seed)
