"""What evaluation leaves in its folder, by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

EVALUATION = "evaluation.json"


def predictions_file(split: str) -> str:
    """Truth and prediction of each row, in order, as JSON lines."""
    return f"predictions-{split}.jsonl"


def draws_file(split: str) -> str:
    """Bootstrap resamples of each metric (`intervals.Draws`)."""
    return f"resamples-{split}.npz"


def read_predictions(folder: Path, split: str) -> list[dict[str, Any]]:
    with (folder / predictions_file(split)).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]
