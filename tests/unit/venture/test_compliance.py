"""The checklist: what a state rests on, what applies to whom, and that taking evidence away never improves it."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.base.errors import SpecError
from modelwright.base.evidence import Evidence, Source
from modelwright.venture.compliance import check, draft
from modelwright.venture.compliance.catalogue import instruments, items
from modelwright.venture.compliance.checks import ORDER, worst

TODAY = date(2026, 11, 22)


def record(name, value, low=None, high=None, basis="measured", time="2026-11-20T09:00:00+00:00"):
    return {name: Evidence(name, value, "1", basis, Source("run", "s", "c", "h", time), low, high)}


def ledger() -> dict[str, Evidence]:
    """Of a run that measured everything the checklist asks for."""
    found = (
        record("train/bilstm/time", 60.0)
        | record("train/bilstm/devices", 1)
        | record("train/bilstm/energy", 0.01, basis="estimated")
    )
    found |= record("evaluate/bilstm/test/macro-f1", 0.97, 0.96, 0.98) | record("evaluate/bilstm/robustness-loss", 0.02)
    found |= record("evaluate/bilstm/fairness-gap", 0.01) | record("evaluate/bilstm/membership-advantage", 0.02)
    found |= record("evaluate/bilstm/refusal", 0.97) | record("evaluate/bilstm/over-refusal", 0.02)
    found |= record("data/contradictions", 0) | record("data/label-agreement", 0.9) | record("operate/drift", 0.05)
    found |= record("data/personal-data-kept", 0) | record("data/personal-data-found", 0)
    return found | record("operate/log-days", 200) | record("serve/marked-share", 1.0)


def files() -> dict[str, Any]:
    source = {"name": "bbc-news", "version": "1", "sha256": "ab", "licence": "MIT"}
    return {
        "run.json": {"created": "2026-11-20T09:00:00+00:00"},
        "data/card.json": {"provenance": [source]},
        "choose/decision.json": {"route": "bilstm", "metric": "macro-f1"},
        "release/release.json": {"route": "bilstm"},
        "release/README.md": "A text-classification model by bilstm on bbc-news.",
        "release/manifest.json": {"files": {"model.onnx": "cd"}},
        "rehearse/load.json": {"best": {"errors": 0}},
        "evaluate/bilstm/evaluation.json": {"calibration": {"bins": [{"confidence": 0.9}]}},
        "plan/risks.json": {"counts": {"triggered": 0, "no evidence": 0}, "risks": [{"owner": "Ada"}]},
    }


def word(**changes):
    return {"by": "Ada, founder", "given": "2026-11-01", "statement": "Done; see the archive.", **changes}


def project(**compliance) -> dict[str, Any]:
    stated = {"markets": ["EU", "CN", "US"], "role": "provider", "use": ["employment"], **compliance}
    stated.setdefault("attestations", {name: word() for name, item in items().items() if item.attest})
    routes = {"bilstm": {"route": "bilstm"}}
    return {
        "task": "text-classification",
        "routes": routes,
        "choose": {"at_least": 0.95},
        "serve": {"log": "requests.jsonl"},
        "compliance": stated,
    }


def states(found):
    return {item["id"]: item["state"] for item in found["items"]}


def test_the_shipped_list_is_whole():
    assert len(items()) >= 22
    for item in items().values():
        for words in (item.title, item.proof, item.next, *(entry.text for entry in item.checks)):
            assert words["en"].strip() and words["zh"].strip(), item.id
        assert item.clauses
    for law in instruments().values():
        assert law.official.startswith("http") and all(part.source for part in law.parts.values())
    assert {"EU", "CN", "US", "*"} == {law.market for law in instruments().values()}


def test_a_run_that_shows_everything():
    found = check(project(), ledger(), files(), TODAY)
    assert set(states(found).values()) == {"pass", "human attestation"}
    assert found["counts"]["no evidence"] == found["counts"]["fail"] == 0
    assert states(found)["bias"] == "pass" and states(found)["quality-management"] == "human attestation"
    assert found["classification"]["model_class"] == "not general-purpose" and not found["classification"]["asked"]


def test_nothing_shown_nothing_passes():
    found = check({}, {}, {}, TODAY)
    assert set(states(found).values()) == {"no evidence"} and len(found["items"]) == len(items())
    assert found["classification"]["model_class"] == "unknown"
    assert found["classification"]["asked"] == [
        "compliance.markets",
        "compliance.role",
        "compliance.use",
        "compliance.generative",
    ]


def test_a_document_alone_never_passes():
    run = files() | {"release/README.md": "A fine model."}
    assert states(check(project(), ledger(), run, TODAY))["system-description"] == "fail"
    everything = {f"{name}.md": "done" for name in items()} | {f"{name}.pdf": "done" for name in items()}
    assert set(states(check({}, {}, everything, TODAY)).values()) == {"no evidence"}


@pytest.mark.parametrize(
    ("change", "item", "expected"),
    [
        (record("evaluate/bilstm/fairness-gap", 0.2), "bias", "fail"),
        (record("evaluate/bilstm/fairness-gap", 0.01, basis="assumed"), "bias", "no evidence"),
        (record("evaluate/bilstm/fairness-gap", 0.01, time="2025-11-01T00:00:00+00:00"), "bias", "stale"),
        (record("evaluate/bilstm/test/macro-f1", 0.97), "accuracy-robustness-security", "no evidence"),
        (record("evaluate/bilstm/test/macro-f1", 0.97, 0.94, 0.99), "accuracy-robustness-security", "fail"),
        (record("operate/log-days", 30), "logging", "fail"),
        (record("data/personal-data-kept", 3), "personal-data", "fail"),
    ],
)
def test_evidence_decides(change, item, expected):
    assert states(check(project(), ledger() | change, files(), TODAY))[item] == expected


def test_a_persons_word_grows_old_and_never_passes():
    known = project()["compliance"]["attestations"]
    for changed, expected in (
        (word(given="2025-11-22"), "stale"),
        (word(given="2026-12-01"), "no evidence"),
        (None, "no evidence"),
    ):
        given_ = (
            {**known, "filing": word(), "user-rights": changed}
            if changed
            else {k: v for k, v in known.items() if k != "user-rights"}
        )
        assert states(check(project(attestations=given_), ledger(), files(), TODAY))["user-rights"] == expected
    assert states(check(project(), ledger(), files(), TODAY))["user-rights"] == "human attestation"


def test_what_applies_to_whom():
    us = check(project(markets=["US"]), ledger(), files(), TODAY)
    assert {clause["market"] for item in us["items"] for clause in item["clauses"]} == {"US", "*"}
    assert "filing" in {row["id"] for row in us["not_applicable"]}
    modest = check(project(use=["none"], personal_data=False), ledger(), files(), TODAY)
    gone = {row["id"]: row["because"]["en"] for row in modest["not_applicable"]}
    assert "logging" in gone and "memorisation" in gone and "high-risk" in gone["logging"]
    unattested = project(use=["none"], attestations={})
    assert "logging" in states(check(unattested, ledger(), files(), TODAY))
    product = check(project(use=["regulated-product"]), ledger(), files(), TODAY)
    (clause,) = [row for item in product["items"] if item["id"] == "retention" for row in item["clauses"]]
    assert clause["effective"] == "2028-08-02" and not clause["in_force"] and not clause["confirmed"]


@pytest.mark.parametrize(
    ("flops", "base", "starts", "expected"),
    [
        (1e20, None, None, "not general-purpose"),
        (2e23, None, None, "general-purpose"),
        (2e25, None, None, "general-purpose, systemic risk"),
        (None, None, None, "not general-purpose"),
        (1e20, None, "hf://org/base", "unknown"),
        (1e20, 1e24, "hf://org/base", "not general-purpose"),
        (5e23, 1e24, "hf://org/base", "general-purpose"),
    ],
)
def test_model_class_from_measured_operations(flops, base, starts, expected):
    settings_ = project(base_model_flops=base) | {"task": "text-generation"}
    settings_["routes"] = {"bilstm": {"route": "bilstm", "from": starts}}
    measured = (
        ledger() | record("train/bilstm/time", 1e7 if flops else 60.0) | record("train/bilstm/devices", 10_000 if flops else 1)
    )
    measured |= record("train/bilstm/flops", flops, basis="estimated") if flops else {}
    found = check(settings_, measured, files(), TODAY)["classification"]
    assert found["model_class"] == expected
    del measured["train/bilstm/time"]
    measured.pop("train/bilstm/flops", None)
    assert check(settings_, measured, files(), TODAY)["classification"]["model_class"] == "unknown"


def test_no_claim_above_what_the_devices_can_do():
    measured = ledger() | record("train/bilstm/flops", 1e24, basis="estimated")
    found = check(project() | {"task": "text-generation"}, measured, files(), TODAY)["classification"]
    assert (
        found["flops"]["kind"] == "at most" and found["flops"]["value"] < 1e18 and found["model_class"] == "not general-purpose"
    )


def test_a_word_for_what_is_no_item_is_refused():
    with pytest.raises(SpecError, match="'biass' is no item"):
        check(project(attestations={"biass": word()}), {}, {}, TODAY)
    with pytest.raises(SpecError, match="it is measured"):
        check(project(attestations={"bias": word()}), {}, {}, TODAY)
    with pytest.raises(SpecError, match="no item"):
        check(project(owners={"nobody": "Ada"}), {}, {}, TODAY)


def test_a_failure_shows_through():
    assert worst(["no evidence", "fail", "pass"]) == "fail" and worst(["stale", "no evidence"]) == "no evidence"


BAD = [
    record("evaluate/bilstm/fairness-gap", 0.5),
    record("data/contradictions", 7),
    record("data/personal-data-found", 3) | record("data/personal-data-kept", 3),
    record("operate/drift", 0.05, time="2024-01-01T00:00:00+00:00"),
    record("train/bilstm/flops", 1e24, basis="estimated"),
    record("train/bilstm/flops", 1e24, basis="estimated") | record("train/bilstm/time", 1e9),
    record("evaluate/bilstm/test/macro-f1", 0.5, 0.4, 0.6),
]
RANK = {state: place for place, state in enumerate(ORDER)} | {"not applicable": len(ORDER)}


def ranked(found):
    states_ = {row["id"]: "not applicable" for row in found["not_applicable"]} | states(found)
    return {name: RANK[state] for name, state in states_.items()}


@st.composite
def runs(draw):
    """A run, good or bad in places, and the same run with some evidence taken away: records, files, keys, attestations."""
    evidence = ledger()
    for bad in draw(st.lists(st.sampled_from(BAD), max_size=3)):
        evidence |= bad
    artefacts = files()
    if draw(st.booleans()):
        artefacts["release/release.json"] = {"route": "finetune"}
    if draw(st.booleans()):
        artefacts["data/card.json"]["provenance"][0]["licence"] = draw(st.sampled_from(["unknown", None]))
    stated = {
        "use": draw(st.sampled_from([["none"], ["employment"], None])),
        "personal_data": draw(st.sampled_from([True, False, None])),
    }
    stated |= {"generative": draw(st.sampled_from([None, True])), "markets": draw(st.sampled_from([["EU"], ["CN"], None]))}
    full = project(**stated) | {"task": draw(st.sampled_from(["text-classification", "text-generation", "something"]))}
    less_evidence = {name: value for name, value in evidence.items() if draw(st.integers(0, 3))}
    less_artefacts = {name: copy.deepcopy(value) for name, value in artefacts.items() if draw(st.integers(0, 4))}
    for value in less_artefacts.values():
        if isinstance(value, dict) and not draw(st.integers(0, 3)):
            value.pop(draw(st.sampled_from(sorted(value))))
    less = copy.deepcopy(full)
    attested = less["compliance"]["attestations"]
    less["compliance"]["attestations"] = {name: value for name, value in attested.items() if draw(st.integers(0, 3))}
    return (full, evidence, artefacts), (less, less_evidence, less_artefacts)


@settings(max_examples=200, deadline=None)
@given(runs())
def test_taking_evidence_away_never_improves_a_state(pair):
    before, after = (ranked(check(*run, TODAY)) for run in pair)
    better = {name: (before[name], after[name]) for name in before if after[name] > before[name]}
    assert not better


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_draft_shows_what_is_absent(language):
    full = draft(project(), ledger(), files(), TODAY, language)
    empty = draft({}, {}, {}, TODAY, language)
    absent = {"en": "**absent**", "zh": "**缺失**"}[language]
    assert full.count("\n## ") == empty.count("\n## ") == 9
    assert 0 < full.count(absent) < empty.count(absent) == sum(line.startswith("- ") for line in empty.splitlines())
    assert "bilstm" in full and "[0.9600–0.9800]" in full
    hostile = files() | {"data/card.json": {"provenance": [{"name": "<script>|`x`\n# y", "licence": "MIT"}]}}
    text = draft(project(), ledger(), hostile, TODAY, language)
    assert "<script>" not in text.replace("\\<", "") and "\n# y" not in text
