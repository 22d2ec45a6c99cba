"""The data room: what is in it, where it comes from, what is absent."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from tests.report_run import HOSTILE, build

from modelwright.base.errors import DataError, MachineError
from modelwright.base.evidence import Ledger
from modelwright.base.store import file_hash
from modelwright.report.room import SECTIONS, write_room
from modelwright.report.room_tables import TABLES, as_csv, statements


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("room") / "run", "en")


def files_of(room: Path) -> set[str]:
    return {path.relative_to(room).as_posix() for path in room.rglob("*") if path.is_file()}


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_file_is_in_the_manifest_with_its_hash_and_origin(run, tmp_path, language):
    (tmp_path / "index.html").write_text("<!doctype html>")
    room = write_room(run, tmp_path / "room", language)
    manifest = json.loads((room / "manifest.json").read_text())
    assert set(manifest["files"]) == files_of(room) - {"manifest.json", "index.md"}
    for path, entry in manifest["files"].items():
        assert entry["sha256"] == file_hash(room / path) and entry["bytes"] == (room / path).stat().st_size
        assert entry["run"] == "2026-11-22-1412-k3f" and entry["command"] == "modelwright run" and entry["stage"]
    assert manifest["files"]["3-technical/train-bilstm-result.json"]["stage"] == "train/bilstm"
    assert manifest["files"]["2-financial/plan.json"]["input_hash"] == "c4" * 32
    index = (room / "index.md").read_text(encoding="utf-8")
    assert ("资料室" in index) == (language == "zh")
    for path in manifest["files"]:
        assert f"({path})" in index
    assert {path.name for path in room.iterdir() if path.is_dir()} == {f"{at}-{name}" for at, name in enumerate(SECTIONS, 1)}


def test_tables_say_what_the_artefacts_say(run, tmp_path):
    room = write_room(run, tmp_path / "room", "en")
    plan = json.loads((run / "plan/plan.json").read_text())
    months = rows_of(room / "2-financial/statements-by-month.csv")
    assert len(months) == 1 + len(plan["statements"]["income"]["revenue"])
    place = months[0].index("balance/assets")
    assert [float(row[place]) for row in months[1:]] == plan["statements"]["balance"]["assets"]
    assert len(rows_of(room / "3-technical/evidence.csv")) == 1 + len(list(Ledger(run / "evidence.jsonl")))
    load = rows_of(room / "3-technical/load-curve.csv")
    assert [row[0] for row in load[1:]] == ["1", "8", "64"]
    cohort = rows_of(room / "5-commercial/cohorts.csv")
    assert float(cohort[1][2]) == pytest.approx(float(cohort[1][1]))
    owners = rows_of(room / "1-corporate/cap-table.csv")
    by_step: dict[str, float] = {}
    for row in owners[1:]:
        by_step[row[0]] = by_step.get(row[0], 0.0) + float(row[4])
    assert list(by_step.values()) == pytest.approx([1.0] * len(by_step)) and len(by_step) == 3


@pytest.mark.parametrize(
    "gone", ["plan/plan.json", "plan/financing.json", "plan/compliance.json", "data/card.json", "evidence.jsonl"]
)
def test_what_is_missing_is_listed_as_absent(tmp_path, gone):
    run = build(tmp_path / "run", "en", without=(gone,))
    room = write_room(run, tmp_path / "room", "en")
    manifest = json.loads((room / "manifest.json").read_text())
    assert [item for item in manifest["absent"] if gone in item["why"]]
    assert f"the run left no {gone}" in (room / "index.md").read_text()
    assert not [path for path, entry in manifest["files"].items() if entry["from"] == gone]
    tables = {name for items in TABLES.values() for name, path, _ in items if path == gone}
    assert not [path for path in files_of(room) if path.rpartition("/")[2] in tables]


def test_documents_that_no_software_makes_are_absent(run, tmp_path):
    index = (write_room(run, tmp_path / "room", "en") / "index.md").read_text()
    assert "Articles and register of shareholders: not made by software" in index
    assert "release-LICENSES.json: the run left no release/LICENSES.json" in index


def test_the_same_run_gives_the_same_room_and_an_older_one_goes(run, tmp_path):
    room = write_room(run, tmp_path / "room", "en")
    first = (room / "manifest.json").read_bytes()
    (room / "8-risk/old.txt").write_text("left over")
    write_room(run, room, "en")
    assert (room / "manifest.json").read_bytes() == first and not (room / "8-risk/old.txt").exists()


def test_hostile_text_stays_text(tmp_path):
    room = write_room(build(tmp_path / "run", "en", hostile=True), tmp_path / "room", "en")
    assert HOSTILE not in (room / "index.md").read_text() and "&lt;script>" in (room / "index.md").read_text()
    assert as_csv([["=1+1", "@x", -3.5, None, "a,b"]]).decode("utf-8-sig") == "'=1+1,'@x,-3.5,,\"a,b\"\r\n"


def test_an_empty_run_gives_a_room_that_says_so(tmp_path):
    (tmp_path / "run").mkdir()
    room = write_room(tmp_path / "run", tmp_path / "room", "zh")
    manifest = json.loads((room / "manifest.json").read_text())
    assert manifest["files"] == {} and len(manifest["absent"]) > 20
    assert statements({}) is None


def test_wrong_folders_are_refused(run, tmp_path):
    with pytest.raises(DataError, match="no such run folder"):
        write_room(tmp_path / "nowhere", tmp_path / "room", "en")
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError):
        write_room(run, tmp_path / "file" / "room", "en")
