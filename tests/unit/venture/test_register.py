"""The risk register: triggers pulled by the run's own figures; a missing figure is never quiet."""

from __future__ import annotations

from datetime import date

import pytest

from modelwright.base.errors import SpecError
from modelwright.base.evidence import Evidence, Source
from modelwright.spec.risk import RiskSection
from modelwright.venture.facts import Facts, walk
from modelwright.venture.register import STATES, assess, shipped

TODAY = date(2026, 11, 22)
SOURCE = Source("run", "plan", "c", "h", "2026-11-22T09:00:00+00:00")


def record(name, value, low=None, high=None, basis="measured"):
    return {name: Evidence(name, value, "1", basis, SOURCE, low, high)}


def state(found, name):
    return next(row for row in found["risks"] if row["id"] == name)


def own(trigger, **changes):
    entry = {"id": "mine", "kind": "market", "title": "t", "likelihood": 2, "impact": 3, "response": "r", "trigger": trigger}
    return RiskSection.model_validate({"register": [{**entry, **changes}]})


def test_the_shipped_register_is_whole():
    ids = [entry["id"] for entry in shipped()]
    assert len(set(ids)) == len(ids) >= 20
    assert {entry["kind"] for entry in shipped()} == {"technical", "data", "market", "legal", "people", "supplier"}
    for entry in shipped():
        assert entry["title"]["en"] and entry["title"]["zh"] and entry["response"]["en"] and entry["response"]["zh"]


def test_without_evidence_nothing_is_quiet():
    found = assess(None, Facts(), TODAY)
    assert found["counts"]["quiet"] == 0 and found["counts"]["triggered"] == 0
    assert sum(found["counts"].values()) == len(shipped()) and set(found["counts"]) == set(STATES)


def test_triggers_read_evidence_settings_and_artefacts():
    decision = {"route": "bilstm", "metric": "macro-f1", "confirmed_on_test": False}
    evidence = record("evaluate/bilstm/test/macro-f1", 0.94, 0.91, 0.96) | record("plan/ruin-probability", 0.1)
    card = {"provenance": [{"licence": "MIT"}, {"licence": None}]}
    facts = Facts({"choose": {"at_least": 0.93}}, evidence, {"choose/decision.json": decision, "data/card.json": card})
    found = assess(None, facts, TODAY)
    assert state(found, "quality-below-floor")["state"] == "quiet"
    uncertain = state(found, "quality-uncertain")
    assert uncertain["state"] == "triggered" and uncertain["likelihood"] == 5
    assert uncertain["trigger"]["limit"] == 0.93 and uncertain["trigger"]["found"]["value"] == 0.91
    assert uncertain["trigger"]["text"]["en"] == "evaluate/bilstm/test/macro-f1@low is below choose.at_least"
    assert state(found, "ruin")["state"] == "quiet"
    assert state(found, "choice-not-confirmed")["state"] == "triggered"
    assert state(found, "licence-unstated")["state"] == "triggered"
    assert state(found, "single-dataset")["state"] == "quiet"
    assert found["risks"][0]["state"] == "triggered" and found["risks"][-1]["state"] != "triggered"


@pytest.mark.parametrize(
    ("trigger", "value", "expected"),
    [
        ({"watch": "evidence:x", "above": 3}, 4.0, "triggered"),
        ({"watch": "evidence:x", "above": 3}, 3.0, "quiet"),
        ({"watch": "evidence:x", "below": 36}, ">36", "quiet"),
        ({"watch": "evidence:x", "above": 36}, ">36", "triggered"),
        ({"watch": "evidence:x", "above": "setting:none"}, 4.0, "no evidence"),
        ({"watch": "evidence:y", "above": 3}, 4.0, "no evidence"),
        ({"watch": "evidence:x", "one_of": ["Bad"]}, "bad", "triggered"),
        ({"watch": "evidence:x", "below": 3}, "text", "no evidence"),
    ],
)
def test_own_triggers(trigger, value, expected):
    found = assess(own(trigger), Facts(evidence=record("x", value)), TODAY)
    row = state(found, "mine")
    assert row["state"] == expected and row["origin"] == "project" and row["basis"] == "assumed"


def test_own_entries_replace_shipped_ones_and_owners_reach_them():
    section = own(None, id="ruin").model_copy(update={"leave_out": ("drift",), "owners": {"legal": "Ada", "key-person": "Lin"}})
    found = assess(section, Facts(), TODAY)
    ids = [row["id"] for row in found["risks"]]
    assert ids.count("ruin") == 1 and "drift" not in ids and len(ids) == len(shipped()) - 1
    assert state(found, "ruin")["state"] == "by hand" and state(found, "rules-change")["owner"] == "Ada"
    assert state(found, "key-person")["owner"] == "Lin"
    with pytest.raises(SpecError, match="'dirft' is no risk"):
        assess(RiskSection(leave_out=("dirft",)), Facts(), TODAY)


@pytest.mark.parametrize(
    "trigger", [{"watch": "evidence:x"}, {"watch": "evidence:x", "above": 1, "below": 2}, {"watch": "x", "above": 1}]
)
def test_a_trigger_compares_exactly_one_thing(trigger):
    with pytest.raises(ValueError):
        own(trigger)


def test_walk():
    content = {"a": [{"b": 1}, {"b": 2}], "c": {"d": None}}
    assert walk(content, "a.*.b") == [1, 2] and walk(content, "a.1.b") == 2
    assert walk(content, "a.*.x") is None and walk(content, "c.d") is None and walk(content, "c.d", blank=True) == ""
    assert walk({"a": []}, "a.*.b") is None and walk(None, "a") is None
