"""What spoke for an answer, on the page: marked words, warm images, the strongest words of each label."""

from __future__ import annotations

import json

import pytest
from tests.report_run import HOSTILE, build

from modelwright.report import page as page_module
from modelwright.report.page import write
from modelwright.report.words import TABLE


@pytest.fixture(autouse=True)
def small_library(monkeypatch):
    monkeypatch.setattr(page_module, "_library", lambda: "window.Plotly = {}")


def content_of(run, out, language="en") -> str:
    return write(run, out, language).read_text(encoding="utf-8")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_words_are_marked_by_their_share(tmp_path, language):
    page = content_of(build(tmp_path / "run", language), tmp_path / "out", language)
    assert '<mark class="for-4">Shares</mark> <mark class="for-2">rose</mark> 12% &amp; the' in page
    assert '<mark class="against-3">coach</mark> said nothing.' in page
    column = ("en", "zh").index(language)
    assert TABLE["reasons.title"][column] in page and TABLE["reasons.text.integrated-gradients"][column] in page
    listed = ("shares, bank", "shares、bank")[column]
    assert f">{listed}</td>" in page


def test_hostile_words_stay_words(tmp_path):
    page = content_of(build(tmp_path / "run", hostile=True), tmp_path / "out")
    assert HOSTILE not in page
    assert "coach</mark>&lt;script&gt;" in page and "shares&lt;script&gt;" in page


def test_a_run_without_explanations_shows_none(tmp_path):
    routes = ("tfidf-linear", "bilstm", "finetune")
    run = build(tmp_path / "run", without=tuple(f"evaluate/{route}/attributions.json" for route in routes))
    page = content_of(run, tmp_path / "out")
    assert TABLE["reasons.title"][0] not in page and "<mark" not in page


def images(**more) -> dict:
    row = {"row_id": "7.png", "truth": "boot", "predicted": "bag", "label": "bag", "probability": 0.8, "right": False}
    pictures = {"image": "data:image/png;base64,AAAA", "heat": "data:image/png;base64,BBBB"}
    row |= {**pictures, "place": [0, 2], "share": 0.62, "gap": None, **more}
    return {"kind": "image", "method": "grad-cam", "gap": None, "rows": [row], "seconds": 0.4}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_images_are_shown_with_their_heat_and_told_in_words(tmp_path, language):
    run = build(tmp_path / "run", language)
    path = run / "evaluate/tfidf-linear/attributions.json"
    path.write_text(json.dumps(images()))
    page = content_of(run, tmp_path / "out", language)
    assert '<img src="data:image/png;base64,AAAA" alt="' in page and '<img src="data:image/png;base64,BBBB" alt="' in page
    column = ("en", "zh").index(language)
    told = TABLE["reasons.place"][column].format(share="62%", place=TABLE["reasons.place.0-2"][column])
    assert page.count(told) == 2, "beside the picture, and instead of it"


def test_pictures_never_come_from_elsewhere(tmp_path):
    run = build(tmp_path / "run")
    path = run / "evaluate/tfidf-linear/attributions.json"
    path.write_text(json.dumps(images(image="https://example.org/a.png", place=None, share=None)))
    page = content_of(run, tmp_path / "out")
    assert "example.org" not in page
    assert TABLE["reasons.nowhere"][0] in page
