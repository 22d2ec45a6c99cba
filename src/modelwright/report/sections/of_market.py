"""Question 9: marketing and operations. Funnel, cost of a customer, lifetime value, retention, cohorts."""

from __future__ import annotations

from typing import Any

from modelwright.report.blocks import PLAN, Block, Drawing, Missing, Said, Table, asked, plan_facts, weakest
from modelwright.report.figures import Figures
from modelwright.report.read import Run

_FACTS = (
    "acquisition-cost",
    "lifetime-value",
    "lifetime-value-to-acquisition",
    "payback",
    "net-revenue-retention",
    "customer-months",
    "final-customers",
)


def market(run: Run, figures: Figures) -> list[Block]:
    words, plan = figures.words, run.plan or {}
    facts = plan_facts(figures, _FACTS)
    if not facts and not plan.get("funnel") and not plan.get("cohorts"):
        return [Missing(words("absent.market")), *asked(run, figures, "market", nothing=True)]
    blocks = [*facts, *_origin(plan, figures)]
    if plan.get("funnel"):
        blocks += [Drawing(("funnel",)), _channels(plan, figures)]
    else:
        blocks.append(Missing(words("absent.funnel")))
    blocks.append(Drawing(("survival", "cohorts"), words("absent.cohorts")))
    more = () if plan.get("funnel") else ("venture.marketing.channels",)
    return [*blocks, *asked(run, figures, "market", *more)]


def _origin(plan: Any, figures: Figures) -> list[Block]:
    """Assumptions, or the service's own records."""
    content = plan.get("cohorts") or {}
    if not content:
        return []
    seen = content.get("kaplan_meier")
    if seen:
        customers = figures.read(figures.numbers.plain(seen["customers"]), "measured", PLAN)
        return [Said((figures.words("market.records", customers=customers),))]
    return [Said((figures.words("market.assumed"),))]


def _channels(plan: Any, figures: Figures) -> Table:
    words, numbers, content, unit = figures.words, figures.numbers, plan["funnel"], plan["currency"]

    def count(value: float | None) -> str:
        return "–" if value is None else numbers.plain(round(value, 1))

    rows: list[list[Any]] = [
        [
            item["name"],
            *(count(item[key]) for key in ("visits", "signups", "trials", "customers")),
            numbers.money(item["spend"], unit),
            "–" if item["cost_per_customer"] is None else numbers.money(item["cost_per_customer"], unit),
        ]
        for item in content["channels"]
    ]
    each = "–" if content["cost_per_customer"] is None else numbers.money(content["cost_per_customer"], unit)
    rows.append([words("channels.all"), "", "", "", count(content["customers"]), numbers.money(content["cost"], unit), each])
    columns = [words("channels.channel"), *(words(f"funnel.{key}") for key in ("visits", "signups", "trials", "customers"))]
    columns += [words("channels.spend"), words("channels.each")]
    return Table(words("channels.title"), columns, rows, (PLAN,), weakest(content.get("basis")))
