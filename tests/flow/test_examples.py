"""Every shipped project is run by one of the files beside this."""

from __future__ import annotations

import re
from pathlib import Path

from example_runs import EXAMPLES, of_tasks


def test_every_example_is_run_by_one_file() -> None:
    files = sorted(Path(__file__).parent.glob("test_examples_of_*.py"))
    found = [name for file in files for name in of_tasks(*re.findall(r'"([a-z-]+)"', file.read_text(encoding="utf-8")))]
    assert sorted(found) == EXAMPLES
