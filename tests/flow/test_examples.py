"""Every shipped project runs from its real data to its report, at a tiny budget."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import modelwright as mw
from modelwright.pipeline.table import STAGES

EXAMPLES = sorted(path.parent.name for path in (Path(__file__).parents[2] / "examples").glob("*/modelwright.yaml"))
TINY = (
    "data.limit=400",
    "train.budget={steps: 4}",
    "rehearse={connections: [2], seconds: 0.5}",
    "evaluate.resamples=100",
    "venture.paths=500",
)


@pytest.mark.network
@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs_to_its_report(name: str, examples: Path, tmp_path: Path) -> None:
    project = tmp_path / name
    project.mkdir()
    shutil.copy(examples / name / "modelwright.yaml", project)
    run = mw.run(project, *TINY, quiet=True)
    assert all((run.folder / stage).is_dir() for stage in STAGES)
    records = run.evidence.latest()
    assert records["data/rows-read"].value == 400
    assert {step for step in run.changed if step.startswith("train/")} == {
        f"train/{row['route']}" for row in run.decision["candidates"]
    }
    assert records["rehearse/throughput"].value > 0
    assert mw.load(run.release).predict(["今天的天气很好 and the shares rose"])[0].label in mw.load(run.release).task.labels
