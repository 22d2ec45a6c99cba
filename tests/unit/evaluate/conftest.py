"""A small real route: rows with noise, TF-IDF fitted on some of them, its graph beside the task's files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from modelwright.base.nouns import Row
from modelwright.models import registry
from modelwright.spec.routes.route import all_routes
from modelwright.tasks.text_classification import TextClassification

TOPICS = {
    "sport": "match goal team coach league",
    "trade": "shares market bank profit price",
    "film": "actor scene screen award plot",
}


def make_rows(count: int, seed: int, several: bool = False) -> list[Row]:
    """Texts of topic words and common words; one row in six has a label drawn by chance, so that nobody is right always."""
    generator = np.random.default_rng(seed)
    common = [f"word{number}" for number in range(60)]
    rows = []
    for number in range(count):
        label = str(generator.choice(list(TOPICS)))
        words = [str(word) for word in generator.choice(common, generator.integers(3, 40))]
        words += [str(word) for word in generator.choice(TOPICS[label].split(), 2)]
        generator.shuffle(words)
        if generator.random() < 1 / 6:
            label = str(generator.choice(list(TOPICS)))
        value = (label,) if several else label
        source = "paper" if number % 3 else "radio"
        values = {
            "text": " ".join(words),
            "label": value,
            "source": source,
            "age": float(number % 40),
            "copy": "one" if number < 6 else "two",
        }
        rows.append(Row(f"row-{seed}-{number}", values))
    return rows


def make_source(folder: Path, rows: list[Row], **settings) -> Path:
    """A folder as training leaves it: task files and model.onnx."""
    folder.mkdir(parents=True, exist_ok=True)
    route = all_routes()["tfidf-linear"](**settings)
    task = TextClassification.fit(rows, route)
    task.save(folder)
    fitted = registry.fit(route, task.sizes, task.encode_many(rows), 0)
    onnx.save(fitted.graph(), str(folder / "model.onnx"))
    return folder


@pytest.fixture(scope="session")
def rows():
    """The function that makes rows: rows(count, seed, several=False)."""
    return make_rows


@pytest.fixture(scope="session")
def source(tmp_path_factory) -> Path:
    """A trained single-label route."""
    return make_source(tmp_path_factory.mktemp("source"), make_rows(300, 0))


@pytest.fixture(scope="session")
def weak_source(tmp_path_factory) -> Path:
    """The same route after hardly any training."""
    return make_source(tmp_path_factory.mktemp("weak"), make_rows(12, 5), min_count=1, strength=0.01)


@pytest.fixture(scope="session")
def several_source(tmp_path_factory) -> Path:
    """A trained route for rows with several labels."""
    return make_source(tmp_path_factory.mktemp("several"), make_rows(300, 0, several=True))
