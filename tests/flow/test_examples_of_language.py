"""The shipped projects of language."""

from __future__ import annotations

from pathlib import Path

import pytest

from example_runs import of_tasks, run_and_ask, walk_the_page


@pytest.mark.network
@pytest.mark.parametrize("name", of_tasks("text-generation", "sentence-similarity"))
def test_it_runs_to_its_report_and_serves_what_a_batch_says(
    name: str, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_and_ask(name, examples, tmp_path)
    if name == "own-chat":  # its page answers the founders' ten questions
        walk_the_page(run, tmp_path / "page", monkeypatch)
