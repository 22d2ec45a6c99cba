"""Question 1: team. Skills needed and covered, what hangs on one person, hiring, payroll."""

from __future__ import annotations

from modelwright.report.blocks import PLAN, Block, Drawing, Missing, Said, Table, asked, weakest
from modelwright.report.figures import Figures
from modelwright.report.read import Run


def team(run: Run, figures: Figures) -> list[Block]:
    """The coverage matrix, gaps, hiring, payroll."""
    words, content = figures.words, (run.plan or {}).get("team") or {}
    if not content.get("matrix"):
        return [Missing(words("absent.team")), *asked(run, figures, "team", nothing=True)]
    return [
        *_gaps(run, figures),
        _matrix(run, figures),
        Drawing(("payroll",), words("absent.payroll")),
        _hiring(run, figures),
        *asked(run, figures, "team"),
    ]


def _gaps(run: Run, figures: Figures) -> list[Block]:
    words, content = figures.words, (run.plan or {})["team"]
    if content["gaps"] is None:
        return [Missing(words("team.unstated"))]
    comma = ", " if words.language == "en" else "、"
    needs = {row["skill"]: row for row in content["skills"]}
    said = []
    for skill in content["gaps"]:
        share = figures.read(figures.numbers.percent(needs[skill]["share"]), needs[skill]["basis"], PLAN)
        said.append(words("team.gap", skill=words.get(f"skill.{skill}", skill), share=share))
    alone = [f"{words.get('skill.' + item['skill'], item['skill'])} ({item['role']})" for item in content["key_person"]]
    if alone:
        said.append(words("team.alone", list=comma.join(alone)))
    return [Said(tuple(said), words("team.gaps"))] if said else []


def _matrix(run: Run, figures: Figures) -> Table:
    """Skills as rows, roles as columns; beside each skill the share of one person's time, and how many people have it."""
    words, numbers, content = figures.words, figures.numbers, (run.plan or {})["team"]
    rows = []
    for row in content["skills"]:
        held = ["?" if one["skills"] is None else "●" if one["skills"].get(row["skill"]) else "" for one in content["matrix"]]
        covered = "–" if row["covered_by"] is None else numbers.plain(row["covered_by"])
        rows.append([words.get(f"skill.{row['skill']}", row["skill"]), numbers.percent(row["share"]), *held, covered])
    roles = [
        member["role"]
        if member["count"] == 1
        else words("team.several", role=member["role"], count=numbers.plain(member["count"]))
        for member in content["matrix"]
    ]
    columns = [words("team.skill"), words("team.need"), *roles, words("team.covered")]
    basis = weakest("assumed", *(row["basis"] for row in content["skills"]))
    return Table(words("team.matrix"), columns, rows, (PLAN,), basis)


def _hiring(run: Run, figures: Figures) -> Table:
    words, numbers, content = figures.words, figures.numbers, (run.plan or {})["team"]
    rows = [
        [
            item["role"],
            numbers.plain(item["count"]),
            numbers.plain(item["month"]),
            numbers.plain(item["full_speed_month"]),
            numbers.money(item["cost_a_month"], content["currency"]),
        ]
        for item in content["hiring"]
    ]
    columns = [words(f"team.{key}") for key in ("role", "people", "month", "speed", "cost")]
    return Table(words("team.hiring"), columns, rows, (PLAN,), weakest(content["basis"]))
