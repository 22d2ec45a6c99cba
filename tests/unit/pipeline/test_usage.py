"""The service's own records: what is read, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelwright.base.errors import DataError, MachineError
from modelwright.pipeline.usage import identity, read
from modelwright.spec.load import Loaded, load
from modelwright.tasks.contract import TASKS

EXAMPLE = Path(__file__).parents[3] / "examples" / "news-desk" / "modelwright.yaml"


def project(folder: Path, text: str | None, name: str = "customers.csv") -> Loaded:
    (folder / "modelwright.yaml").write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    if text is not None:
        (folder / name).write_text(text, encoding="utf-8")
    return load(folder, TASKS, [f"venture.records={name}"])


def test_durations_run_to_the_end_or_to_the_latest_day(tmp_path: Path) -> None:
    loaded = project(tmp_path, "start,end,requests\n2026-01-01,2026-03-02,500\n2026-02-01,,700\n2026-03-02,,\n")
    records = read(loaded)
    assert records is not None
    assert records.observed.tolist() == [True, False, False]
    assert records.durations * 365.25 / 12 == pytest.approx([60, 29, 0])
    assert records.requests is None  # one of them was not counted
    assert "customers.csv, 3 customers up to 2026-03-02" in records.source


def test_json_lines_and_what_changed(tmp_path: Path) -> None:
    text = '{"start": "2026-01-01", "end": null, "requests": 5}\n\n{"start": "2026-01-01", "end": "2026-01-31", "requests": 7}\n'
    loaded = project(tmp_path, text, "customers.jsonl")
    records = read(loaded)
    assert records is not None and records.requests is not None and records.requests.tolist() == [5, 7]
    before = identity(loaded)
    (tmp_path / "customers.jsonl").write_text(text + text, encoding="utf-8")
    assert before != identity(loaded)
    assert read(load(EXAMPLE.parent, TASKS)) is None and identity(load(EXAMPLE.parent, TASKS)) is None


@pytest.mark.parametrize(
    "text, name, came",
    [
        ("begin,end\n2026-01-01,\n", "customers.csv", "no column 'start'"),
        ("start,end\n2026-13-01,\n", "customers.csv", "month"),
        ("start,end\n2026-02-01,2026-01-01\n", "customers.csv", "lies before"),
        ("start,end,requests\n2026-02-01,,many\n", "customers.csv", "many"),
        ("start,end\n", "customers.csv", "no customer"),
        ("[1]\n", "customers.jsonl", "no JSON object"),
        ("{\n", "customers.jsonl", "no JSON"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, name: str, came: str) -> None:
    with pytest.raises(DataError) as caught:
        read(project(tmp_path, text, name))
    assert came in caught.value.came and name in caught.value.where


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="usage records can't be read"):
        read(project(tmp_path, None))
