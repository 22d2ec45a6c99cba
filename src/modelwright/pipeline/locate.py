"""From what people name (nothing, a run id, a folder) to a release folder and the settings it is served with."""

from __future__ import annotations

from pathlib import Path

from modelwright.base import store
from modelwright.base.errors import DataError, ReleaseError
from modelwright.pipeline.runner import RUNS, runs_newest_first
from modelwright.spec.serve import Serve


def find_release(named: str) -> tuple[Path, Serve]:
    """The release that `named` means: a release folder, a run folder, a run id of the project here, a project folder, or
    nothing for the newest run here that has a release.

    Raises:
        ReleaseError: there is none.
    """
    folder = Path(named) if named else Path()
    for candidate in (folder, Path(RUNS) / named):
        if (candidate / "release.json").is_file():
            return candidate, Serve()
        if (candidate / "release" / "release.json").is_file():
            return candidate / "release", _settings(candidate)
    for run, _ in runs_newest_first(folder / RUNS):
        if (run / "release" / "release.json").is_file():
            return run / "release", _settings(run)
    raise ReleaseError(
        "no release is here",
        expected="a run that got as far as `release`, a run id, or a release folder",
        where=str(folder.resolve()),
        remedy="Make one with `modelwright run PROJECT`, or go to the project's folder first.",
    )


def find_report(named: str) -> Path:
    """The page of the run that `named` means: a run's folder or id, a project folder, or nothing for the newest run here.

    Raises:
        DataError: no run here got as far as its report.
    """
    folder = Path(named) if named else Path()
    runs = [folder, Path(RUNS) / named, *(run for run, _ in runs_newest_first(folder / RUNS))]
    page = next((page for run in runs if (page := run / "report" / "index.html").is_file()), None)
    if page is None:
        raise DataError(
            "no report is here",
            expected="a run that got as far as `report`, or its id",
            where=str(folder.resolve()),
            remedy="Make one with `modelwright run PROJECT`, or go to the project's folder first.",
        )
    return page


def _settings(run: Path) -> Serve:
    return Serve.model_validate(store.read_json(run / "project.json")["serve"])
