"""A run's checkpoint as the start of another route: which run is meant, when it counts as another one, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelwright.base import store
from modelwright.base.console import Console
from modelwright.base.errors import DataError
from modelwright.base.nouns import Row
from modelwright.data import checkpoints, run_references
from modelwright.data.rows import write_split

QUIET = Console(quiet=True)


def sealed(folder: Path, files: dict[str, object]) -> None:
    """A finished step with these JSON files."""
    partial = store.begin(folder, "made from this")
    for name, content in files.items():
        store.write_json(partial / name, content)
    store.commit(folder, "made from this", {})


def made_run(
    project: Path, moment: str, routes: dict[str, str], chosen: str | None = None, weights: str = "model.safetensors"
) -> Path:
    """A run whose routes have checkpoints of these model types."""
    run = project / "runs" / f"2026-01-{moment}"
    run.mkdir(parents=True)
    store.write_json(run / "run.json", {"status": "finished"})
    for route, kind in routes.items():
        sealed(
            run / "train" / route,
            {"checkpoint/config.json": {"model_type": kind}, f"checkpoint/{weights}": moment},
        )
    if chosen:
        sealed(run / "choose", {"decision.json": {"route": chosen}})
    return run


def test_the_newest_run_that_chose_is_taken_and_its_chosen_route(tmp_path: Path) -> None:
    base, here = tmp_path / "base", tmp_path / "desk"
    here.mkdir()
    first = made_run(base, "01", {"bert": "bert", "other": "bert"}, chosen="other")
    made_run(base, "02", {"bert": "bert"})  # still evaluating
    (base / "runs" / "2026-01-03").mkdir()  # killed before it wrote anything
    assert checkpoints.resolve("run://../base", here, QUIET) == base / "runs/2026-01-01/train/other/checkpoint"
    newest = base / "runs/2026-01-02/train/bert/checkpoint"
    assert checkpoints.resolve("run://../base#bert", here, QUIET) == newest
    assert checkpoints.resolve(f"run://{first}", here, QUIET) == first / "train" / "other" / "checkpoint"
    assert checkpoints.resolve(f"run://{first}#bert", here, QUIET) == first / "train" / "bert" / "checkpoint"


def test_its_identity_is_what_the_training_left(tmp_path: Path) -> None:
    base = tmp_path / "base"
    made_run(base, "01", {"bert": "bert"}, chosen="bert")
    before = checkpoints.identity("run://base", tmp_path)
    assert before == store.read_json(base / "runs/2026-01-01/train/bert/manifest.json")["digest"]
    made_run(base, "02", {"bert": "bert"}, chosen="bert")
    assert checkpoints.identity("run://base", tmp_path) != before
    assert checkpoints.identity("run://base/runs/2026-01-01", tmp_path) == before


@pytest.mark.parametrize(
    ("reference", "said", "remedy"),
    [
        ("run://absent", "no such folder", "Mend `from:`"),
        ("run://", "no such folder", "Mend `from:`"),
        ("run://empty", "holds no run", "modelwright run {}/empty"),
        ("run://begun", "choosing a route", "modelwright run {}/begun"),
        ("run://begun#bret", "no run there has trained a route 'bret'", "behind the #"),
        ("run://done#lstm", "kind bilstm", "another route"),
        ("run://done#ridge", "no network in a standard layout", "another route"),
    ],
)
def test_what_can_not_be_started_from_is_named(tmp_path: Path, reference: str, said: str, remedy: str) -> None:
    (tmp_path / "empty").mkdir()
    made_run(tmp_path / "begun", "01", {"bert": "bert"})
    done = made_run(tmp_path / "done", "01", {"bert": "bert", "lstm": "modelwright-bilstm"}, chosen="bert")
    sealed(done / "train" / "ridge", {"checkpoint/weights.json": [1.0]})
    for ask in (lambda: checkpoints.resolve(reference, tmp_path, QUIET), lambda: checkpoints.identity(reference, tmp_path)):
        with pytest.raises(DataError) as caught:
            ask()
        assert said in str(caught.value)
        assert remedy.format(tmp_path) in caught.value.remedy
        assert reference in caught.value.where


def test_the_routes_that_there_are_are_listed(tmp_path: Path) -> None:
    made_run(tmp_path / "done", "01", {"bert": "bert", "bilstm": "modelwright-bilstm"}, chosen="bert")
    with pytest.raises(DataError) as caught:
        checkpoints.resolve("run://done#bret", tmp_path, QUIET)
    assert caught.value.expected == "one of: bert, bilstm"


def test_a_damaged_choice_is_told(tmp_path: Path) -> None:
    run = made_run(tmp_path / "done", "01", {"bert": "bert"}, chosen="bert")
    (run / "choose" / "decision.json").write_text("{}")
    with pytest.raises(DataError, match="what the run chose can't be read"):
        checkpoints.resolve("run://done", tmp_path, QUIET)
    assert checkpoints.resolve("run://done#bert", tmp_path, QUIET).is_dir()


def test_rows_that_the_pre_training_has_read_are_counted(tmp_path: Path) -> None:
    run = made_run(tmp_path / "base", "01", {"bert": "bert"}, chosen="bert")
    rows = [Row(str(number), {"text": text}) for number, text in enumerate(["one  text", "another", "a third", "ONE TEXT"])]
    assert run_references.read_before("run://base", tmp_path, rows) is None  # its rows were deleted
    partial = store.begin(run / "data", "made from this")
    write_split(partial, "train", [Row("x", {"text": " one text"}), Row("y", {"text": "a third"}), Row("z", {"text": "else"})])
    store.commit(run / "data", "made from this", {})
    assert run_references.read_before("run://base", tmp_path, rows) == 2
    assert run_references.read_before("run://base", tmp_path, [Row("1", {"number": 3.0})]) == 0
