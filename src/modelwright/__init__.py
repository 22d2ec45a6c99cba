"""Modelwright: from raw data to a model that is trained, proven, compressed, served, watched and priced.

import modelwright as mw
run = mw.run("examples/news-desk")          # the same pipeline as the command, the same artefacts
model = mw.load(run.release)                # no torch needed
model.predict(["Shares rose sharply…"])     # → [Classification(label='business', probability=0.98, …)]
mw.plan(run, **{"venture.price.plan": 29}).runway_months   # → Figure(value=22, …): what if?
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelwright.pipeline.runner import Run
    from modelwright.pipeline.whatif import Plan
    from modelwright.serve.predictor import Predictor

__version__ = "0.1.0"


def run(project: str | Path, *overrides: str, quiet: bool = False) -> Run:
    """Run a project's pipeline; what has not changed is kept.

    Args:
        project: the project's folder, or its file.
        overrides: settings that win over the file's, like "train.seed=3".
        quiet: print nothing.

    Raises:
        ModelwrightError: with what was expected, what came, where, and what to do.
    """
    from modelwright.base.console import Console
    from modelwright.pipeline import runner
    from modelwright.spec.load import load as load_project
    from modelwright.tasks.contract import TASKS

    return runner.run(load_project(Path(project), TASKS, overrides), Console(quiet=quiet))


def plan(run: Run | str | Path, **settings: object) -> Plan:
    """Compute a run's plan again with changed settings; nothing is trained and nothing written.

    Args:
        run: a run, its folder or id, or a project.
        settings: by their path: `mw.plan(run, **{"venture.price.plan": 29})`.

    Returns:
        Figures as attributes (`.runway_months`, `.gross_margin`), and the whole as `.content`.

    Raises:
        ModelwrightError: nothing was measured yet, or a setting is unknown or takes a run.
    """
    import json

    from modelwright.pipeline.whatif import replan

    where = run if isinstance(run, str | Path) else run.folder
    return replan(where, [f"{key}={json.dumps(value, ensure_ascii=False, default=str)}" for key, value in settings.items()])


def load(release: str | Path, threads: int = 0) -> Predictor:
    """Load a release folder for prediction, after checking its hashes.

    Raises:
        ReleaseError: the folder is damaged, incomplete or not a release.
    """
    from modelwright.serve.predictor import Predictor

    return Predictor(Path(release), threads=threads)
