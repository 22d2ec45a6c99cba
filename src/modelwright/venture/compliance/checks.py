"""The four kinds of check. Each says pass, fail, stale or no evidence, and never reads more than it names.

Taking evidence away can only lower a check: what is missing is "no evidence", which ranks below a known failure. That is why no
check here says "all that are there".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from modelwright.venture.compliance.catalogue import Check
from modelwright.venture.facts import Facts, Found

State = Literal["pass", "human attestation", "stale", "fail", "no evidence"]
ORDER: tuple[State, ...] = ("no evidence", "fail", "stale", "human attestation", "pass")
"""From the worst to the best: a known failure is worth more than not knowing."""


@dataclass(frozen=True)
class Result:
    """What a check came to, and what it looked at."""

    state: State
    found: tuple[Found, ...] = ()
    why: Mapping[str, str] | None = None


def worst(states: Sequence[State]) -> State:
    """A failure shows through; without one, the lowest state counts."""
    return "fail" if "fail" in states else min(states, key=ORDER.index)


def run(check: Check, facts: Facts, today: date, stale_months: int) -> Result:
    """Carry out one declared check."""
    work = {"number": _number, "stated": _stated, "equals": _equals, "names": _names}[check.kind]
    result = work(check.rules, facts)
    if result.state == "pass" and (old := _old(result.found, facts, today, stale_months)) is not None:
        return Result(old, result.found, _WHY[old])
    return result


_WHY: dict[str, Mapping[str, str]] = {
    "stale": {"en": "measured too long ago", "zh": "测量时间过久"},
    "no evidence": {"en": "without a date", "zh": "没有日期"},
    "missing": {"en": "nothing was recorded", "zh": "没有记录"},
    "limit": {"en": "no limit is stated", "zh": "未声明限度"},
    "basis": {"en": "rests on an assumption or a default, which shows nothing", "zh": "基于假设或默认值，不能作为证据"},
    "interval": {"en": "has no interval", "zh": "没有区间"},
}


def _old(found: Sequence[Found], facts: Facts, today: date, stale_months: int) -> State | None:
    """Settings are of today; a record carries its time; an artefact has its run's."""
    created = facts.find("artefact:run.json#created")
    for item in found:
        if item.reference.startswith("setting:"):
            continue
        time = item.time or (str(created.value) if created is not None else "")
        if not time:
            return "no evidence"
        day = datetime.fromisoformat(time.replace("Z", "+00:00")).date()
        if (today.year - day.year) * 12 + today.month - day.month - (today.day < day.day) >= stale_months:
            return "stale"
    return None


def _number(rules: Mapping[str, Any], facts: Facts) -> Result:
    found = facts.find(rules["of"])
    if found is None or isinstance(found.value, bool) or not isinstance(found.value, int | float):
        return Result("no evidence", why=_WHY["missing"])
    accepted = rules.get("basis", ("measured", "estimated"))
    if found.basis is not None and found.basis not in accepted:
        return Result("no evidence", (found,), _WHY["basis"])
    if rules.get("interval") and any(facts.find(f"{rules['of']}@{end}") is None for end in ("low", "high")):
        return Result("no evidence", (found,), _WHY["interval"])
    least, _ = facts.number(rules.get("at_least"))
    most, _ = facts.number(rules.get("at_most"))
    if least is None and most is None:
        return Result("no evidence", (found,), _WHY["limit"])
    inside = (least is None or found.value >= least) and (most is None or found.value <= most)
    return Result("pass" if inside else "fail", (found,))


def _stated(rules: Mapping[str, Any], facts: Facts) -> Result:
    not_in = {str(text).casefold() for text in rules.get("not_in", ())}
    seen = [facts.find(reference, blank="" in not_in) for reference in rules["of"]]
    found = tuple(item for item in seen if item is not None)
    values = [value for item in found for value in (item.value if isinstance(item.value, list) else [item.value])]
    if any(str(value).strip().casefold() in not_in for value in values):
        return Result("fail", found)
    if len(found) < len(seen) or not values or any(value in ("", [], {}) for value in values):
        return Result("no evidence", found, _WHY["missing"])
    return Result("pass", found)


def _equals(rules: Mapping[str, Any], facts: Facts) -> Result:
    one, two = facts.find(rules["of"]), facts.find(rules["to"])
    if one is None or two is None:
        return Result("no evidence", tuple(item for item in (one, two) if item is not None), _WHY["missing"])
    return Result("pass" if one.value == two.value else "fail", (one, two))


def _names(rules: Mapping[str, Any], facts: Facts) -> Result:
    document = facts.find(rules["of"])
    named = [facts.find(reference) for reference in rules["each"]]
    if document is None or not isinstance(document.value, str) or None in named:
        return Result("no evidence", why=_WHY["missing"])
    text = document.value.replace("\\", "").casefold()
    present = [item for item in named if item is not None]
    values = [value for item in present for value in (item.value if isinstance(item.value, list) else [item.value])]
    known = all(str(value).casefold() in text for value in values)
    return Result("pass" if known else "fail", (Found(document.reference, f"{len(text)} characters"), *present))
