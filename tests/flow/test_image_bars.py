"""The shipped image projects reach their bars on their test splits. Minutes each: run with --slow on a quiet machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import modelwright as mw
from modelwright.base.store import read_json

# project → route → accuracy on its test split, in order of the routes' quality
BARS = {
    "digits": {"cnn": 0.995, "mlp": 0.97},
    "fashion": {"cnn": 0.93, "mlp": 0.89},
    "groceries": {"finetune": 0.85, "cnn": 0.4},
}


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("name", BARS)
def test_routes_reach_their_bar_in_their_order(name: str, examples: Path, tmp_path: Path) -> None:
    project = tmp_path / name
    project.mkdir()
    shutil.copy(examples / name / "modelwright.yaml", project)
    run = mw.run(project, quiet=True)
    found = {}
    for route, bar in BARS[name].items():
        split = read_json(run.folder / "evaluate" / route / "evaluation.json")["splits"]["test"]
        found[route] = split["metrics"]["accuracy"]["value"]
        assert found[route] >= bar, found
    assert sorted(found, key=lambda route: -found[route]) == list(BARS[name])
