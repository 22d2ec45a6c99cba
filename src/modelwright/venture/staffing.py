"""Team: skills needed by the stages and the chosen route, who covers them, what hangs on one person, hiring and payroll.

A skill's need is the share of one person's time (`defaults/skills.yaml`); members who state no skills cover none, and are asked.
New people work at a rising speed: in month k of a ramp of r months, k/(r+1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from modelwright.base.errors import SpecError
from modelwright.spec.team import Member
from modelwright.spec.venture import Venture
from modelwright.venture.assumptions import Assumptions
from modelwright.venture.tables import table

STAGES = ("data", "train", "evaluate", "compress", "release", "rehearse", "serve", "plan", "sell")


def needed(stages: Sequence[str], routes: Sequence[str], today: date) -> list[dict[str, Any]]:
    """Skills by the time they take, the most demanding first.

    Args:
        stages: of the work; `sell` is the business's own.
        routes: families of the routes that are pursued: fit, gradient, checkpoint, bought.

    Returns:
        [{"skill", "share", "for": [entries], "source"}]
    """
    entries = table("skills")
    found: dict[str, dict[str, Any]] = {}
    for name in (*(f"stage/{stage}" for stage in stages), *(f"route/{family}" for family in dict.fromkeys(routes))):
        if name not in entries:
            continue
        entry = entries[name]
        mark = "" if entry.confirmed else " †"
        for skill, share in entry.more.items():
            row = found.setdefault(skill, {"skill": skill, "share": 0.0, "for": [], "basis": "fallback"})
            row["share"] = round(row["share"] + share, 6)
            row["for"].append(name)
            row["source"] = f"{entry.source}; default of {entry.as_of.isoformat()}{mark}"
            row["stale"] = entry.stale(today)
    return sorted(found.values(), key=lambda row: (-row["share"], row["skill"]))


def known_skills() -> tuple[str, ...]:
    """Every skill of the table."""
    return tuple(sorted({skill for entry in table("skills").values() for skill in entry.more}))


def staffing(
    venture: Venture,
    assumptions: Assumptions,
    routes: Sequence[str],
    today: date,
    stages: Sequence[str] = STAGES,
) -> dict[str, Any]:
    """plan.json's "team".

    Returns:
        {"skills": needed, "matrix": [{"role", "count", "start_month", "skills": {skill: bool}}], "gaps": [skill],
        "key_person": [{"skill", "role", "share"}], "hiring": [{"role", "count", "month", "full_speed_month", "cost_a_month"}],
        "payroll": [money a month], "heads", "productive": [people a month], "asked": [keys], "currency", "basis", "note"};
        gaps and key persons are None where no member states skills.

    Raises:
        SpecError: a skill that no stage and no route knows.
    """
    team = venture.team or ()
    _check(team)
    skills = needed(stages, routes, today)
    asked = [f"venture.team.{number}.skills" for number, member in enumerate(team) if member.skills is None]
    told = any(member.skills is not None for member in team)
    covering = {
        row["skill"]: [member for member in team if row["skill"] in (member.skills or ()) and member.count] for row in skills
    }
    heads = {skill: sum(member.count for member in members) for skill, members in covering.items()}
    pay = [_cost(assumptions, number) for number in range(len(team))]
    months = range(1, venture.months + 1)
    return {
        "skills": [{**row, "covered_by": heads[row["skill"]] if told else None} for row in skills],
        "matrix": [
            {
                "role": member.role,
                "count": member.count,
                "start_month": member.start_month,
                "skills": {row["skill"]: row["skill"] in member.skills for row in skills} if member.skills is not None else None,
            }
            for member in team
        ],
        "gaps": [row["skill"] for row in skills if not heads[row["skill"]]] if told else None,
        "key_person": [
            {"skill": row["skill"], "role": covering[row["skill"]][0].role, "share": row["share"]}
            for row in skills
            if heads[row["skill"]] == 1
        ]
        if told
        else None,
        "hiring": [
            {
                "role": member.role,
                "count": member.count,
                "month": member.start_month,
                "full_speed_month": member.start_month + member.ramp_months,
                "cost_a_month": cost,
            }
            for member, cost in sorted(zip(team, pay, strict=True), key=lambda item: item[0].start_month)
        ],
        "payroll": [sum(cost for member, cost in zip(team, pay, strict=True) if month >= member.start_month) for month in months],
        "heads": [sum(member.count for member in team if month >= member.start_month) for month in months],
        "productive": [round(sum(member.count * speed(member, month) for member in team), 6) for month in months],
        "asked": asked if team else ["venture.team"],
        "currency": assumptions.currency,
        "basis": _basis(assumptions),
        "note": "loaded pay at the middle of every input; new people count by their ramp, and are paid in full",
    }


def speed(member: Member, month: int) -> float:
    """Share of full speed in a month: 0 before the start, k/(r+1) in the k-th month of a ramp of r, then 1."""
    if month < member.start_month:
        return 0.0
    return min(1.0, (month - member.start_month + 1) / (member.ramp_months + 1))


def _cost(assumptions: Assumptions, number: int) -> float:
    """Loaded pay of all people of a role in a month."""
    load = assumptions.inputs.get(f"load/{number}", assumptions.inputs["load"])
    return assumptions.team[number][0] * assumptions.inputs[f"salary/{number}"].middle * (1 + load.middle)


def _basis(assumptions: Assumptions) -> str:
    loads = [
        assumptions.inputs.get(f"load/{number}", assumptions.inputs["load"]).basis for number in range(len(assumptions.team))
    ]
    return "fallback" if "fallback" in loads else "assumed"


def _check(team: Sequence[Member]) -> None:
    known = known_skills()
    for number, member in enumerate(team):
        for skill in member.skills or ():
            if skill not in known:
                raise SpecError(
                    f"nobody asks for the skill {skill!r}",
                    expected=f"one of: {', '.join(known)}",
                    where=f"venture.team.{number}.skills",
                    remedy="Write it in one of these words.",
                )


def people_figures(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Counts of what the team lacks, as figures; none where no member states skills."""
    if found["gaps"] is None:
        return []
    said = "skills by defaults/skills.yaml, coverage as the members state it"
    return [
        _counted("skills-uncovered", found["gaps"], f"needed, and nobody has them: {', '.join(found['gaps']) or 'none'}; {said}"),
        _counted("skills-on-one-person", found["key_person"], f"gone if one person goes; {said}"),
    ]


def _counted(name: str, rows: Sequence[Any], note: str) -> dict[str, Any]:
    value = float(len(rows))
    return {"name": name, "value": value, "low": None, "high": None, "unit": "skills", "basis": "fallback", "note": note}
