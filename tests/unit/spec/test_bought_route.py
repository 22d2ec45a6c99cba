"""A bought route beside what belongs to trained ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelwright.base.errors import SpecError
from modelwright.spec.load import load
from modelwright.spec.routes.api import Api
from modelwright.tasks.contract import TASKS

PROJECT = """project: made
task: text-classification
data: {{source: rows.csv, columns: {{text: body, label: topic}}}}
routes:
  tfidf-linear: {{}}
  fasttext: {{}}
  api: {{base_url: https://host/v1, model: m, price_input: 1 USD, price_output: 2 USD, cap: 3 USD{more}}}
{section}
"""


def read(folder: Path, section: str = "", more: str = "") -> Api:
    (folder / "modelwright.yaml").write_text(PROJECT.format(section=section, more=more), encoding="utf-8")
    route = load(folder, TASKS).project.routes["api"]
    assert isinstance(route, Api)
    return route


def test_its_request_is_what_was_said(tmp_path: Path) -> None:
    assert read(tmp_path).request == {"model": "m", "max_tokens": 64, "temperature": 0.0}
    more = ", temperature: null, limit_field: max_completion_tokens, answer_tokens: 500, body: {reasoning_effort: low}"
    assert read(tmp_path, more=more).request == {"model": "m", "max_completion_tokens": 500, "reasoning_effort": "low"}


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("tune: {api: {trials: 3, space: {examples: [1, 2]}}}", "api is bought"),
        ("train: {learning_curve: {routes: [api]}}", "routes that learn from rows"),
        ("  fusion: {members: [tfidf-linear, api]}", "which is bought"),
    ],
)
def test_what_is_not_trained_is_neither_tuned_nor_fused(tmp_path: Path, section: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        read(tmp_path, section)


def test_a_fusion_of_all_leaves_it_out(tmp_path: Path) -> None:
    read(tmp_path, "  fusion: {}")
    assert load(tmp_path, TASKS).project.routes["fusion"].members == ("tfidf-linear", "fasttext")  # type: ignore[attr-defined]


def test_a_key_in_the_file_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        read(tmp_path, more=", key_from: sk-secret-of-mine")
    assert "name of an environment variable" in str(caught.value)
    assert "sk-secret" not in str(caught.value)
