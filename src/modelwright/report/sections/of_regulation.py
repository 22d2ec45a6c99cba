"""Question 7: the checklist. Item, state, clauses with their dates of effect, what shows it, what to do next."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from modelwright.report.blocks import Block, Facts, Missing, Said, asked, looked_at
from modelwright.report.figures import Figures
from modelwright.report.read import Run

PATH = "plan/compliance.json"
STATES = ("pass", "human attestation", "stale", "fail", "no evidence")


def regulation(run: Run, figures: Figures) -> dict[str, Any]:
    """{"blocks": before the list, "items": the checklist, "ruled_out": what does not apply, "after": what to state}."""
    words, content = figures.words, run.compliance
    if content is None:
        blocks: list[Block] = [Missing(words("absent.compliance"))]
        return {"blocks": blocks, "items": [], "ruled_out": [], "after": asked(run, figures, "regulation", nothing=True)}
    language = words.language
    facts = [
        (
            words("state." + state.replace(" ", "-")),
            figures.read(figures.numbers.plain(content["counts"][state]), "measured", PATH),
        )
        for state in STATES
    ]
    known = content["classification"]
    said = [words("class.model", value=words(f"class.{_key(known['model_class'])}"))]
    said += [words("class.markets", list=", ".join(content["markets"]), role=words("role." + (known["role"] or "unknown")))]
    reasons = [_because(reason[language], figures) for reason in known["reasons"].values()]
    blocks = [
        Said((Markup("{}").format(content["statement"][language]),), notice=True),
        Facts(facts),
        Said((*said, *reasons), words("class.title")),
    ]
    order = {"fail": 0, "stale": 1, "no evidence": 2, "human attestation": 3, "pass": 4}
    items = sorted(content["items"], key=lambda item: (order[item["state"]], not item["in_force"]))
    return {
        "blocks": blocks,
        "items": [_item(item, run, figures) for item in items],
        "ruled_out": [(item["title"][language], item["because"][language]) for item in content.get("not_applicable") or []],
        "after": asked(run, figures, "regulation", *known["asked"]),
    }


def _item(item: Any, run: Run, figures: Figures) -> dict[str, Any]:
    words, language = figures.words, figures.words.language
    told = item.get("attestation")
    return {
        "state": item["state"],
        "title": item["title"][language],
        "owner": item.get("owner") or "",
        "proof": item["proof"][language],
        "next": item["next"][language] if item["state"] != "pass" else "",
        "clauses": [
            {
                "text": f"{clause['name'][language]}, {clause['article']}",
                "effective": clause["effective"] + ("" if clause["confirmed"] else " †"),
                "in_force": clause["in_force"],
                "source": clause["source"][language],
            }
            for clause in item["clauses"]
        ],
        "checks": [
            {
                "state": entry["state"],
                "text": entry["text"][language],
                "why": (entry.get("why") or {}).get(language, ""),
                "found": [looked_at(found, run, figures) for found in entry["found"]],
            }
            for entry in item["checks"]
        ],
        "attested": words("regulation.attested", by=told["by"], given=told["given"]) if told and told["given"] else None,
    }


def _because(reason: str, figures: Figures) -> Markup:
    """A condition's reason; where it counts operations, with where that is read."""
    counted = any(character.isdigit() for character in reason)
    return figures.read(reason, "estimated", PATH) if counted else Markup("{}").format(reason)


def _key(text: str) -> str:
    return text.replace(",", "").replace(" ", "-")
