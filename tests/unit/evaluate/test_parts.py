"""Slices, confusion, reliability, mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from modelwright.base.errors import SpecError
from modelwright.base.nouns import Column, Prediction, Row
from modelwright.evaluate.answers import answers, excerpt, mistakes, statements
from modelwright.evaluate.calibration import reliability
from modelwright.evaluate.confusion import MOST_LABELS, OTHERS, confusion
from modelwright.evaluate.slices import MOST_VALUES, gaps, score_slices, slice_rows
from modelwright.tasks.measures.classification import calibration_error
from modelwright.tasks.text_classification import Classification

COLUMNS = (Column("text", "text", input=True), Column("label", "label", input=False))


def row(number, **values):
    return Row(f"r{number}", {"text": "x" * (number + 1), "label": "a", **values})


def test_length_is_cut_into_three_parts_that_cover_every_row_once():
    parts = slice_rows([row(number) for number in range(30)], COLUMNS, ())
    assert [(column, value) for column, value, _ in parts] == [("length", "1–10"), ("length", "11–20"), ("length", "21–30")]
    assert sorted(np.concatenate([where for _, _, where in parts])) == list(range(30))


def test_equal_lengths_make_one_part():
    rows = [Row(f"r{number}", {"text": "same", "label": "a"}) for number in range(9)]
    ((column, value, where),) = slice_rows(rows, COLUMNS, ())
    assert (column, value, len(where)) == ("length", "4", 9)


def test_named_columns_are_sliced_by_value_the_most_frequent_first():
    rows = [row(number, source="radio" if number % 3 else None, label=("a", "b")) for number in range(12)]
    parts = [part for part in slice_rows(rows, COLUMNS, ("source", "label")) if part[0] != "length"]
    assert [(column, value, len(where)) for column, value, where in parts] == [
        ("source", "radio", 8),
        ("source", "None", 4),
        ("label", "a, b", 12),
    ]


def test_many_numbers_are_cut_into_terciles_and_many_words_into_others():
    rows = [row(number, age=float(number), word=f"w{number}") for number in range(60)]
    parts = slice_rows(rows, COLUMNS, ("age", "word"))
    assert [value for column, value, _ in parts if column == "age"] == ["0–19", "20–39", "40–59"]
    words = [(value, len(where)) for column, value, where in parts if column == "word"]
    assert len(words) == MOST_VALUES and words[-1] == (OTHERS, 60 - MOST_VALUES + 1)


def test_a_column_that_no_row_has_is_named_with_those_that_exist():
    with pytest.raises(SpecError, match="sauce") as caught:
        slice_rows([row(1, source="x")], COLUMNS, ("sauce",))
    assert "source" in caught.value.expected and caught.value.where == "evaluate.slices"


def test_small_slices_have_figures_but_no_interval():
    rows = [row(number, kind="rare" if number < 9 else "common") for number in range(40)]
    parts = [part for part in slice_rows(rows, COLUMNS, ("kind",)) if part[0] == "kind"]
    right = {"right": np.arange(40) % 4 != 0}
    found = score_slices(parts, lambda one: {"accuracy": float(one["right"].mean())}, right, [one.id for one in rows], 100, 0)
    common, rare = (part.as_json() for part in found)
    assert (rare["value"], rare["rows"], rare["small"]) == ("rare", 9, True)
    assert rare["metrics"]["accuracy"] == {"value": pytest.approx(6 / 9), "low": None, "high": None}
    assert common["small"] is False and common["metrics"]["accuracy"]["low"] < common["metrics"]["accuracy"]["high"]


def test_the_gap_lies_between_the_best_and_the_worst_large_part():
    rows = [row(number, kind="abcd"[number % 4] if number < 400 else "tiny") for number in range(405)]
    rights = {"a": 1.0, "b": 0.9, "c": 0.5, "d": 0.7}
    draw = np.random.default_rng(0)
    right = {"right": np.array([draw.random() < rights.get(one.values["kind"], 0.0) for one in rows])}
    parts = slice_rows(rows, COLUMNS, ("kind",))
    found = score_slices(parts, lambda one: {"accuracy": float(one["right"].mean())}, right, [one.id for one in rows], 300, 0)
    (gap,) = gaps(found, ("kind", "kind"), "accuracy")
    assert (gap["column"], gap["best"], gap["worst"], gap["left_out"]) == ("kind", "a", "c", ["tiny"])
    assert gap["low"] < gap["value"] < gap["high"]
    assert gap["low"] < 0.5 < gap["high"]
    assert gaps(found, ("length",), "accuracy")[0]["column"] == "length"
    assert gaps([part for part in found if part.value in ("a", "tiny")], ("kind",), "accuracy") == []


def test_confusion_agrees_with_scikit_learn():
    generator = np.random.default_rng(0)
    truths = generator.choice(["a", "b", "c"], 200, p=[0.2, 0.5, 0.3]).tolist()
    predicted = generator.choice(["a", "b", "c", "d"], 200).tolist()
    found = confusion(truths, predicted)
    assert found["labels"] == ["b", "c", "a", "d"]
    assert found["counts"] == confusion_matrix(truths, predicted, labels=found["labels"]).tolist()


def test_hundreds_of_labels_are_folded_and_no_row_is_lost():
    truths = [f"l{number % 80:02}" for number in range(240)]
    found = confusion(truths, truths)
    counts = np.array(found["counts"])
    assert len(found["labels"]) == MOST_LABELS and found["labels"][-1] == OTHERS
    assert counts.sum() == 240 and counts[-1, -1] == 3 * (80 - MOST_LABELS + 1)


def test_reliability_bins_give_the_calibration_error_of_the_task():
    generator = np.random.default_rng(0)
    stated = generator.random(500)
    right = generator.random(500) < stated**2
    bins = reliability(stated.tolist(), right.tolist())
    gap = sum(part["rows"] * abs(part["accuracy"] - part["confidence"]) for part in bins) / 500
    assert sum(part["rows"] for part in bins) == 500
    assert gap == pytest.approx(calibration_error(stated, right))


def test_reliability_leaves_empty_bins_out_and_keeps_the_ends():
    bins = reliability([0.0, 1.0, 1.0], [False, True, False], bins=10)
    assert [(part["low"], part["high"], part["rows"], part["accuracy"]) for part in bins] == [
        (0.0, 0.1, 1, 0.0),
        (0.9, 1.0, 2, 0.5),
    ]


def said(number, label, probability, labels=None, scores=None):
    return Classification(f"r{number}", label, labels or (label,), probability, scores or {label: probability})


def test_mistakes_are_the_most_confident_first_with_an_excerpt():
    rows = [row(number, text=f"text {number}\n" + "long " * 300) for number in range(4)]
    found = answers(rows, [said(0, "a", 0.9), said(1, "b", 0.6), said(2, "b", 0.8), said(3, "b", 0.7)], "label")
    kept = mistakes(found, 2, lambda row: {"text": row.values["text"]})
    assert [(one["row_id"], one["truth"], one["predicted"], one["probability"]) for one in kept] == [
        ("r2", "a", "b", 0.8),
        ("r3", "a", "b", 0.7),
    ]
    assert kept[0]["input"].startswith("text 2 long") and kept[0]["input"].endswith(" …") and len(kept[0]["input"]) <= 602


def test_several_labels_are_right_only_together_and_state_each_label():
    rows = [row(0, label=("a", "b")), row(1, label=("a",))]
    scores = {"a": 0.9, "b": 0.2}
    found = answers(rows, [said(0, "a", 0.9, ("a",), scores), said(1, "a", 0.9, ("a",), scores)], "label")
    assert [one.right for one in found] == [False, True]
    assert mistakes(found, 5, lambda row: {"text": row.values["text"]})[0]["truth"] == ["a", "b"]
    stated, true = statements(found)
    assert stated == [0.9, 0.8, 0.9, 0.8] and true == [True, False, True, True]


def test_answers_without_labels_have_no_such_parts():
    assert answers([row(0)], [Prediction("r0")], "label") == []
    assert answers([row(0)], [said(0, "a", 0.5)], None) == []


def test_an_excerpt_without_spaces_is_cut_at_its_length():
    assert excerpt("字" * 700) == "字" * 600 + " …"
    assert excerpt(" short \n text ") == "short text"
