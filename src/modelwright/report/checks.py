"""Risk and regulation, first version: what was asked and is not met, what was checked, and where there is no evidence.

A missing record is "no evidence": it never counts as met, and a document's existence alone is no more than evidence that it
exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from modelwright.report.charts.of_plan import movers
from modelwright.report.figures import Figures
from modelwright.report.headline import interval_record, quality_record, shown_route
from modelwright.report.read import Run
from modelwright.report.sections.of_run import conditions, unconfirmed

State = Literal["met", "not met", "evidence", "partial", "no evidence"]
_FORECAST_LIMIT = 0.30  # how far off a forecast may be before it is called wrong


@dataclass(frozen=True)
class Check:
    """One line: `key` names its words; `artefact` the file its detail was read from, where the ledger has no record."""

    key: str
    state: State
    detail: Any
    artefact: str | None = None


def risk(run: Run, figures: Figures) -> dict[str, Any]:
    words, numbers = figures.words, figures.numbers
    checks = [
        *_conditions(run, figures),
        _confirmed(run, figures),
        _forecast(run, figures),
        _compression(run, figures),
        _errors(run, figures),
        _rows(run, figures, "contradictions", (run.card or {}).get("duplicates", {}).get("contradictions")),
        _rows(run, figures, "near", (run.card or {}).get("duplicates", {}).get("near_kept")),
        _licence(run, figures),
        _plan(run, figures),
    ]
    comma = ", " if words.language == "en" else "、"
    lists = {
        state: comma.join(words.plain(f"check.{check.key}") for check in checks if check.state == state)
        for state in ("not met", "no evidence")
    }
    summary = [words("risk.failed", list=lists["not met"]) if lists["not met"] else words("risk.all-met")]
    if lists["no evidence"]:
        summary.append(words("risk.unknown", list=lists["no evidence"]))
    facts = [(words("risk.ruin"), figures.figure("plan/ruin-probability", interval=True))]
    facts.append((words("risk.runway"), figures.figure("plan/runway", interval=True)))
    return {
        "facts": facts,
        "movers": [
            words("risk.mover", name=key, low=numbers.money(low, unit), high=numbers.money(high, unit))
            for key, low, high, unit in movers(run.plan)[:3]
        ],
        "checks": checks,
        "summary": (" " if words.language == "en" else "").join(map(str, summary)),
    }


def _conditions(run: Run, figures: Figures) -> list[Check]:
    """The project's own conditions, for the route taken."""
    words, route, metric = figures.words, run.chosen, run.metric or ""
    taken: Mapping[str, Any] = next((item for item in (run.decision or {}).get("candidates") or [] if item["route"] == route), {})
    found = []
    names = {
        "at_least": ("floor", f"evaluate/{route}/validation/{metric}"),
        "latency_ms_p95": ("latency", f"evaluate/{route}/latency-p95"),
        "cost_per_1000": ("cost", f"evaluate/{route}/cost-per-1000"),
    }
    for key, limit in conditions(run, figures):
        name, record = names[key]
        value = figures.figure(record, interval=key == "at_least")
        detail = words(f"check.{name}.detail", metric=figures.name(metric), limit=limit, value=value)
        found.append(Check(name, _state((taken.get("meets") or {}).get(key)), detail, "choose/decision.json"))
        if key == "at_least":
            found.append(_floor_on_test(run, figures, limit))
    return found


def _floor_on_test(run: Run, figures: Figures, limit: str) -> Check:
    """The floor was judged on validation rows; here, whether the interval on test rows lies clear of it."""
    record = run.evidence.get(interval_record(run) or "")
    if record is None or record.low is None or record.high is None:
        return Check("floor-test", "no evidence", figures.words("check.detail.none"))
    higher = (run.decision or {}).get("metric_better") != "lower"
    met = record.low >= float(limit) if higher else record.high <= float(limit)
    detail = figures.words("check.floor-test.detail", limit=limit, value=figures.figure(record.name, interval=True))
    return Check("floor-test", _state(met), detail, "choose/decision.json")


def _confirmed(run: Run, figures: Figures) -> Check:
    state = _state((run.decision or {}).get("confirmed_on_test"))
    detail = figures.words("check.confirmed." + state.replace(" ", "-"))
    return Check("confirmed", state, detail, "choose/decision.json" if run.decision else None)


def _forecast(run: Run, figures: Figures) -> Check:
    """The route whose training time was forecast worst."""
    errors = []
    for route in run.routes:
        names = f"forecast/{route}/time", f"train/{route}/time"
        expected, came = (figures.value(name) for name in names)
        if expected is not None and came:
            errors.append((expected / came - 1, route, names))
    if not errors:
        return Check("forecast", "no evidence", figures.words("check.detail.none"))
    error, route, names = max(errors, key=lambda item: abs(item[0]))
    detail = figures.words(
        "check.forecast.detail",
        error=figures.derived(figures.numbers.signed_percent(error), *names),
        route=route,
        forecast=figures.figure(names[0]),
        actual=figures.figure(names[1]),
    )
    return Check("forecast", _state(abs(error) <= _FORECAST_LIMIT), detail)


def _compression(run: Run, figures: Figures) -> Check:
    """The shipped variant's loss on validation against what the project allows."""
    content = run.variants or {}
    items = content.get("variants") or []
    taken = next((item for item in items if item.get("taken")), None)
    if taken is None:
        return Check("compression", "no evidence", figures.words("check.detail.none"))
    if taken is items[0]:
        return Check("compression", "met", figures.words("check.compression.none"), "compress/variants.json")
    names = [f"compress/{item['name']}/validation/{content['metric']}" for item in (items[0], taken)]
    before, after = (figures.value(name) for name in names)
    allowed = (run.project.get("compress") or {}).get("max_loss")
    if before is None or after is None or allowed is None:
        return Check("compression", "no evidence", figures.words("check.detail.none"))
    higher = (run.decision or {}).get("metric_better") != "lower"
    loss = before - after if higher else after - before
    written = {"before": figures.figure(names[0]), "after": figures.figure(names[1]), "limit": f"{allowed:g}"}
    detail = figures.words("check.compression.detail", name=taken["name"], **written)
    return Check("compression", _state(loss <= allowed + 1e-9), detail, "compress/variants.json")


def _errors(run: Run, figures: Figures) -> Check:
    levels = (run.load or {}).get("levels") or []
    if not levels or any(level.get("errors") is None for level in levels):
        return Check("errors", "no evidence", figures.words("check.detail.none"))
    errors, requests = (sum(level[key] for level in levels) for key in ("errors", "requests"))
    detail = figures.words("check.errors.detail", errors=figures.numbers.plain(errors), requests=figures.numbers.plain(requests))
    return Check("errors", _state(errors == 0), detail, "rehearse/load.json")


def _rows(run: Run, figures: Figures, key: str, count: int | None) -> Check:
    if count is None:
        return Check(key, "no evidence", figures.words("check.detail.none"))
    return Check(
        key, _state(count == 0), figures.words(f"check.{key}.detail", count=figures.numbers.plain(count)), "data/card.json"
    )


def _licence(run: Run, figures: Figures) -> Check:
    sources = (run.card or {}).get("provenance") or []
    if not sources:
        return Check("licence", "no evidence", figures.words("check.detail.none"))
    open_ones = unconfirmed(sources)
    if open_ones:
        return Check("licence", "not met", figures.words("check.licence.not-met", names=", ".join(open_ones)), "data/card.json")
    return Check("licence", "met", figures.words("check.licence.met"), "data/card.json")


def _plan(run: Run, figures: Figures) -> Check:
    if run.plan is None:
        return Check("plan", "no evidence", figures.words("check.detail.none"))
    gone = run.plan.get("missing") or []
    if gone:
        return Check("plan", "not met", figures.words("check.plan.not-met", names=", ".join(gone)), "plan/plan.json")
    return Check("plan", "met", figures.words("check.plan.met"), "plan/plan.json")


def _state(met: bool | None) -> State:
    return "no evidence" if met is None else "met" if met else "not met"


def regulation(run: Run, figures: Figures) -> list[Check]:
    """What evidence this run left, item by item; most of it is not there yet, and the page says so."""
    words = figures.words
    none = {
        key: Check(key, "no evidence", words("regulation.none"))
        for key in ("personal-data", "oversight", "transparency", "monitoring")
    }
    return [
        _provenance(run, figures),
        _measurement(run, figures),
        Check("model-card", "evidence", words("regulation.model-card.evidence"))
        if run.model_card
        else Check("model-card", "no evidence", words("regulation.none")),
        _energy(run, figures),
        _fairness(run, figures),
        none["personal-data"],
        _robustness(run, figures),
        none["oversight"],
        none["transparency"],
        none["monitoring"],
    ]


def _provenance(run: Run, figures: Figures) -> Check:
    sources = (run.card or {}).get("provenance") or []
    if not sources:
        return Check("provenance", "no evidence", figures.words("regulation.none"))
    open_ones = unconfirmed(sources)
    state: State = "partial" if open_ones else "evidence"
    names = open_ones or [str(item.get("name") or item.get("source")) for item in sources]
    return Check("provenance", state, figures.words(f"regulation.provenance.{state}", names=", ".join(names)), "data/card.json")


def _measurement(run: Run, figures: Figures) -> Check:
    name = quality_record(run)
    if name is None:
        return Check("measurement", "no evidence", figures.words("regulation.none"))
    value = figures.figure(name, interval=True)
    detail = figures.words("regulation.measurement.evidence", metric=figures.name(run.metric or ""), value=value)
    return Check("measurement", "evidence", detail)


def _energy(run: Run, figures: Figures) -> Check:
    """Of the route taken. Energy that was not read from a meter is in the ledger as an estimate, and its mark says so."""
    time, energy = f"train/{run.chosen}/time", f"train/{run.chosen}/energy"
    if not figures.has(time):
        return Check("energy", "no evidence", figures.words("regulation.none"))
    if not figures.has(energy):
        return Check("energy", "partial", figures.words("regulation.energy.partial", time=figures.figure(time)))
    written = {"time": figures.figure(time), "energy": figures.figure(energy)}
    return Check("energy", "evidence", figures.words("regulation.energy.evidence", **written))


def _fairness(run: Run, figures: Figures) -> Check:
    route = shown_route(run)
    evaluation: Mapping[str, Any] = run.evaluations.get(route or "", {})
    columns = dict.fromkeys(figures.name(str(item["column"])) for item in evaluation.get("slices") or [])
    if not columns:
        return Check("fairness", "no evidence", figures.words("regulation.none"))
    detail = figures.words("regulation.fairness.partial", columns=", ".join(columns))
    return Check("fairness", "partial", detail, f"evaluate/{route}/evaluation.json")


def _robustness(run: Run, figures: Figures) -> Check:
    levels = (run.load or {}).get("levels") or []
    if not levels:
        return Check("robustness", "no evidence", figures.words("regulation.none"))
    return Check(
        "robustness", "partial", figures.words("regulation.robustness.partial", levels=len(levels)), "rehearse/load.json"
    )
