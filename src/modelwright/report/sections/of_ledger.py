"""The sections of the ledger: what was assumed, and every record."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from modelwright.base.evidence import Evidence
from modelwright.report.figures import Figures
from modelwright.report.read import Run


def assumed(run: Run, figures: Figures) -> dict[str, Any]:
    """Every assumed and fallback figure of the ledger, and the settings that the plan lists."""
    records = [record for record in run.evidence.values() if record.basis in ("assumed", "fallback")]
    stated = [
        {"key": item["key"], "value": item["value"], "source": item.get("source") or "", "mark": figures.mark(item["basis"])}
        for item in (run.plan or {}).get("assumptions") or []
        if item["basis"] in ("assumed", "fallback")
    ]
    return {
        "figures": [
            (record.name, figures.figure(record.name), Markup('<span class="name">{}</span>').format(figures.note(record.note)))
            for record in records
        ],
        "stated": stated,
    }


def appendix(run: Run, figures: Figures) -> dict[str, Any]:
    """Every record, grouped by stage in order of first appearance; older records of a name say that they are superseded."""
    groups: dict[str, list[dict[str, Any]]] = {}
    newest = {id(record) for record in run.evidence.values()}
    for number, record in enumerate(run.records):
        superseded = id(record) not in newest
        anchor = figures.anchors[record.name]
        item = {
            "record": record,
            "note": figures.note(record.note),
            "superseded": superseded,
            "anchor": f"{anchor}--{number}" if superseded else anchor,
            "text": figures.text(record),
            "exact": _exact(record),
            "interval": figures.interval(record),
        }
        groups.setdefault(record.source.stage, []).append(item)
    return {"groups": list(groups.items())}


def _exact(record: Evidence) -> str:
    """The number as the ledger holds it, with its unit."""
    if isinstance(record.value, str):
        return ""
    return f"{record.value:.10g}" + ("" if record.unit in ("", "1") else f" {record.unit}")
