"""A small task on made texts, and a small route that learns it in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelwright.base.console import Console
from modelwright.base.nouns import Row
from modelwright.spec.routes.route import Route, all_routes
from modelwright.tasks.contract import get_task
from modelwright.train.route import Limits, train_route

TASK = "text-classification"
SMALL: dict[str, Any] = {
    "width": 16,
    "layers": 1,
    "heads": 2,
    "max_tokens": 24,
    "batch_size": 8,
    "epochs": 3,
    "vocabulary": 300,
    "learning_rate": 5e-3,
}


def small(name: str = "encoder", **settings: Any) -> Route:
    kind = all_routes()[name]
    given = {key: value for key, value in SMALL.items() if key in kind.model_fields}
    return kind.model_validate({**given, **settings})


@pytest.fixture
def rows() -> tuple[list[Row], list[Row]]:
    found = get_task(TASK).exam_rows(0)
    return found[:96], found[96:]


@pytest.fixture
def train(rows, tmp_path) -> Callable[..., dict[str, Any]]:
    """train_route with small defaults; `folder` is made."""

    def call(route: Route | None = None, folder: Path = tmp_path / "out", limits: Limits = Limits(), **settings: Any):  # noqa: B008
        folder.mkdir(exist_ok=True)
        given = {"checkpoint": None, "seed": 0, "console": Console(quiet=True), "title": "small", "checkpoint_seconds": 20.0}
        return train_route(get_task(TASK), route or small(), *rows, limits=limits, folder=folder, **{**given, **settings})

    return call
