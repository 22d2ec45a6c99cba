"""Cards of a release: metadata that the hub reads, honest limits, licences that are unknown where nobody stated them."""

from __future__ import annotations

import json
import warnings

import pytest
import yaml
from tests.report_run import HOSTILE, build

from modelwright.report.cards import data_card, licences, model_card

ABOUT = {
    "format": 1,
    "name": "news-desk",
    "task": "text-classification",
    "route": "tfidf-linear",
    "variant": "int8",
    "created": "2026-11-22T14:12:09+00:00",
    "metrics": {
        "validation": {"macro-f1": {"value": 0.9708}},
        "test": {"macro-f1": {"value": 0.9728, "low": 0.9598, "high": 0.9845}, "accuracy": {"value": 0.9731}},
    },
}


@pytest.fixture
def made(tmp_path):
    run = build(tmp_path)
    return json.loads((run / "choose/decision.json").read_text()), json.loads((run / "data/card.json").read_text())


def metadata(card: str) -> dict:
    _, head, _ = card.split("---\n", 2)
    return yaml.safe_load(head)


def test_the_hub_reads_the_metadata(made):
    huggingface_hub = pytest.importorskip("huggingface_hub")
    decision, data = made
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        card = huggingface_hub.ModelCard(model_card(ABOUT, decision, data))
    assert card.data.pipeline_tag == "text-classification"
    assert card.data.license == "other" and card.data.license_link == "LICENSES.json"
    result = next(item for item in card.data.eval_results if item.metric_type == "macro-f1")
    assert result.metric_value == 0.9728 and result.dataset_split == "test" and result.dataset_name == "bbc-news"


@pytest.mark.parametrize(("language", "said"), [("en", "## Intended use"), ("zh", "## 预期用途")])
def test_the_card_says_what_was_measured(made, language, said):
    decision, data = made
    card = model_card(ABOUT, decision, data, language)
    assert said in card
    assert "0.973 [0.960–0.985]" in card and "0.971" in card
    assert decision["reason"][language] in card
    assert "`sport`" in card and "2,127" in card and "modelwright serve" in card
    assert metadata(card)["language"] == ["en"]


def test_a_checkpoint_brings_its_licence_or_an_open_question(made):
    decision, data = made
    known = {"name": "all-MiniLM-L6-v2", "licence": "Apache-2.0", "citation": "Wang 2020"}
    card = model_card(ABOUT, decision, data, start="hf://org/name@main", checkpoint=known)
    assert metadata(card)["license"] == "apache-2.0" and metadata(card)["base_model"] == "org/name"
    assert metadata(model_card(ABOUT, decision, data, start="catalogue://minilm"))["license"] == "other"
    rights = {item["what"]: item for item in licences(data, "catalogue://minilm")}
    assert rights["data"]["licence"] == "MIT" and "upstream" in rights["data"]["note"]
    assert rights["checkpoint"]["licence"] == "unknown" and "before you ship" in rights["checkpoint"]["note"]
    assert rights["code"]["licence"] == "Apache-2.0"
    assert licences(data, "x", known)[1]["note"] is None
    assert [item["what"] for item in licences({"provenance": []})] == ["code"]


def test_limits_follow_the_evidence(made):
    decision, data = made
    good = model_card(ABOUT, {**decision, "confirmed_on_test": True, "conditions_met": True}, data)
    bad = model_card(ABOUT, {**decision, "confirmed_on_test": False, "conditions_met": False}, data)
    for sentence in ("not confirmed on the test rows", "does not meet every condition"):
        assert sentence in bad and sentence not in good
    assert "At least one licence is unconfirmed" in good  # the package's licence may not be the data's


def test_metrics_that_are_missing_are_said_to_be(made):
    decision, data = made
    card = model_card({**ABOUT, "metrics": {"validation": None, "test": None}}, decision, data)
    assert "No metric was recorded" in card and "model-index" not in metadata(card)


def test_foreign_text_stays_text(made):
    decision, data = made
    item = {"name": "x|y" + HOSTILE, "source": "[a](javascript:b)", "licence": None, "citation": None}
    hostile = {**data, "labels": {"a`b|c\n# d": 3}, "provenance": [item]}
    card = model_card({**ABOUT, "name": "n: [" + HOSTILE}, decision, hostile)
    body = card.split("---\n", 2)[2]
    assert "<script" not in body and "[a](" not in body.replace("\\[", "") and "\n# d" not in body
    assert metadata(card)["model-index"][0]["name"] == "n: [" + HOSTILE
    table = [line for line in body.splitlines() if line.startswith("| data")]
    assert table and table[0].replace("\\|", "").count("|") == 5


def test_the_data_card_counts(made):
    _, data = made
    text = data_card(data, "zh")
    assert "# 数据卡" in text and "| `sport` | 504 | 24% |" in text and "| exact-duplicate | 98 |" in text
    assert "modelwright" not in text
