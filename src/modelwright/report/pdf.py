"""The page on paper: printed by a Chromium without a window. Charts are drawn first; the style sheet has its own print rules."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from modelwright.base.errors import DataError, MachineError
from modelwright.base.store import write_bytes

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "brave-browser")
_DRAWING_MS = 20_000  # of the page's own time, which runs as fast as the machine can: charts are drawn one by one
_LIMIT_S = 180


def write_pdf(page: Path, out: Path) -> Path:
    """Print a page.

    Args:
        page: the report's index.html.
        out: the PDF to write; its folder is made if it is not there.

    Returns:
        `out`.

    Raises:
        DataError: there is no such page.
        MachineError: no Chromium on the path, it failed, or `out` can't be written.
    """
    if not page.is_file():
        raise DataError(
            "there is no such page",
            expected="the report's index.html",
            where=str(page),
            remedy="Make it: modelwright run --from report",
        )
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise MachineError(
            "no browser was found that can print without a window",
            expected=f"one of {', '.join(BROWSERS)} on the path",
            where="PATH",
            remedy="Install Chromium (apt install chromium, brew install --cask chromium), or open the page and print it there.",
        )
    with tempfile.TemporaryDirectory(prefix="modelwright-pdf-") as folder:
        printed = Path(folder) / "page.pdf"
        problem = _print(browser, page, printed, Path(folder) / "profile")
        content = printed.read_bytes() if printed.is_file() else b""
    if problem or not content.startswith(b"%PDF"):
        raise MachineError(
            f"printing failed: {problem or 'the browser wrote no PDF'}",
            expected="a PDF",
            where=browser,
            remedy="Open the page in a browser and print it there; it holds its own print rules.",
        )
    write_bytes(out, content)
    return out


def _print(browser: str, page: Path, printed: Path, profile: Path) -> str:
    """What went wrong, or nothing. The browser gets a profile of its own and finds no host: the page needs none."""
    settings = ["--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync"]
    settings += ["--disable-background-networking", "--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND"]
    settings += [f"--user-data-dir={profile}", f"--virtual-time-budget={_DRAWING_MS}"]
    if getattr(os, "geteuid", lambda: 1)() == 0:
        settings.append("--no-sandbox")  # its sandbox refuses to start as root, as in most containers
    command = [browser, *settings, "--no-pdf-header-footer", f"--print-to-pdf={printed}", page.resolve().as_uri()]
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"it took longer than {_LIMIT_S} s"
    except OSError as error:
        return str(error)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return f"exit {done.returncode}: {lines[-1] if lines else 'it said nothing'}" if done.returncode else ""
