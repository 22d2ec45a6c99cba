"""The data room's tables: lists that its readers open in a spreadsheet, made from the run's artefacts.

Each function takes the artefact and returns rows, the first being the header; None where there is nothing to list. Column names
are English in every language: they are read by programs.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modelwright.base.evidence import Evidence

Rows = list[list[Any]]
Content = Mapping[str, Any]


def as_csv(rows: Rows) -> bytes:
    """UTF-8 with a mark, which spreadsheets need to read Chinese. Text that a spreadsheet would take for a formula is quoted."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue().encode("utf-8-sig", "replace")


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value


def listed(items: Sequence[Content] | None, columns: Sequence[str]) -> Rows | None:
    """One row an entry; nested lists and mappings are left to the JSON beside it."""
    if not items:
        return None
    return [list(columns), *([item.get(column) for column in columns] for item in items)]


def statements(plan: Content) -> Rows | None:
    """Income, cash flow and balance sheet, one row a month."""
    made = plan.get("statements") or {}
    parts = [
        (f"{part}/{line}", values) for part in ("income", "cash_flow", "balance") for line, values in made.get(part, {}).items()
    ]
    if not parts:
        return None
    months = range(len(parts[0][1]))
    return [["month", *(name for name, _ in parts)], *([month + 1, *(values[month] for _, values in parts)] for month in months)]


def fan(plan: Content) -> Rows | None:
    """P10, P50 and P90 of each month."""
    series = [(f"{name}/{share}", values) for name, band in (plan.get("fan") or {}).items() for share, values in band.items()]
    if not series:
        return None
    return [
        ["month", *(name for name, _ in series)],
        *([month, *(v[at] for _, v in series)] for at, month in enumerate(plan["months"])),
    ]


def figures(plan: Content) -> Rows | None:
    return listed(plan.get("figures"), ("name", "value", "low", "high", "unit", "basis", "note"))


def assumptions(plan: Content) -> Rows | None:
    return listed(plan.get("assumptions"), ("key", "value", "basis", "source"))


def sensitivity(plan: Content) -> Rows | None:
    columns = ("key", "low", "high", "at_low", "at_high", "runway_at_low", "runway_at_high")
    return listed((plan.get("sensitivity") or {}).get("inputs"), columns)


def tiers(plan: Content) -> Rows | None:
    columns = (
        "name",
        "kind",
        "share",
        "price",
        "included",
        "requests",
        "revenue",
        "compute",
        "support",
        "margin",
        "unit",
        "basis",
    )
    return listed(plan.get("tiers"), columns)


def pricing(plan: Content) -> Rows | None:
    columns = ("name", "value", "low", "high", "unit", "basis", "note", "source")
    return listed((plan.get("pricing") or {}).get("ways"), columns)


def funnel(plan: Content) -> Rows | None:
    columns = ("name", "visits", "signups", "trials", "customers", "spend", "cost_per_customer", "share")
    return listed((plan.get("funnel") or {}).get("channels"), columns)


def cohorts(plan: Content) -> Rows | None:
    """Customers left, one row a cohort, one column a month of age."""
    rows = (plan.get("cohorts") or {}).get("rows") or []
    if not rows:
        return None
    ages = max(len(row["left"]) for row in rows)
    return [
        ["joined in month", "joined", *(f"left after {age}" for age in range(ages))],
        *([row["month"], row["joined"], *row["left"], *[None] * (ages - len(row["left"]))] for row in rows),
    ]


def skills(plan: Content) -> Rows | None:
    return listed((plan.get("team") or {}).get("skills"), ("skill", "share", "covered_by", "basis", "source"))


def hiring(plan: Content) -> Rows | None:
    return listed((plan.get("team") or {}).get("hiring"), ("role", "count", "month", "full_speed_month", "cost_a_month"))


def payroll(plan: Content) -> Rows | None:
    team = plan.get("team") or {}
    if not team.get("payroll"):
        return None
    lines = zip(team["payroll"], team["heads"], team["productive"], strict=True)
    return [["month", "payroll", "heads", "productive"], *([month, *line] for month, line in enumerate(lines, 1))]


def load_curve(load: Content) -> Rows | None:
    columns = ("connections", "seconds", "requests", "errors", "throughput", "p50_ms", "p95_ms", "p99_ms")
    return listed(load.get("levels"), columns)


def scale(capacity: Content) -> Rows | None:
    columns = ("factor", "requests_per_s", "replicas", "response_ms", "utilisation", "utilisation_mean", "cost_per_month")
    return listed(capacity.get("scale"), (*columns, "cost_per_1000", "basis"))


def provenance(card: Content) -> Rows | None:
    return listed(card.get("provenance"), ("name", "source", "version", "sha256", "licence", "licence_note", "citation"))


def owners(financing: Content) -> Rows | None:
    """The cap table after each step."""
    steps = financing.get("steps") or []
    if not steps:
        return None
    rows: Rows = [["step", "month", "holder", "shares", "share", "paid"]]
    for step in steps:
        rows += [
            [step["name"], step["month"], one["holder"], one["shares"], one["share"], one["paid"]] for one in step["holders"]
        ]
        rows.append([step["name"], step["month"], "(unissued options)", step["unissued"], step["unissued_share"], None])
    return rows


def exits(financing: Content) -> Rows | None:
    found = financing.get("exits") or []
    if not found:
        return None
    columns = ("holder", "amount", "share", "invested", "multiple", "per_year")
    return [
        ["proceeds", "month", *columns],
        *([one["proceeds"], one["month"], *(holder[key] for key in columns)] for one in found for holder in one["holders"]),
    ]


def checklist(compliance: Content) -> Rows | None:
    items = compliance.get("items") or []
    if not items:
        return None
    rows: Rows = [["id", "title", "state", "owner", "in force", "instrument", "article", "effective", "confirmed", "source"]]
    for item in items:
        head = [item["id"], item["title"]["en"], item["state"], item.get("owner", "")]
        for clause in item.get("clauses") or []:
            rows.append(
                [
                    *head,
                    clause["in_force"],
                    clause["name"]["en"],
                    clause["article"],
                    clause["effective"],
                    clause["confirmed"],
                    clause["source"]["en"],
                ]
            )
    return rows


def register(risks: Content) -> Rows | None:
    items = risks.get("risks") or []
    if not items:
        return None
    columns = ("id", "kind", "likelihood", "impact", "score", "level", "state", "owner", "origin", "basis")
    head = ["title", "response", *columns]
    return [head, *([one["title"]["en"], one["response"]["en"], *(one.get(key) for key in columns)] for one in items)]


def responses(risks: Content) -> Rows | None:
    items = [one for one in risks.get("responses") or [] if one.get("applies")]
    if not items:
        return None
    rows: Rows = [["id", "title", "figure", "unit", "before", "after", "difference"]]
    for one in items:
        for name, gap in one["figures"].items():
            rows.append([one["id"], one["title"]["en"], name, gap["unit"], gap["before"], gap["after"], gap["difference"]])
    return rows


def ledger(records: Sequence[Evidence]) -> Rows | None:
    """Every record of the evidence ledger, in order."""
    if not records:
        return None
    head = ["name", "value", "unit", "basis", "low", "high", "note", "run", "stage", "command", "hardware", "time", "input_hash"]
    return [head, *([one.name, one.value, one.unit, one.basis, one.low, one.high, one.note, *_origin(one)] for one in records)]


def _origin(record: Evidence) -> list[str | None]:
    source = record.source
    return [source.run, source.stage, source.command, source.hardware, source.time, source.input_hash]


TABLES: Mapping[str, tuple[tuple[str, str, Callable[[Content], Rows | None]], ...]] = {
    "corporate": (("cap-table.csv", "plan/financing.json", owners), ("exits.csv", "plan/financing.json", exits)),
    "financial": (
        ("statements-by-month.csv", "plan/plan.json", statements),
        ("ranges-by-month.csv", "plan/plan.json", fan),
        ("figures.csv", "plan/plan.json", figures),
        ("assumptions.csv", "plan/plan.json", assumptions),
        ("cost-at-scale.csv", "plan/capacity.json", scale),
    ),
    "technical": (("load-curve.csv", "rehearse/load.json", load_curve),),
    "data-and-ip": (("provenance.csv", "data/card.json", provenance),),
    "commercial": (
        ("tiers.csv", "plan/plan.json", tiers),
        ("pricing.csv", "plan/plan.json", pricing),
        ("funnel.csv", "plan/plan.json", funnel),
        ("cohorts.csv", "plan/plan.json", cohorts),
    ),
    "team": (
        ("skills.csv", "plan/plan.json", skills),
        ("hiring.csv", "plan/plan.json", hiring),
        ("payroll.csv", "plan/plan.json", payroll),
    ),
    "security-and-regulation": (("checklist.csv", "plan/compliance.json", checklist),),
    "risk": (
        ("register.csv", "plan/risks.json", register),
        ("responses.csv", "plan/risks.json", responses),
        ("sensitivity.csv", "plan/plan.json", sensitivity),
    ),
}
"""By section: (file, artefact of the run, rows)."""
