"""The report in a real browser: charts are drawn, nothing is fetched, nothing complains, hostile text does nothing.

Needs a Chromium on the path; without one these tests are skipped, visibly.
"""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest
from tests.report_run import HOSTILE, build

from modelwright.report.page import write
from modelwright.report.pdf import write_pdf

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHARTS = 31

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on the path")


@dataclass(frozen=True)
class Opened:
    language: str
    dom: str
    messages: list[str]
    requests: list[str]


def browse(page: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Open the page without a window, wait until its timers have run, and leave."""
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    quiet += ["--disable-sync", "--no-first-run", "--disable-dev-shm-usage", "--hide-scrollbars", "--enable-logging=stderr"]
    quiet += ["--host-resolver-rules=MAP * ~NOTFOUND"]  # the browser's own curiosity stays here, too
    quiet += [f"--user-data-dir={folder / 'profile'}", f"--log-net-log={folder / 'net.json'}", "--virtual-time-budget=20000"]
    command = [str(CHROMIUM), *quiet, *arguments, page.as_uri()]
    return subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=180, check=True)


def fetched(folder: Path) -> list[str]:
    """What the page asked for beside files: requests in the browser's log whose initiator is a page, not the browser."""
    found = []
    for line in (folder / "net.json").read_text(encoding="utf-8", errors="replace").splitlines():
        if '"initiator"' in line:
            asked = json.loads(line.strip().rstrip(",").removesuffix("]"))["params"]
            if asked["initiator"] != "not an origin" and asked["url"].startswith(("http", "ws")):
                found.append(asked["url"])
    return found


@pytest.fixture(scope="module", params=["en", "zh"])
def opened(request, tmp_path_factory) -> Opened:
    """The English page is full of hostile text, the Chinese one is innocent: both must work the same."""
    folder = tmp_path_factory.mktemp(request.param)
    run = build(folder / "run", request.param, hostile=request.param == "en")
    done = browse(write(run, folder / "report", request.param), folder, "--dump-dom", "--window-size=1280,1600")
    messages = re.findall(r"CONSOLE[^\]]*\] (.*)", done.stderr)
    return Opened(request.param, done.stdout, messages, fetched(folder))


def test_every_chart_is_drawn(opened):
    assert opened.dom.count('data-state="drawn"') == CHARTS
    plots = opened.dom.split('<div class="plot js-plotly-plot"')[1:]
    assert len(plots) == CHARTS
    for plot in plots:
        drawing = plot.partition("<figcaption")[0].partition('<svg class="main-svg"')[2]
        assert re.search(r"<(path|rect|image|text)\b", drawing), plot[:80]


def test_nothing_is_fetched_and_nothing_complains(opened):
    assert opened.messages == []
    assert opened.requests == []


def test_a_request_would_be_seen(tmp_path):
    """The examiner examined: a page that does fetch something is caught."""
    page = tmp_path / "page.html"
    page.write_text('<img src="http://pictures.invalid/x.png">')
    browse(page, tmp_path, "--dump-dom")
    assert fetched(tmp_path) == ["http://pictures.invalid/x.png"]


def test_the_page_speaks_its_language(opened):
    language, title = {"en": ("en", "Take tfidf-linear."), "zh": ("zh-Hans", "选用 tfidf-linear。")}[opened.language]
    assert f'<html lang="{language}"' in opened.dom and title in opened.dom


def test_every_figure_leads_to_its_record(opened):
    ids = set(re.findall(r'\bid="([^"]+)"', opened.dom))
    figures = re.findall(r'<a class="figure[^"]*" href="#([^"]+)"', opened.dom)
    assert len(figures) > 60
    assert {unquote(name) for name in figures} <= ids


def test_hostile_text_runs_nothing(opened):
    title = re.search(r"<title>(.*?)</title>", opened.dom, re.S)
    assert title is not None and "news-desk" in title[1]
    assert HOSTILE not in re.sub(r"<script.*?</script>", "", opened.dom, flags=re.S)
    assert ("owned" in title[1]) == (opened.language == "en"), "it stands in the title as text, where the project is called so"


def test_a_narrow_screenshot_shows_more_than_paper(tmp_path):
    """A picture with text and charts was drawn; a blank or broken page packs to a few kilobytes."""
    page = write(build(tmp_path / "run", "zh"), tmp_path / "report", "zh")
    picture = tmp_path / "page.png"
    browse(page, tmp_path, f"--screenshot={picture}", "--window-size=500,2400")
    content = picture.read_bytes()
    assert struct.unpack(">II", content[16:24]) == (500, 2400)
    assert len(content) > 60_000


def test_it_prints_with_its_charts(tmp_path):
    """Pages with drawings: a chart is made of many strokes, which a page of text and tables has not."""
    page = write(build(tmp_path / "run", "en"), tmp_path / "report", "en")
    printed = write_pdf(page, tmp_path / "report.pdf")
    content = printed.read_bytes()
    assert content.startswith(b"%PDF") and len(content) > 300_000
    assert len(re.findall(rb"/Type\s*/Page\b", content)) >= 20


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="no pdftotext on the path")
def test_the_charts_on_paper_hold_their_labels(tmp_path):
    page = write(build(tmp_path / "run", "zh"), tmp_path / "report", "zh")
    printed = write_pdf(page, tmp_path / "report.pdf")
    text = subprocess.run(["pdftotext", str(printed), "-"], capture_output=True, encoding="utf-8", check=True).stdout
    for label in ("bought-model (", "获客 $", "可能性", "加入后月数"):
        assert label in text
