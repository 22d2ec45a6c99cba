"""A tiny release for these tests: two topics, a real fitted task, a real graph; made in milliseconds, without torch."""

from __future__ import annotations

from pathlib import Path

import onnx

from modelwright.base.nouns import Row
from modelwright.base.store import begin, commit, write_json
from modelwright.models import tfidf_linear
from modelwright.spec.routes.tfidf_linear import TfidfLinear
from modelwright.tasks.text_classification import TextClassification

SPORT = "the team won the match after a late goal and the fans cheered"
MARKET = "the shares of the bank fell as the market feared higher rates"


def make_release(folder: Path) -> Path:
    """A sealed release that tells sport from markets."""
    rows = [Row(f"s{n}", {"text": f"{SPORT} number {n}", "label": "sport"}) for n in range(12)]
    rows += [Row(f"m{n}", {"text": f"{MARKET} number {n}", "label": "market"}) for n in range(12)]
    route = TfidfLinear(min_count=1)
    task = TextClassification.fit(rows, route)
    out = begin(folder, "test")
    task.save(out)
    fitted = tfidf_linear.fit(route, task.sizes, task.encode_many(rows), 0)
    onnx.save(fitted.graph(), out / "model.onnx")
    about = {"name": "two-topics", "task": task.name, "route": "tfidf-linear", "variant": "float32", "metrics": {}}
    write_json(out / "release.json", {"format": 1, "created": "2026-01-01T00:00:00+00:00", "modelwright": "0.1.0", **about})
    (out / "checkpoint").mkdir()
    (out / "checkpoint" / "model.safetensors").write_bytes(b"for other programs")
    return commit(folder, "test", {}).folder
