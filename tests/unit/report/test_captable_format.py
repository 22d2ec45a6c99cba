"""The Open Cap Format export: required fields, references that resolve, checksums, and the same number of shares."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import date

import pytest

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
