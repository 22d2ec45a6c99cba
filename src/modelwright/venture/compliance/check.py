"""The checklist, computed: which items apply, and in which state each of them is.

`check` is pure: settings, records and file contents in, plan/compliance.json out.

    {"as_of": "2026-11-22", "statement": {"en","zh"},                     readiness evidence, no legal advice
     "markets": ["EU", …],
     "classification": {"model_class": "not general-purpose" | "general-purpose" | "general-purpose, systemic risk" | "unknown",
                        "role": "provider" | "deployer" | null,
                        "conditions": {name: true | false | null}, "flops": null | {"value", "kind": "estimate" | "at most", "note"},
                        "reasons": {name: {"en","zh"}}, "asked": ["compliance.markets", …]},
     "counts": {"pass", "human attestation", "stale", "fail", "no evidence"},  of the items that apply
     "items": [{"id", "title": {"en","zh"}, "state", "in_force": bool, "owner": "" | name,
                "clauses": [{"instrument", "name": {"en","zh"}, "market", "article", "effective": date, "in_force": bool,
                             "source": {"en","zh"}, "as_of": date, "confirmed": bool, "official": address}],
                "proof": {"en","zh"}, "next": {"en","zh"},
                "checks": [{"kind", "text": {"en","zh"}, "state", "why": null | {"en","zh"},
                            "found": [{"reference", "value", "unit", "basis"}]}],
                "attestation": null | {"state", "by", "given", "statement"}}],          null: none is asked for
     "not_applicable": [{"id", "title": {"en","zh"}, "because": {"en","zh"}}]}

An item is as good as its worst part; a failure shows through. States from worst to best: no evidence, fail, stale, human
attestation, pass. Taking evidence away never improves one (a property test holds it).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

from modelwright.base.errors import SpecError
from modelwright.base.evidence import Evidence
from modelwright.spec.compliance import Compliance
from modelwright.venture.compliance.catalogue import Clause, Item, instruments, items
from modelwright.venture.compliance.checks import ORDER, State, run, worst
from modelwright.venture.compliance.classify import Classification, classify, holds
from modelwright.venture.facts import Facts

STATEMENT = {
    "en": "Readiness evidence, not legal advice: it says which evidence this run left and which it did not. A document's existence "
    "is never a pass. Dates marked † were not checked in the official text.",
    "zh": "这是就绪证据，不是法律意见：只说明本次运行留下了哪些证据、缺少哪些证据。文件存在本身绝不等于通过。带 † 的日期未经官方文本核对。",
}
_BECAUSE = {
    "market": ("no clause of it belongs to the stated markets", "所声明的市场没有相关条款"),
    "part": ("its clauses bind only {names}, which was ruled out", "相关条款仅适用于 {names}，已排除"),
    "condition": ("it concerns {names} only, which was ruled out", "仅涉及 {names}，已排除"),
}


def check(
    settings: Mapping[str, Any], evidence: Mapping[str, Evidence], artefacts: Mapping[str, Any], today: date
) -> dict[str, Any]:
    """Compute the checklist.

    Args:
        settings: the resolved project file; its `compliance:` may be missing.
        evidence: newest record by name, as `Ledger.latest()` gives them.
        artefacts: content of the run's files by path inside the run: parsed JSON, or text ("release/README.md"). Those that
            checks read: run.json, data/card.json, choose/decision.json, evaluate/<route>/evaluation.json,
            release/{release.json,README.md,manifest.json}, rehearse/load.json, plan/risks.json.
        today: decides what is in force and what is stale.

    Raises:
        SpecError: an attestation or owner for an item that does not exist, or an attestation where none is asked for.
    """
    section = Compliance.model_validate(settings.get("compliance") or {})
    _known(section)
    facts = Facts(settings, evidence, artefacts)
    classification = classify(section, facts, today)
    rows, ruled_out = [], []
    for item in items().values():
        clauses, because = _clauses(item, classification)
        if because is not None:
            ruled_out.append({"id": item.id, "title": item.title, "because": because})
        else:
            rows.append(_row(item, clauses, section, facts, today))
    counts = Counter(row["state"] for row in rows)
    return {
        "as_of": today.isoformat(),
        "statement": STATEMENT,
        "markets": list(classification.markets),
        "classification": {
            "model_class": classification.model_class,
            "role": section.role,
            "conditions": dict(classification.conditions),
            "flops": classification.flops,
            "reasons": dict(classification.reasons),
            "asked": list(classification.asked),
        },
        "counts": {state: counts[state] for state in reversed(ORDER)},
        "items": rows,
        "not_applicable": ruled_out,
    }


def _known(section: Compliance) -> None:
    for where, names in (("attestations", section.attestations), ("owners", section.owners)):
        for name in names:
            if name not in items() or (where == "attestations" and not items()[name].attest):
                asked = sorted(key for key, item in items().items() if where == "owners" or item.attest)
                came = f"{name!r} is no item" if name not in items() else f"nobody's word is asked for {name!r}: it is measured"
                raise SpecError(
                    came,
                    expected=f"one of: {', '.join(asked)}",
                    where=f"compliance.{where}.{name}",
                    remedy="Mend the name, or take the entry out.",
                )


def _clauses(item: Item, known: Classification) -> tuple[list[Clause], dict[str, str] | None]:
    """The clauses that bind, or why none does."""
    out = [name for name in item.applies if known.conditions[name] is False]
    if out:
        return [], _because("condition", out)
    there = [clause for clause in item.clauses if instruments()[clause.instrument].market in ("*", *known.markets)]
    if not there:
        return [], _because("market", [])
    needs = {clause: instruments()[clause.instrument].parts[clause.part].needs for clause in there}
    bound = [clause for clause in there if not needs[clause] or known.conditions[needs[clause]] is not False]
    return (bound, None) if bound else ([], _because("part", sorted({needs[clause] for clause in there})))


def _because(kind: str, names: list[str]) -> dict[str, str]:
    return {language: words.format(names=", ".join(names)) for language, words in zip(("en", "zh"), _BECAUSE[kind], strict=True)}


def _row(item: Item, clauses: list[Clause], section: Compliance, facts: Facts, today: date) -> dict[str, Any]:
    checks: list[dict[str, Any]] = []
    for declared in item.checks:
        result = run(declared, facts, today, section.stale_months)
        found = [entry.as_json() for entry in result.found]
        checks.append({"kind": declared.kind, "text": declared.text, "state": result.state, "why": result.why, "found": found})
    states: list[State] = [entry["state"] for entry in checks]
    word = section.attestations.get(item.id)
    told: dict[str, Any] | None = None
    if item.attest:
        state = holds(word, today)
        told = {"state": state, "by": "", "given": None, "statement": ""}
        if word is not None:
            told |= {"by": word.by, "given": word.given.isoformat(), "statement": word.statement}
        states.append(state)
    written = [_written(clause, section, today) for clause in clauses]
    return {
        "id": item.id,
        "title": item.title,
        "state": worst(states),
        "in_force": any(clause["in_force"] for clause in written),
        "owner": section.owners.get(item.id, ""),
        "clauses": written,
        "proof": item.proof,
        "next": item.next,
        "checks": checks,
        "attestation": told,
    }


def _written(clause: Clause, section: Compliance, today: date) -> dict[str, Any]:
    law = instruments()[clause.instrument]
    part = clause.part
    if part == "high-risk" and section.use is not None and set(section.use) == {"regulated-product"}:
        part = "high-risk-product"
    dated = law.parts[part]
    return {
        "instrument": law.id,
        "name": law.name,
        "market": law.market,
        "article": clause.article,
        "effective": dated.effective.isoformat(),
        "in_force": dated.effective <= today,
        "source": dated.source,
        "as_of": law.as_of.isoformat(),
        "confirmed": law.confirmed,
        "official": law.official,
    }
