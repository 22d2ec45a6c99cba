"""The ten founder questions, each answered in a sentence or two from evidence.

A sentence is said only where its figures are there; a question none of whose sentences can be said gets the sentence that says
what is missing. Figures link to the ledger, what only an artefact holds links to that file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup

from modelwright.report.blocks import PLAN, weakest
from modelwright.report.figures import Figures
from modelwright.report.headline import cost_record, quality_record, shown_route
from modelwright.report.read import Run
from modelwright.report.sections.of_regulation import STATES
from modelwright.report.sections.of_run import named, unconfirmed

QUESTIONS = ("team", "route", "data", "compute", "quality", "business", "regulation", "financing", "market", "risk")
"""Q1 to Q10, in order."""
Sentences = list[Markup]


def answers(run: Run, figures: Figures) -> dict[str, Markup]:
    """By question. Never empty."""
    return {name: _joined(WAYS[name](run, figures), name, figures) for name in QUESTIONS}


def _joined(sentences: Sentences, name: str, figures: Figures) -> Markup:
    found = sentences or [figures.words(f"answer.{name}.none")]
    return Markup(" " if figures.words.language == "en" else "").join(found)


def _team(run: Run, figures: Figures) -> Sentences:
    words, numbers, content = figures.words, figures.numbers, (run.plan or {}).get("team") or {}
    if not content.get("matrix"):
        return []
    found = []
    basis = weakest("assumed", *(row["basis"] for row in content["skills"]))
    if content["gaps"] is None:
        found.append(words("answer.team.unknown"))
    else:
        count = figures.read(numbers.plain(len(content["skills"]) - len(content["gaps"])), basis, PLAN)
        needed = figures.read(numbers.plain(len(content["skills"])), basis, PLAN)
        found.append(words("answer.team.skills", count=count, needed=needed))
        if content["gaps"]:
            comma = ", " if words.language == "en" else "、"
            found.append(words("answer.team.gaps", list=comma.join(words.get(f"skill.{gap}", gap) for gap in content["gaps"])))
    pay = content.get("payroll") or []
    if pay and any(pay):
        first, last = (
            figures.read(numbers.money(value, content["currency"]), content["basis"], PLAN) for value in (pay[0], pay[-1])
        )
        found.append(words("answer.team.payroll", first=first, last=last))
    return found


def _route(run: Run, figures: Figures) -> Sentences:
    words, found = figures.words, Sentences()
    quality, cost = quality_record(run), cost_record(run)
    if run.chosen and quality:
        latency = f"evaluate/{run.chosen}/latency-p95"
        found.append(
            words(
                "answer.route.taken",
                route=run.chosen,
                metric=figures.name(run.metric or ""),
                quality=figures.figure(quality),
                cost=figures.figure(cost) if cost else figures.missing(),
                latency=figures.figure(latency),
            )
        )
    if run.ways and run.ways.get("ways"):
        bought = [row["name"] for row in run.ways["ways"] if row["kind"] == "buy"]
        choice = run.ways.get("choice")
        total = next((row for row in run.ways["ways"] if row["name"] == choice), None)
        if total is not None:
            basis = weakest(total["fixed"]["basis"], total["per_1000"]["basis"])
            money = figures.read(figures.numbers.money(total["total"], run.ways["currency"]), basis, "plan/route.json")
            found.append(words("answer.route.cheapest", name=choice, total=money))
        unmeasured = [row["name"] for row in run.ways["ways"] if row["quality"] is None and row["name"] in bought]
        if unmeasured:
            found.append(words("answer.route.unmeasured", names=", ".join(unmeasured)))
    elif found:
        found.append(words("answer.route.alone"))
    return found


def _data(run: Run, figures: Figures) -> Sentences:
    words, found = figures.words, Sentences()
    if figures.has("data/rows-read", "data/rows-kept"):
        read, kept = figures.figure("data/rows-read"), figures.figure("data/rows-kept")
        found.append(words("answer.data.rows", read=read, kept=kept))
    sources = (run.card or {}).get("provenance") or []
    if sources:
        loose = unconfirmed(sources)
        found.append(words("answer.data.open", names=named(loose)) if loose else words("answer.data.rights"))
    if run.learning is not None and run.learning.get("gain"):
        gain = figures.numbers.ratio(run.learning["gain"][1])
        ends = f"{gain} [{figures.numbers.ratio(run.learning['gain'][0])}–{figures.numbers.ratio(run.learning['gain'][2])}]"
        more = figures.read(ends, "estimated", "plan/learning.json")
        found.append(words("answer.data.more", gain=more, metric=figures.name(run.learning["metric"])))
    return found


def _compute(run: Run, figures: Figures) -> Sentences:
    words, numbers, found = figures.words, figures.numbers, Sentences()
    route = run.chosen or shown_route(run)
    time, money = f"train/{route}/time", f"train/{route}/money"
    if route and figures.has(time):
        written = {
            "time": figures.figure(time),
            "money": figures.figure(money),
            "forecast": figures.figure(f"forecast/{route}/time"),
        }
        found.append(words("answer.compute.training", route=route, **written))
    best = (run.load or {}).get("best") or {}
    record = f"rehearse/{best.get('connections')}/throughput"
    if figures.has(record):
        p95 = figures.figure(f"rehearse/{best['connections']}/p95")
        found.append(words("answer.compute.serving", throughput=figures.figure(record), p95=p95))
    levels = (run.capacity or {}).get("scale") or []
    if run.capacity and levels:
        last, unit = levels[-1], run.capacity["currency"]
        written = {
            "factor": figures.read(numbers.plain(last["factor"]), "assumed", "plan/capacity.json"),
            "replicas": figures.read(numbers.plain(last["replicas"]), last["basis"], "plan/capacity.json"),
            "cost": figures.read(numbers.money(last["cost_per_month"], unit), last["basis"], "plan/capacity.json"),
        }
        found.append(words("answer.compute.scale", **written))
    return found


def _quality(run: Run, figures: Figures) -> Sentences:
    words, found = figures.words, Sentences()
    quality, route = quality_record(run), shown_route(run)
    if quality:
        found.append(
            words("answer.quality.held-out", metric=figures.name(run.metric or ""), value=figures.figure(quality, interval=True))
        )
    if figures.has(f"evaluate/{route}/chance"):
        found.append(words("answer.quality.chance", chance=figures.figure(f"evaluate/{route}/chance")))
    items = (run.variants or {}).get("variants") or []
    taken = next((item for item in items if item.get("taken")), None)
    if taken is not None and taken is not items[0]:
        sizes = [figures.figure(f"compress/{item['name']}/size") for item in (items[0], taken)]
        found.append(
            words(
                "answer.quality.compressed",
                name=Markup('<span class="name">{}</span>').format(taken["name"]),
                before=sizes[0],
                after=sizes[1],
            )
        )
    return found


def _business(run: Run, figures: Figures) -> Sentences:
    words, numbers, found = figures.words, figures.numbers, Sentences()
    if figures.has("plan/gross-margin"):
        found.append(words("answer.business.margin", margin=figures.figure("plan/gross-margin", interval=True)))
    if figures.has("plan/break-even-month"):
        month, chance = figures.figure("plan/break-even-month", interval=True), figures.figure("plan/break-even-probability")
        found.append(words("answer.business.even", month=month, chance=chance))
    suggested = ((run.plan or {}).get("pricing") or {}).get("suggested") or {}
    if suggested.get("low") is not None:
        ends = numbers.interval(suggested["low"], suggested["high"], (run.plan or {})["currency"])
        found.append(words("answer.business.price", range=figures.read(ends, suggested["basis"], PLAN)))
    return found


def _regulation(run: Run, figures: Figures) -> Sentences:
    words, content = figures.words, run.compliance
    if content is None:
        return []
    path = "plan/compliance.json"
    counts = {state: figures.read(figures.numbers.plain(content["counts"][state]), "measured", path) for state in STATES}
    every = figures.read(figures.numbers.plain(len(content["items"])), "measured", path)
    written = {"proven": counts["pass"], "attested": counts["human attestation"], "failed": counts["fail"]}
    found = [words("answer.regulation.items", count=every, markets=", ".join(content["markets"]), **written)]
    found.append(words("answer.regulation.open", none=counts["no evidence"], stale=counts["stale"]))
    return found


def _financing(run: Run, figures: Figures) -> Sentences:
    words, numbers, found, path = figures.words, figures.numbers, Sentences(), "plan/financing.json"
    if figures.has("plan/runway"):
        found.append(words("answer.financing.runway", runway=figures.figure("plan/runway", interval=True)))
    content: Mapping[str, Any] = run.financing or {}
    if "p50" in (content.get("need") or {}):
        needed = content["need"]["p50"]
        if needed is None:
            found.append(words("answer.financing.nothing"))
        else:
            amount = figures.read(numbers.money(needed["amount"], content["currency"]), "assumed", path)
            month = figures.read(numbers.plain(needed["month"]), "assumed", path)
            start = figures.read(numbers.plain(needed["start_month"]), "assumed", path)
            found.append(words("answer.financing.need", amount=amount, month=month, start=start))
    kept = next((item for item in content.get("figures") or [] if item["name"] == "kept-by-the-first-owners"), None)
    if kept is not None:
        found.append(words("answer.financing.kept", kept=figures.read(numbers.percent(kept["value"]), kept["basis"], path)))
    elif found:
        found.append(words("answer.financing.rounds"))
    return found


def _market(run: Run, figures: Figures) -> Sentences:
    words, found = figures.words, Sentences()
    if figures.has("plan/acquisition-cost"):
        found.append(words("answer.market.cost", cost=figures.figure("plan/acquisition-cost", interval=True)))
    if figures.has("plan/lifetime-value"):
        found.append(words("answer.market.value", value=figures.figure("plan/lifetime-value", interval=True)))
    if figures.has("plan/lifetime-value-to-acquisition", "plan/payback"):
        ratio, payback = (figures.figure(f"plan/{name}") for name in ("lifetime-value-to-acquisition", "payback"))
        found.append(words("answer.market.ratio", ratio=ratio, payback=payback))
    return found


def _risk(run: Run, figures: Figures) -> Sentences:
    words, found, path = figures.words, Sentences(), "plan/risks.json"
    if figures.has("plan/ruin-probability"):
        found.append(words("answer.risk.ruin", ruin=figures.figure("plan/ruin-probability", interval=True)))
    if run.risks:
        counts = run.risks.get("counts") or {}
        every = figures.numbers.plain(len(run.risks.get("risks") or []))
        written = {
            "count": figures.read(every, "assumed", path),
            "triggered": figures.read(figures.numbers.plain(counts.get("triggered", 0)), "measured", path),
            "unknown": figures.read(figures.numbers.plain(counts.get("no evidence", 0)), "measured", path),
        }
        found.append(words("answer.risk.register", **written))
    inputs = ((run.plan or {}).get("sensitivity") or {}).get("inputs") or []
    if inputs:
        found.append(words("answer.risk.mover", name=Markup("<code>{}</code>").format(inputs[0]["key"])))
    return found


WAYS: Mapping[str, Callable[[Run, Figures], Sentences]] = {
    "team": _team,
    "route": _route,
    "data": _data,
    "compute": _compute,
    "quality": _quality,
    "business": _business,
    "regulation": _regulation,
    "financing": _financing,
    "market": _market,
    "risk": _risk,
}
