"""The nouns are values: frozen, and predictions speak JSON."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import pytest

from modelwright.base.nouns import Prediction, Row


@dataclass(frozen=True)
class Answer(Prediction):
    label: str
    probabilities: dict[str, float]


def test_predictions_speak_json() -> None:
    assert Answer("r1", "sport", {"sport": 0.9}).as_json() == {"row_id": "r1", "label": "sport", "probabilities": {"sport": 0.9}}


def test_rows_are_frozen() -> None:
    row = Row("r1", {"text": "x"})
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.id = "r2"  # type: ignore[misc]
