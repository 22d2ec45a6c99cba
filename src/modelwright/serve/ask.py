"""Ask a release without a server: the same predictor, the same answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelwright.serve.predictor import Predictor


def ask(release: Path, requests: Sequence[Any]) -> list[dict[str, Any]]:
    """Answers as JSON-ready dicts, in the order of `requests` (texts, or dicts shaped as the task's request).

    Raises:
        ReleaseError: the release is damaged or foreign.
        RequestError: a request is wrong; it names its place.
    """
    return [prediction.as_json() for prediction in Predictor(release).predict(requests)]
