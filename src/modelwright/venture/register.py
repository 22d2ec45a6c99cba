"""The risk register: what may happen, how bad, who acts, and which figure of the run says that it is happening.

`assess` returns the content of plan/risks.json:

    {"as_of": "2026-11-22",
     "counts": {"triggered": 1, "quiet": 9, "no evidence": 6, "by hand": 4},
     "risks": [{"id", "kind", "title": {"en","zh"}, "response": {"en","zh"}, "owner": "" | "name", "origin": "shipped" | "project",
                "basis": "fallback" | "assumed",               of likelihood and impact: shipped, or stated by the founders
                "likelihood": 1–5, "impact": 1–5, "score": 1–25, "level": "low" | "medium" | "high" | "critical",
                "state": "triggered" | "quiet" | "no evidence" | "by hand",
                "trigger": null | {"watch", "operator": "above" | "below" | "is" | "one_of", "count": bool,
                                   "limit": number | text | list | null, "limit_from": "" | reference,
                                   "found": null | {"reference", "value", "unit", "basis"}, "text": {"en","zh"}}}, …],
     "responses": …      (responses.compare; [] until it is added)
     "sensitivity": …    (risk.plan_sensitivity; {} until it is added)
     "alarms": …         (live/alarms.json as the plan step found it; null where nobody looked at a running service)}

Triggered risks come first, then by score. A risk that is happening counts as almost certain (likelihood 5). A trigger whose
figure or limit is missing says "no evidence": never quiet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from modelwright.base.errors import SpecError
from modelwright.spec.risk import Risk, RiskSection, Trigger
from modelwright.venture.facts import Facts, Found

State = Literal["triggered", "quiet", "no evidence", "by hand"]
STATES: tuple[State, ...] = ("triggered", "no evidence", "by hand", "quiet")
_LEVELS = ((15, "critical"), (10, "high"), (5, "medium"), (0, "low"))
_WORDS = {
    "above": ("{watch} is above {limit}", "{watch} 高于 {limit}"),
    "below": ("{watch} is below {limit}", "{watch} 低于 {limit}"),
    "is": ("{watch} is {limit}", "{watch} 为 {limit}"),
    "one_of": ("{watch} is one of: {limit}", "{watch} 属于：{limit}"),
}


@cache
def shipped() -> tuple[dict[str, Any], ...]:
    """The starter register (`registers/risks.yaml`), titles and responses in two languages."""
    text = files("modelwright.venture").joinpath("registers", "risks.yaml").read_text(encoding="utf-8")
    return tuple(yaml.safe_load(text)["risks"])


def assess(section: RiskSection | None, facts: Facts, today: date) -> dict[str, Any]:
    """Evaluate every trigger on what the run knows.

    Args:
        section: the founders' `risk:`; None: the shipped register alone.
        facts: settings, evidence, artefacts.
        today: written into the result.

    Raises:
        SpecError: `leave_out` or `owners` names a risk that does not exist.
    """
    section = section or RiskSection()
    rows = [_row(entry, section, facts) for entry in _entries(section)]
    rows.sort(key=lambda row: (row["state"] != "triggered", -row["score"]))
    counts = Counter(row["state"] for row in rows)
    return {
        "as_of": today.isoformat(),
        "counts": {state: counts[state] for state in STATES},
        "risks": rows,
        "responses": [],
        "sensitivity": {},
    }


def _entries(section: RiskSection) -> Sequence[dict[str, Any]]:
    own = {entry.id for entry in section.register_}
    known = {entry["id"]: entry for entry in shipped()}
    kinds = {entry["kind"] for entry in shipped()}
    for name in section.leave_out:
        if name not in known:
            _unknown(name, "risk.leave_out", known)
    for name in section.owners:
        if name not in known.keys() | own | kinds:
            _unknown(name, "risk.owners", known.keys() | own | kinds)
    kept = [entry for name, entry in known.items() if name not in own and name not in section.leave_out]
    return [*map(_own, section.register_), *kept]


def _unknown(name: str, where: str, known: Any) -> None:
    raise SpecError(f"{name!r} is no risk", expected=f"one of: {', '.join(sorted(known))}", where=where, remedy="Mend the name.")


def _own(entry: Risk) -> dict[str, Any]:
    trigger = entry.trigger.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True) if entry.trigger else None
    return {
        **entry.model_dump(exclude={"trigger"}),
        "title": {"en": entry.title, "zh": entry.title},
        "response": {"en": entry.response, "zh": entry.response},
        "trigger": trigger,
        "own": True,
    }


def _row(entry: Mapping[str, Any], section: RiskSection, facts: Facts) -> dict[str, Any]:
    trigger = Trigger.model_validate(entry["trigger"]) if entry.get("trigger") else None
    state, told = ("by hand", None) if trigger is None else pull(trigger, facts)
    likelihood = 5 if state == "triggered" else entry["likelihood"]
    score = likelihood * entry["impact"]
    own = bool(entry.get("own"))
    return {
        "id": entry["id"],
        "kind": entry["kind"],
        "title": entry["title"],
        "response": entry["response"],
        "owner": entry.get("owner") or section.owners.get(entry["id"]) or section.owners.get(entry["kind"], ""),
        "origin": "project" if own else "shipped",
        "basis": "assumed" if own else "fallback",
        "likelihood": likelihood,
        "impact": entry["impact"],
        "score": score,
        "level": next(name for least, name in _LEVELS if score >= least),
        "state": state,
        "trigger": told,
    }


def pull(trigger: Trigger, facts: Facts) -> tuple[State, dict[str, Any]]:
    """Whether the trigger is pulled, and how it was found out."""
    found = facts.find(trigger.watch, blank="" in trigger.one_of)
    if found is not None and trigger.count:
        found = replace(found, value=len(found.value)) if isinstance(found.value, list | Mapping) else None
    operator, raw = next((name, value) for name, value in _operators(trigger).items() if value not in (None, ()))
    limit, limit_from = facts.number(raw) if operator in ("above", "below") else (raw, "")
    state: State = "no evidence"
    if found is not None and limit is not None:
        state = _compare(found, operator, limit)
    plain = f"{limit:g}" if isinstance(limit, float) else str(limit)
    shown = ", ".join(filter(None, limit)) if isinstance(limit, tuple) else limit_from.partition(":")[2] or plain
    watch = trigger.watch.partition(":")[2] if found is None else found.name
    text = {
        language: words.format(watch=watch, limit=shown) for language, words in zip(("en", "zh"), _WORDS[operator], strict=True)
    }
    return state, {
        "watch": trigger.watch,
        "operator": operator,
        "count": trigger.count,
        "limit": list(limit) if isinstance(limit, tuple) else limit,
        "limit_from": limit_from,
        "found": None if found is None else found.as_json(),
        "text": text,
    }


def _operators(trigger: Trigger) -> dict[str, Any]:
    return {"above": trigger.above, "below": trigger.below, "is": trigger.equals, "one_of": trigger.one_of}


def _compare(found: Found, operator: str, limit: Any) -> State:
    values = found.value if isinstance(found.value, list) else [found.value]
    answers = [_one(item, operator, limit) for item in values]
    if any(answers):
        return "triggered"
    return "no evidence" if None in answers or not answers else "quiet"


def _one(value: Any, operator: str, limit: Any) -> bool | None:
    """None: the value can't be compared so."""
    if operator == "is":
        return bool(value == limit)
    if operator == "one_of":
        return str(value).strip().casefold() in {str(item).strip().casefold() for item in limit}
    if isinstance(value, str) and value.startswith(">"):  # a month beyond the plan, written as ">36"
        value = float(value[1:]) + 1
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return bool(value > limit if operator == "above" else value < limit)
