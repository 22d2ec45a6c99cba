"""Slips of the finger: how texts are disturbed, and what that costs."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.base.console import Console
from modelwright.base.nouns import Row
from modelwright.compress.export import export
from modelwright.evaluate.robustness import disturb, robustness
from modelwright.spec.routes.route import all_routes
from modelwright.tasks.contract import get_task
from modelwright.train.route import Limits, train_route

TASK = "text-classification"


@given(st.text(max_size=400), st.integers(0, 2**32))
def test_a_disturbed_text_keeps_its_gaps_and_the_seed_decides(text: str, seed: int) -> None:
    one, again = (disturb(text, random.Random(seed)) for _ in range(2))
    assert one == again
    assert disturb(text, random.Random(seed), 0.0) == text
    assert len(one) <= 4 * len(text) + 4


def test_about_the_share_is_hit() -> None:
    text = "abcdefghij" * 1000
    hit = disturb(text, random.Random(0))
    assert hit != text
    assert 0.01 < abs(1 - len(hit) / len(text)) + sum(letter.isupper() for letter in hit) / len(text) < 0.1
    assert disturb("你好世界" * 500, random.Random(0)) != "你好世界" * 500


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    folder = tmp_path_factory.mktemp("trained")
    rows = get_task(TASK).exam_rows(0)
    route = all_routes()["tfidf-linear"].model_validate({})
    train_route(
        get_task(TASK),
        route,
        rows[:96],
        rows[96:],
        checkpoint=None,
        limits=Limits(),
        seed=0,
        folder=folder,
        console=Console(quiet=True),
        title="small",
        checkpoint_seconds=20.0,
    )
    export(folder, route, rows[:4])
    return folder, rows[96:]


def test_the_loss_is_the_difference_on_the_same_rows(trained: tuple[Path, list[Row]]) -> None:
    folder, rows = trained
    found = robustness(folder, rows, resamples=200, seed=0)
    assert found is not None
    assert found["loss"] == pytest.approx(found["clean"] - found["disturbed"])
    assert found["low"] <= found["loss"] <= found["high"]
    assert found["rows"] == len(rows)
    assert robustness(folder, rows, resamples=200, seed=0) == found
    assert robustness(folder, rows, resamples=50, seed=0, most=10)["rows"] == 10  # type: ignore[index]


def test_rows_without_letters_say_nothing(trained: tuple[Path, list[Row]]) -> None:
    folder, rows = trained
    assert robustness(folder, [replace(row, values={**row.values, "text": "… !?"}) for row in rows], 50, 0) is None
