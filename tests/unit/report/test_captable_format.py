"""The Open Cap Format export: required fields, references that resolve, checksums, and the same number of shares."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.unit.report import open_cap_format

from modelwright.base.errors import SpecError
from modelwright.report.captable_format import write_captable
from modelwright.spec.financing import Financing
from modelwright.venture.financing import finance

MILLION = 1_000_000
STATED = {
    "company": {"legal_name": "News Desk Ltd", "formed": "2026-01-15", "country": "GB"},
    "founders": {"ann": 4 * MILLION, "bo": 4 * MILLION},
    "pool": {"granted": {"cy": 200_000}, "size": MILLION},
    "instruments": [
        {"holder": "angel", "amount": 500_000, "cap": 5 * MILLION},
        {
            "holder": "lender",
            "kind": "note",
            "amount": 200_000,
            "cap": 6 * MILLION,
            "discount": "20%",
            "interest": "8% per year",
            "month": 2,
        },
        {"holder": "late", "amount": 100_000, "cap": 30 * MILLION, "month": 30},
    ],
    "rounds": [
        {"name": "seed", "month": 8, "pre_money": 12 * MILLION, "investors": {"fund": 3 * MILLION}, "pool": "10%"},
        {"name": "A", "after": "seed", "pre_money": 9 * MILLION, "investors": {"big": 5 * MILLION}, "pro_rata": ["fund"]},
    ],
}
COMMON = {"object_type", "id"}
ISSUED = COMMON | {"security_id", "date", "custom_id", "stakeholder_id", "security_law_exemptions"}
REQUIRED = {
    "ISSUER": COMMON | {"legal_name", "formation_date", "country_of_formation"},
    "STAKEHOLDER": COMMON | {"name", "stakeholder_type"},
    "STOCK_CLASS": COMMON
    | {"name", "class_type", "default_id_prefix", "initial_shares_authorized", "votes_per_share", "seniority"},
    "STOCK_PLAN": COMMON | {"plan_name", "initial_shares_reserved", "stock_class_ids"},
    "TX_STOCK_ISSUANCE": ISSUED | {"stock_class_id", "share_price", "quantity", "stock_legend_ids"},
    "TX_CONVERTIBLE_ISSUANCE": ISSUED | {"convertible_type", "investment_amount", "conversion_triggers", "seniority"},
    "TX_CONVERTIBLE_CONVERSION": COMMON | {"security_id", "date", "reason_text", "trigger_id", "resulting_security_ids"},
    "TX_STOCK_PLAN_POOL_ADJUSTMENT": COMMON | {"date", "stock_plan_id", "shares_reserved"},
    "TX_STOCK_CLASS_CONVERSION_RATIO_ADJUSTMENT": COMMON | {"date", "stock_class_id", "new_ratio_conversion_mechanism"},
}
"""What the published schemas require of each object."""


@pytest.fixture
def package(tmp_path):
    settings = Financing.model_validate(STATED)
    found = finance(settings, currency="USD")
    manifest = write_captable(settings, found, date(2026, 11, 1), date(2026, 11, 22), tmp_path / "captable")
    files = {file.name: json.loads(file.read_text()) for file in manifest.parent.iterdir()}
    return found, json.loads(manifest.read_text()), files, manifest.parent


def everything(files):
    return [item for content in files.values() for item in content.get("items", [])]


def test_required_fields_and_references(package):
    _, manifest, files, _ = package
    objects = [*everything(files), manifest["issuer"]]
    kinds = {item["object_type"] for item in objects}
    assert kinds == set(REQUIRED)
    for item in objects:
        assert REQUIRED[item["object_type"]] <= item.keys(), item
    known = {item["id"] for item in objects} | {item["security_id"] for item in objects if "security_id" in item}
    assert len({item["id"] for item in objects}) == len(objects)
    for item in objects:
        for key in ("stakeholder_id", "stock_class_id", "stock_plan_id", "security_id"):
            assert item.get(key) is None or item[key] in known, (item, key)
        assert set(item.get("resulting_security_ids", [])) <= known
    numbers = re.findall(r'"(?:amount|quantity|shares_reserved|numerator|seniority)": "([^"]+)"', json.dumps(objects))
    assert numbers and all(re.fullmatch(r"[+-]?[0-9]+(\.[0-9]{1,10})?", text) for text in numbers)


def test_the_manifest_names_every_file_with_its_checksum(package):
    _, manifest, files, folder = package
    listed = [item for name, items in manifest.items() if name.endswith("_files") for item in items]
    assert {item["filepath"].removeprefix("./") for item in listed} == files.keys() - {"Manifest.ocf.json"}
    for item in listed:
        assert hashlib.md5((folder / item["filepath"]).read_bytes()).hexdigest() == item["md5"]
    assert manifest["as_of"] == "2026-11-22" and manifest["issuer"]["legal_name"] == "News Desk Ltd"


def test_the_shares_are_those_of_the_cap_table(package):
    found, _, files, _ = package
    objects = everything(files)
    issued: dict[str, int] = {}
    for item in objects:
        if item["object_type"] == "TX_STOCK_ISSUANCE":
            issued[item["stakeholder_id"]] = issued.get(item["stakeholder_id"], 0) + int(item["quantity"])
    names = {item["id"]: item["name"]["legal_name"] for item in objects if item["object_type"] == "STAKEHOLDER"}
    ratios = {
        item["stock_class_id"]: item["new_ratio_conversion_mechanism"]
        for item in objects
        if "new_ratio_conversion_mechanism" in item
    }
    assert len(ratios) == 2, "seed and the note's shares paid more than round A's price"
    converted: dict[str, float] = {}
    for item in objects:
        if item["object_type"] == "TX_STOCK_ISSUANCE":
            ratio = float(ratios[item["stock_class_id"]]["ratio"]["numerator"]) if item["stock_class_id"] in ratios else 1.0
            name = names[item["stakeholder_id"]]
            converted[name] = converted.get(name, 0) + int(item["quantity"]) * ratio
    for row in found["steps"][-1]["holders"]:
        if row["holder"] != "cy":
            assert converted[row["holder"]] == pytest.approx(row["shares"], abs=4), row
    reserved = [int(item["shares_reserved"]) for item in objects if item["object_type"] == "TX_STOCK_PLAN_POOL_ADJUSTMENT"]
    assert reserved == [found["steps"][1]["unissued"] + 200_000]


def test_what_lies_ahead_is_marked_as_planned(package):
    _, _, files, _ = package
    for item in files["Transactions.ocf.json"]["items"]:
        assert ("planned, not issued" in item["comments"]) == (item["date"] > "2026-11-22")


def test_without_the_companys_facts_there_is_no_export(tmp_path):
    settings = Financing.model_validate({key: value for key, value in STATED.items() if key != "company"})
    with pytest.raises(SpecError, match="not described") as caught:
        write_captable(settings, finance(settings, currency="USD"), date(2026, 11, 1), date(2026, 11, 22), tmp_path)
    assert caught.value.where == "financing.company"


AMOUNT = st.integers(50_000, 8 * MILLION)
SHARES = st.integers(100_000, 10 * MILLION)
INSTRUMENT = st.fixed_dictionaries(
    {"holder": st.sampled_from(["angel", "天使", "friend & co"]), "amount": AMOUNT, "month": st.integers(0, 20)},
    optional={
        "kind": st.sampled_from(["post-money-safe", "pre-money-safe", "note"]),
        "cap": st.integers(MILLION, 30 * MILLION),
        "discount": st.sampled_from(["10%", "20%", "12.5%"]),
    },
)
ROUND = st.fixed_dictionaries(
    {
        "pre_money": st.integers(4 * MILLION, 60 * MILLION),
        "investors": st.dictionaries(st.sampled_from(["fund", "big"]), AMOUNT, min_size=1),
    },
    optional={
        "pool": st.sampled_from(["5%", "12%"]),
        "participating": st.booleans(),
        "anti_dilution": st.sampled_from(["broad", "ratchet", "none"]),
        "preference": st.sampled_from([1, 1.5, 2]),
    },
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(
    st.dictionaries(st.sampled_from(["ann", "bo", "王芳"]), SHARES, min_size=1),
    st.integers(0, 2 * MILLION),
    st.lists(INSTRUMENT, max_size=4),
    st.lists(ROUND, max_size=3),
    st.dates(date(2026, 1, 1), date(2029, 12, 31)),
)
def test_whatever_is_stated_the_objects_fit_the_published_shapes(founders, pool, instruments, rounds, today):
    for item in instruments:
        if item.get("kind") == "note":
            item["interest"] = "8% per year"
        if not {"cap", "discount"} & item.keys():
            item["discount"] = "20%"
    named = [{**item, "name": f"round {number}", "month": 6 + 9 * number} for number, item in enumerate(rounds)]
    stated = {
        "company": {"legal_name": "News Desk Ltd", "formed": "2026-01-15", "country": "GB"},
        "founders": founders,
        "pool": {"size": pool, "granted": {"cy": pool // 4} if pool >= 4 else {}},
        "instruments": instruments,
        "rounds": named,
    }
    try:
        ours = Financing.model_validate(stated)
        found = finance(ours, currency="USD")
    except (SpecError, ValidationError):
        assume(False)  # such terms can't be met together, and are refused
    with TemporaryDirectory() as folder:
        place = write_captable(ours, found, date(2026, 11, 1), today, Path(folder) / "captable")
        manifest = json.loads(place.read_text(encoding="utf-8"))
        files = {file.name: json.loads(file.read_text(encoding="utf-8")) for file in place.parent.iterdir()}
    assert list(open_cap_format.MANIFEST(manifest, "manifest")) == []
    objects = everything(files)
    assert [problem for item in objects for problem in open_cap_format.problems(item)] == []
    ids = [item["id"] for item in (*objects, manifest["issuer"])]
    assert len(set(ids)) == len(ids)
    kept = {"OCF_MANIFEST_FILE", *(f"OCF_{name.upper()}_FILE" for name in open_cap_format.FILES)}
    assert {content["file_type"] for content in files.values()} == kept
    known = {item["id"] for item in objects} | {
        item["security_id"] for item in objects if item["object_type"].endswith("_ISSUANCE")
    }
    for item in objects:
        links = [item[key] for key in ("stakeholder_id", "stock_class_id", "stock_plan_id", "security_id") if key in item]
        links += [*item.get("resulting_security_ids", []), *item.get("stock_class_ids", [])]
        assert set(links) <= known, item
    triggers = {trigger["trigger_id"] for item in objects for trigger in item.get("conversion_triggers", [])}
    assert {item["trigger_id"] for item in objects if item["object_type"] == "TX_CONVERTIBLE_CONVERSION"} <= triggers
    for item in objects:
        later = item.get("date", "") > today.isoformat()
        assert ("planned, not issued" in item.get("comments", [])) == later, item


def test_the_examiner_finds_what_is_wrong():
    good = {
        "object_type": "STOCK_PLAN",
        "id": "p",
        "plan_name": "Options",
        "initial_shares_reserved": "5",
        "stock_class_ids": ["c"],
    }
    assert open_cap_format.problems(good) == []
    for wrong in ({"initial_shares_reserved": "5,000"}, {"stock_class_ids": []}, {"colour": "red"}, {"plan_name": ""}):
        assert open_cap_format.problems({**good, **wrong}), wrong
    assert open_cap_format.problems({name: value for name, value in good.items() if name != "plan_name"})
    assert open_cap_format.problems({"object_type": "TX_PARTY"})
