"""The report: one self-contained HTML page over a run folder. It loads nothing from elsewhere; a content security policy in
its head makes browsers enforce that, and lets no script run but the page's own two.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from modelwright.base.optional import require
from modelwright.base.store import write_bytes
from modelwright.report.read import Artefact, Run, read_run

if TYPE_CHECKING:
    from modelwright.report.figures import Figures

SECTIONS = (
    "team",
    "route",
    "data",
    "compute",
    "quality",
    "business",
    "regulation",
    "financing",
    "market",
    "risk",
    "assumed",
    "evidence",
)
"""The ten questions in the founders' order, then what the page stands on."""


def write(run: Path, out: Path, language: str) -> Path:
    """Write `out/index.html`.

    Args:
        run: the run folder; what is missing in it is said to be missing.
        out: a folder, made if it is not there.
        language: "en" or "zh".

    Returns:
        The page's path.

    Raises:
        DataError: `run` is no folder, or an artefact in it is damaged.
        MissingExtraError: the extra [report] is not installed.
        MachineError: `out` can't be written.
    """
    require("jinja2", "report")
    require("plotly", "report")
    page = out / "index.html"
    content = render(read_run(run), language)
    write_bytes(page, content.encode("utf-8", "replace"))  # rows can hold halves of characters that no file may
    return page


def render(run: Run, language: str) -> str:
    """The page as text. The same run gives the same bytes."""
    from modelwright.report import checks
    from modelwright.report.answers import QUESTIONS, answers
    from modelwright.report.charts import draw
    from modelwright.report.figures import MARKS, Figures
    from modelwright.report.headline import headline, shown_route
    from modelwright.report.numbers import Numbers
    from modelwright.report.words import Words

    words, numbers = Words(language), Numbers(language)
    figures = Figures(run, words, numbers)
    route = shown_route(run)
    library = _library()
    style, script = (_part(name) for name in ("style.css", "page.js"))
    charts = draw(run, words, numbers, route, run.metric)
    context = {
        "run": run,
        "name": run.info.get("project") or run.project.get("project") or run.folder.name,
        "language": language,
        "t": words,
        "figures": figures,
        "marks": MARKS,
        "sections": SECTIONS,
        "questions": QUESTIONS,
        "answers": answers(run, figures),
        "charts": charts,
        "drawn": {name for name, chart in charts.items() if chart is not None},
        "headline": headline(run, figures),
        **_contexts(run, figures),
        "risk": checks.risk(run, figures),
        "readiness": checks.regulation(run, figures),
        "style": _trusted(style),
        "script": _trusted(script),
        "library": _trusted(library),
        "policy": _policy(script, library),
    }
    return _environment().get_template("page.html").render(context)


def _contexts(run: Run, figures: Figures) -> dict[str, Any]:
    from modelwright.report import sections

    skipped = ("conditions",)  # of the checks
    return {name: getattr(sections, name)(run, figures) for name in sections.__all__ if name not in skipped}


@cache
def _environment() -> Any:
    """Templates escape everything; a name that a template misspells is an error, not an empty string. Compiled once: that
    takes longer than filling them."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("modelwright.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(json=_json, anchor=_anchor, anchors=_anchors)
    return environment


def _part(name: str) -> str:
    return (importlib.resources.files("modelwright.report") / "templates" / name).read_text(encoding="utf-8")


def _library() -> str:
    """plotly.js, as its Python package ships it; nothing in it may end the element it lies in."""
    text = (importlib.resources.files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _trusted(text: str) -> Any:
    """Our own style and script go into the page as they are."""
    from markupsafe import Markup

    return Markup(text)


def _json(content: Any) -> Any:
    """JSON inside a script element: no character that could end it."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _trusted(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _policy(*scripts: str) -> str:
    """Only scripts with these hashes run; nothing is fetched."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode('utf-8')).digest()).decode('ascii')}'" for script in scripts
    )
    rest = "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    return f"default-src 'none'; script-src {hashes}; {rest}"


def _anchor(path: str) -> str:
    """The fragment of a file's line in the appendix."""
    return quote(Artefact(path, "", "").id)


def _anchors(paths: Iterable[str]) -> str:
    return " ".join(_anchor(path) for path in paths)
