"""Questions 6 and 8: the business model, and the money it needs."""

from __future__ import annotations

from typing import Any

from modelwright.report.blocks import PLAN, Block, Drawing, Facts, Missing, Said, Table, asked, weakest
from modelwright.report.figures import Figures
from modelwright.report.read import Run

_FINANCING = "plan/financing.json"
_LINES = ("revenue", "gross", "operating", "net")


def business(run: Run, figures: Figures) -> list[Block]:
    """Every figure of the plan; tiers; what a price can be argued from; where revenue goes; fans; income by year."""
    words, plan = figures.words, run.plan
    if plan is None:
        return [Missing(words("absent.plan")), *asked(run, figures, "business", nothing=True)]
    blocks: list[Block] = [Said((words("business.note"),))]
    blocks += _figures(run, figures)
    if plan.get("tiers"):
        blocks.append(_tiers(plan, figures))
    blocks.append(Drawing(("pricing",), words("absent.pricing")))
    blocks.append(Drawing(("flow",)))
    blocks.append(Drawing(("unit",), words("absent.unit")))
    blocks.append(Drawing(("customers", "revenue")))
    blocks += _years(plan, figures)
    return [*blocks, *asked(run, figures, "business")]


def _figures(run: Run, figures: Figures) -> list[Block]:
    words = figures.words
    records = [record for name, record in run.evidence.items() if name.startswith("plan/")]
    rows = []
    for record in records:
        ends = figures.interval(record)
        linked = figures.linked(record.name, ends) if ends else "–"
        rows.append((figures.name(record.name.removeprefix("plan/")), figures.figure(record.name), linked))
    columns = tuple(words(f"business.{key}") for key in ("figure", "value", "interval"))
    return [Table(words("business.table"), columns, rows, (), weakest(*(record.basis for record in records)))] if rows else []


def _tiers(plan: Any, figures: Figures) -> Table:
    """One customer's (or contract's) month in each tier."""
    words, numbers = figures.words, figures.numbers
    rows = []
    for tier in plan["tiers"]:
        share = "–" if tier["share"] is None else numbers.percent(tier["share"])
        margin = "–" if tier["gross_margin"] is None else numbers.percent(tier["gross_margin"])
        money = [numbers.money(tier[key], tier["unit"]) for key in ("price", "revenue", "compute", "support", "margin")]
        rows.append([tier["name"], words.get(f"tier.{tier['kind']}", tier["kind"]), share, *money, margin])
    keys = ("name", "kind", "share", "price", "revenue", "compute", "support", "margin", "gross")
    columns = [words(f"tiers.{key}") for key in keys]
    return Table(words("tiers.title"), columns, rows, (PLAN,), weakest(*(tier["basis"] for tier in plan["tiers"])))


def _years(plan: Any, figures: Figures) -> list[Block]:
    """The income statement of the middle future, summed by year, with the cash at its end."""
    words, numbers, made = figures.words, figures.numbers, plan.get("statements") or {}
    income = made.get("income") or {}
    if not income:
        return []
    months = len(income["revenue"])
    years = [(start, min(start + 12, months)) for start in range(0, months, 12)]
    rows: list[list[Any]] = []
    for line in _LINES:
        sums = [numbers.money(sum(income[line][start:end]), made["currency"]) for start, end in years]
        rows.append([words(f"income.{line}"), *sums])
    if made.get("financed"):
        came = made["cash_flow"]["financing"]
        rows.append([words("income.financing"), *(numbers.money(sum(came[start:end]), made["currency"]) for start, end in years)])
    rows.append([words("income.cash"), *(numbers.money(made["balance"]["cash"][end - 1], made["currency"]) for _, end in years)])
    columns = [words("income.line"), *(words("income.year", first=start + 1, last=end) for start, end in years)]
    return [Table(words("income.title"), columns, rows, (PLAN,), weakest(made.get("basis")))]


def financing(run: Run, figures: Figures) -> list[Block]:
    """The need by date, the rounds, who owns what, who gets what."""
    words, content = figures.words, run.financing
    if content is None:
        cash: list[Block] = [Drawing(("cash",))] if run.plan else []
        return [*cash, Missing(words("absent.financing")), *asked(run, figures, "financing", nothing=True)]
    blocks: list[Block] = [*_need(content, figures), Drawing(("cash",)), Drawing(("money",))]
    if content.get("steps"):
        blocks += [_rounds(content, figures), Drawing(("ownership", "exits"))]
    if content.get("money_in"):
        blocks.append(_money_in(content, figures))
    if content.get("exits"):
        blocks.append(_returns(content, figures))
    return [*blocks, *asked(run, figures, "financing", *(content.get("missing") or []))]


def _need(content: Any, figures: Figures) -> list[Block]:
    words, numbers = figures.words, figures.numbers
    items, said = [], []
    for name in ("p10", "p50", "p90"):
        if name not in (content.get("need") or {}):
            continue
        needed = content["need"][name]
        if needed is None:
            items.append((words(f"need.{name}"), figures.read(words.plain("need.nothing"), "assumed", _FINANCING)))
            continue
        text = words.plain("need.by", amount=numbers.money(needed["amount"], content["currency"]), month=needed["month"])
        items.append((words(f"need.{name}"), figures.read(text, "assumed", _FINANCING)))
        if needed.get("late"):
            said.append(words("need.late", future=words(f"need.{name}")))
    return [*([Facts(items)] if items else []), *([Said(tuple(said))] if said else [])]


def _rounds(content: Any, figures: Figures) -> Table:
    words, numbers, unit = figures.words, figures.numbers, content["currency"]
    rows = []
    for step in content["steps"]:
        month = "–" if step["month"] is None else numbers.plain(step["month"])
        money = [
            "–" if step[key] is None else numbers.money(step[key], unit) for key in ("pre_money", "raised", "post_money", "price")
        ]
        rows.append([step["name"], month, *money, numbers.plain(step["total"]), numbers.percent(step["unissued_share"])])
    columns = [words(f"rounds.{key}") for key in ("step", "month", "pre", "raised", "post", "price", "shares", "pool")]
    return Table(words("rounds.title"), columns, rows, (_FINANCING,), weakest(content["basis"]))


def _money_in(content: Any, figures: Figures) -> Table:
    words, numbers, unit = figures.words, figures.numbers, content["currency"]
    beyond = words("money.beyond")

    def months(value: float | None) -> Any:
        return beyond if value is None else numbers.write(value, "months")

    rows = [
        [
            ", ".join(row["from"]),
            numbers.plain(row["month"]),
            numbers.money(row["amount"], unit),
            months(row["runway_before"]),
            months(row["runway_after"]),
            words("yes" if row["in_time"] else "no"),
        ]
        for row in content["money_in"]
    ]
    columns = [words(f"money.{key}") for key in ("from", "month", "amount", "before", "after", "in-time")]
    return Table(words("money.title"), columns, rows, (_FINANCING,), weakest(content["basis"]))


def _returns(content: Any, figures: Figures) -> Table:
    """What each holder gets for what they paid, exit by exit."""
    words, numbers, unit = figures.words, figures.numbers, content["currency"]
    rows = []
    for one in content["exits"]:
        for row in one["holders"]:
            invested = "–" if row["invested"] is None else numbers.money(row["invested"], unit)
            times = "–" if row["multiple"] is None else words("returns.times", value=numbers.plain(round(row["multiple"], 2)))
            year = "–" if row["per_year"] is None else numbers.signed_percent(row["per_year"])
            got = [numbers.money(row["amount"], unit), numbers.percent(row["share"])]
            rows.append([f"{row['holder']} · {numbers.short_money(one['proceeds'], unit)}", invested, *got, times, year])
    columns = [words(f"returns.{key}") for key in ("holder", "invested", "amount", "share", "multiple", "year")]
    return Table(words("returns.title"), columns, rows, (_FINANCING,), weakest(content["basis"]))
