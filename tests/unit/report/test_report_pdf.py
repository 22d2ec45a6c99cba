"""Printing: what is needed is said in four parts; the printing itself is tried in a browser (tests/flow)."""

from __future__ import annotations

import pytest

from modelwright.base.errors import DataError, MachineError
from modelwright.report import pdf
from modelwright.report.pdf import BROWSERS, write_pdf


def browser(folder, body: str):
    """A stand-in on the path that does what `body` says."""
    file = folder / "chromium"
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return str(folder)


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "index.html"
    path.write_text("<!doctype html>")
    return path


def test_no_browser_is_said_in_four_parts(page, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError) as caught:
        write_pdf(page, tmp_path / "page.pdf")
    said = caught.value
    assert said.came == "no browser was found that can print without a window" and said.where == "PATH"
    assert all(name in said.expected for name in BROWSERS) and "Install Chromium" in said.remedy
    assert not (tmp_path / "page.pdf").exists()


def test_no_page_is_said(tmp_path):
    with pytest.raises(DataError, match="no such page"):
        write_pdf(tmp_path / "index.html", tmp_path / "page.pdf")


def test_what_the_browser_prints_is_written_whole(page, tmp_path, monkeypatch):
    body = 'for one in "$@"; do case "$one" in --print-to-pdf=*) echo "%PDF-1.4" > "${one#--print-to-pdf=}";; esac; done'
    monkeypatch.setenv("PATH", browser(tmp_path, body) + ":/bin:/usr/bin")
    out = tmp_path / "deep" / "page.pdf"
    assert write_pdf(page, out) == out and out.read_bytes() == b"%PDF-1.4\n"


@pytest.mark.parametrize(("body", "said"), [("echo oh no >&2; exit 3", "exit 3: oh no"), ("exit 0", "the browser wrote no PDF")])
def test_a_browser_that_fails_leaves_nothing(page, tmp_path, monkeypatch, body, said):
    monkeypatch.setenv("PATH", browser(tmp_path, body) + ":/bin:/usr/bin")
    with pytest.raises(MachineError, match=said):
        write_pdf(page, tmp_path / "page.pdf")
    assert not (tmp_path / "page.pdf").exists()


def test_a_browser_that_hangs_is_ended(page, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", browser(tmp_path, "exec sleep 20") + ":/bin:/usr/bin")
    monkeypatch.setattr(pdf, "_LIMIT_S", 0.2)
    with pytest.raises(MachineError, match=r"longer than 0\.2 s"):
        write_pdf(page, tmp_path / "page.pdf")
