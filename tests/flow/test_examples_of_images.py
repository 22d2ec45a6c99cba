"""The shipped projects of images."""

from __future__ import annotations

from pathlib import Path

import pytest

from example_runs import of_tasks, run_and_ask


@pytest.mark.network
@pytest.mark.parametrize("name", of_tasks("image-classification"))
def test_it_runs_to_its_report_and_serves_what_a_batch_says(name: str, examples: Path, tmp_path: Path) -> None:
    run_and_ask(name, examples, tmp_path)
