"""The team: skills, gaps, what hangs on one person, pay by country, and the speed of new people."""

from __future__ import annotations

import pytest

from modelwright.base.errors import SpecError
from modelwright.venture.staffing import known_skills
from venture_plans import planned, settings_of

PEOPLE = [
    {"role": "engineer", "salary": "1000 per month", "count": 2, "skills": ["machine-learning", "software-engineering"]},
    {"role": "founder", "salary": "0", "skills": ["sales", "finance", "machine-learning"]},
    {"role": "operator", "salary": "2000 per month", "start_month": 4, "ramp_months": 3, "skills": ["operations"]},
]


def test_coverage_gaps_and_key_persons():
    found = planned(settings_of(team=PEOPLE), routes=("gradient", "checkpoint"))["team"]
    rows = {row["skill"]: row for row in found["skills"]}
    assert rows["machine-learning"]["covered_by"] == 3 and rows["operations"]["covered_by"] == 1
    assert rows["machine-learning"]["share"] == pytest.approx(0.3 + 0.1 + 0.3 + 0.2)
    assert "licensing" in found["gaps"] and "machine-learning" not in found["gaps"]
    assert {(row["skill"], row["role"]) for row in found["key_person"]} == {
        ("sales", "founder"),
        ("finance", "founder"),
        ("operations", "operator"),
    }
    assert "licensing" not in [row["skill"] for row in planned(settings_of(team=PEOPLE), routes=("fit",))["team"]["skills"]]
    assert all(row["source"] and row["basis"] == "fallback" for row in found["skills"])


def test_hiring_payroll_and_ramp():
    found = planned(settings_of(team=PEOPLE))["team"]
    assert found["payroll"][:5] == pytest.approx([2500, 2500, 2500, 5000, 5000])
    assert found["heads"][:5] == [3, 3, 3, 4, 4]
    assert found["productive"][:8] == pytest.approx([3, 3, 3, 3.25, 3.5, 3.75, 4, 4])
    assert found["hiring"][-1] == {"role": "operator", "count": 1, "month": 4, "full_speed_month": 7, "cost_a_month": 2500}


def test_a_country_loads_its_people_where_nothing_is_stated():
    team = [{"role": "a", "salary": "1000 per month", "country": "SE"}, {"role": "b", "salary": "1000 per month"}]
    found = planned(settings_of(team=team, payroll_load=None))
    assert found["team"]["payroll"][0] == pytest.approx(1000 * 1.314 + 1000 * 1.25)
    assert found["team"]["basis"] == "fallback"
    rows = {row["key"]: row for row in found["assumptions"]}
    assert rows["venture.team.0.country"]["basis"] == "fallback" and "2025-06-30" in rows["venture.team.0.country"]["source"]
    stated = planned(settings_of(team=team))["team"]
    assert stated["payroll"][0] == pytest.approx(2500) and stated["basis"] == "assumed"


def test_skills_that_nobody_stated_are_asked_for_and_not_called_gaps():
    found = planned(settings_of())["team"]
    assert found["asked"] == ["venture.team.0.skills"] and found["gaps"] is None and found["key_person"] is None


@pytest.mark.parametrize(
    "member, where", [({"skills": ["juggling"]}, "venture.team.0.skills"), ({"country": "XX"}, "venture.team.0.country")]
)
def test_words_that_no_table_knows_are_refused(member, where):
    with pytest.raises(SpecError) as caught:
        planned(settings_of(team=[{"role": "a", "salary": "5", **member}]))
    assert caught.value.where == where
    assert "machine-learning" in known_skills()
