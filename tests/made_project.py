"""A small project on made-up rows, for flow tests: three topics with words of their own, and some words shared by all."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import yaml

_WORDS = {
    "harbour": ["ship", "crane", "quay", "tide", "anchor", "cargo", "pilot", "dock", "mooring", "vessel"],
    "kitchen": ["pan", "flour", "oven", "knife", "butter", "simmer", "spice", "whisk", "dough", "plate"],
    "orchard": ["apple", "graft", "pear", "blossom", "prune", "cider", "ladder", "bark", "basket", "root"],
}
_SHARED = ["the", "a", "of", "with", "and", "near", "on", "morning", "people", "old", "small", "every"]


def write_rows(path: Path, rows: int = 240, seed: int = 0) -> None:
    """A CSV with columns body, topic, desk; every label has its own words, mixed with shared ones."""
    draw = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["body", "topic", "desk"])
        for index in range(rows):
            topic = sorted(_WORDS)[index % 3]
            words = draw.choices(_WORDS[topic], k=draw.randint(3, 9)) + draw.choices(_SHARED, k=draw.randint(5, 20))
            draw.shuffle(words)
            writer.writerow([" ".join(words) + f" {index}", topic, f"desk {index % 2}"])


def settings(**changes: object) -> dict:
    """A project file's content, small enough to run in seconds."""
    return {
        "project": "made",
        "task": "text-classification",
        "data": {"source": "rows.csv", "columns": {"text": "body", "label": "topic"}},
        "routes": {"tfidf-linear": {}, "bilstm": {"width": 16, "epochs": 2, "max_tokens": 32}},
        "train": {"budget": {"minutes": 1}},
        "evaluate": {"resamples": 200, "slices": ["desk"], "latency_seconds": 0.3},
        "choose": {"at_least": 0.8, "prefer": "cost"},
        "compress": ["int8"],
        "rehearse": {"connections": [1, 4], "seconds": 0.5},
        "venture": {
            "price": {"plan": "19 per month", "included_requests": 10000},
            "customers": {
                "start": 5,
                "growth": "12% ± 6% per month",
                "churn": "4% ± 2% per month",
                "requests": "8000 ± 3000 per month",
            },
            "team": [{"role": "engineer", "salary": "6000 per month"}],
            "cash": 250000,
            "paths": 500,
        },
        **changes,
    }


def make(folder: Path, **changes: object) -> Path:
    """Write rows and project file into `folder` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "rows.csv")
    (folder / "modelwright.yaml").write_text(yaml.safe_dump(settings(**changes), sort_keys=False), encoding="utf-8")
    return folder
