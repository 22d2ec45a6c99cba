"""Mistakes over images show the picture; what is no picture is not put into one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.report_run import build

from modelwright.base.images import png, thumbnail
from modelwright.base.store import read_json, write_json
from modelwright.report.page import render
from modelwright.report.read import read_run


def test_mistakes_show_their_picture_and_nothing_else(tmp_path: Path) -> None:
    folder = build(tmp_path / "run")
    picture = thumbnail(png(np.eye(8, dtype=np.uint8) * 200))
    for path in sorted((folder / "evaluate").glob("*/evaluation.json")):
        content = read_json(path)
        content["mistakes"] = [
            {"row_id": "test:7", "input": "test:7", "truth": "a", "predicted": "b", "probability": 0.9, "image": image}
            for image in (picture, "https://example.org/spy.png", 'data:image/png" onerror="alert(1)')
        ]
        write_json(path, content)
    found = render(read_run(folder), "en")
    start = found.index('<ol class="mistakes">')
    listed = found[start : found.index("</ol>", start)]
    assert listed.count(f'<img src="{picture}"') == 1
    assert "spy.png" not in listed
    assert 'onerror="' not in listed
    assert listed.count("<blockquote>test:7") == 0  # the picture's id stands below it
