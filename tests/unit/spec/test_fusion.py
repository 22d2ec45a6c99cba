"""Fusions in the project file: members are named, and what can't be combined is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelwright.base.errors import SpecError
from modelwright.spec.load import Loaded, from_values, load
from modelwright.tasks.contract import TASKS


def project(folder: Path, routes: str, more: str = "") -> Loaded:
    text = f"project: p\ntask: text-classification\ndata: {{source: rows.csv}}\nroutes:\n{routes}{more}"
    (folder / "modelwright.yaml").write_text(text)
    return load(folder, TASKS)


def test_members_default_to_all_other_routes(tmp_path):
    loaded = project(
        tmp_path, "  both: {route: fusion}\n  tfidf-linear: {}\n  fasttext: {}\n  stacked: {route: fusion, method: stack}\n"
    )
    assert loaded.project.routes["both"].members == ("tfidf-linear", "fasttext")
    assert loaded.project.routes["stacked"].members == ("tfidf-linear", "fasttext")
    assert loaded.resolved["routes"]["both"]["members"] == ["tfidf-linear", "fasttext"]
    again = from_values(loaded.resolved | {"routes": loaded.resolved["routes"]}, TASKS, tmp_path)
    assert again.project.routes == loaded.project.routes


@pytest.mark.parametrize(
    ("routes", "more", "said"),
    [
        ("  fusion: {members: [tfidf-linear, textcn]}\n  tfidf-linear: {}\n", "", "'textcn', which is no route"),
        ("  fusion: {}\n  other: {route: fusion, members: [fusion, tfidf-linear]}\n  tfidf-linear: {}\n", "", "combines 1 of"),
        (
            "  other: {route: fusion, members: [fusion, tfidf-linear]}\n  fusion: {}\n  tfidf-linear: {}\n  fasttext: {}\n",
            "",
            "'fusion', which is a fusion",
        ),
        ("  fusion: {}\n", "", "combines 0 of"),
        ("  fusion: {method: weights}\n  textcnn: {}\n  fasttext: {}\n", "", "averages the weights of fasttext, textcnn"),
        (
            "  fusion: {method: weights}\n  one: {route: tfidf-linear}\n  two: {route: tfidf-linear}\n",
            "",
            "averages the weights of",
        ),
        ("  fusion: {of: logits, method: stack}\n  textcnn: {}\n  fasttext: {}\n", "", "of only with method: average"),
        ("  fusion: {strength: 2}\n  textcnn: {}\n  fasttext: {}\n", "", "strength only with method: stack"),
        (
            "  fusion: {members: [textcnn, fasttext], shares: [1]}\n  textcnn: {}\n  fasttext: {}\n",
            "",
            "one of the shares for each",
        ),
        ("  fusion: {members: [textcnn, textcnn]}\n  textcnn: {}\n", "", "each member once"),
        (
            "  fusion: {}\n  textcnn: {}\n  fasttext: {}\n",
            "tune:\n  fusion: {space: {strength: {low: 0.1, high: 1}}}\n",
            "has nothing to train",
        ),
    ],
)
def test_what_can_not_be_combined_is_refused_with_its_place(tmp_path, routes, more, said):
    with pytest.raises(SpecError) as caught:
        project(tmp_path, routes, more)
    assert said in str(caught.value)
    assert "modelwright.yaml:" in caught.value.where
    assert caught.value.remedy
