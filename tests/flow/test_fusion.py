"""A project whose routes are raced together with their fusions: from rows to answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import modelwright as mw
from made_project import make
from modelwright.base.graph import Graph
from modelwright.base.journey import predict
from modelwright.base.store import read_json
from modelwright.data.rows import read_split
from modelwright.pipeline.steps.release import _starts
from modelwright.pipeline.table import steps
from modelwright.spec.load import load
from modelwright.tasks.contract import TASKS, load_task

ROUTES = {
    "both": {"route": "fusion", "members": ["tfidf-linear", "cnn"], "method": "stack"},
    "tfidf-linear": {},
    "cnn": {"route": "textcnn", "width": 16, "channels": 16, "epochs": 2, "max_tokens": 32},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("fusion") / "made", routes=ROUTES, choose={"prefer": "quality"}, venture=None)


@pytest.fixture(scope="module")
def first(project: Path):
    return mw.run(project, "routes.both.method=average", quiet=True)


def test_a_fusion_is_raced_like_any_route(first) -> None:
    candidates = {one["route"]: one for one in first.decision["candidates"]}
    assert set(candidates) == set(ROUTES)
    both = read_json(first.folder / "train/both/result.json")
    assert both["shares"] == {"tfidf-linear": 0.5, "cnn": 0.5}
    assert both["members"]["cnn"] == read_json(first.folder / "train/cnn/result.json")["best_score"]
    assert candidates["both"]["size_bytes"] > max(candidates[name]["size_bytes"] for name in ("tfidf-linear", "cnn"))
    assert first.evidence.latest()["train/both/share-cnn"].value == 0.5


def test_a_new_method_trains_no_member_again(project: Path, first) -> None:
    second = mw.run(project, "routes.both.method=stack", "choose.prefer=quality", quiet=True)
    for name in ("tfidf-linear", "cnn"):
        old, new = (run.folder / f"train/{name}/manifest.json" for run in (first, second))
        assert old.samefile(new) or old.read_bytes() == new.read_bytes()
    assert read_json(second.folder / "train/both/result.json")["bias"]


def test_members_are_trained_before_their_fusion(project: Path) -> None:
    table = steps(load(project, TASKS))
    names = [step.name for step in table]
    for stage in ("forecast", "train"):
        needs = next(step for step in table if step.name == f"{stage}/both").needs
        assert needs == ("data", f"{stage}/tfidf-linear", f"{stage}/cnn")
        assert names.index(f"{stage}/both") > max(names.index(need) for need in needs)


def test_a_fusion_answers_as_its_evaluation_wrote_down(first) -> None:
    folder = first.folder / "train/both"
    lines = (first.folder / "evaluate/both/predictions-test.jsonl").read_text().splitlines()
    written = {one["row_id"]: one for one in map(json.loads, lines)}
    rows = read_split(first.folder / "data", "test")
    for answer in predict(load_task(folder), Graph(folder / "model.onnx"), rows):
        assert answer.label == written[answer.row_id]["label"]
        assert answer.probability == pytest.approx(written[answer.row_id]["probability"], abs=1e-5)


def test_a_release_names_every_checkpoint_that_its_members_start_from(tmp_path: Path) -> None:
    routes = {
        "both": {"route": "fusion"},
        "one": {"route": "finetune", "from": "catalogue://minilm"},
        "two": {"route": "finetune", "from": "catalogue://minilm", "seed": 3},
        "three": {"route": "finetune", "from": "hf://org/name"},
        "tfidf-linear": {},
    }
    loaded = load(make(tmp_path / "made", routes=routes), TASKS)
    assert _starts(loaded.project, "both") == ["catalogue://minilm", "hf://org/name"]
    assert _starts(loaded.project, "three") == ["hf://org/name"]
    assert _starts(loaded.project, "tfidf-linear") == []
