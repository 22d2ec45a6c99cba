"""`modelwright new`: a project from a template. Templates are the shipped examples, and a commented blank one per language."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from modelwright.base import store
from modelwright.base.errors import SpecError
from modelwright.spec.load import FILE_NAME

_TEMPLATES = Path(__file__).parents[1] / "templates"
_NAME = re.compile(r"[\w][\w.-]{0,99}")


def templates() -> tuple[str, ...]:
    """Names of all templates, the blank one first."""
    names = {path.name.partition(".")[0] for path in _TEMPLATES.glob("*.yaml")}
    return ("blank", *sorted(names - {"blank"}))


def new(folder: Path, template: str = "blank", language: str | None = None) -> Path:
    """Make `folder` with a project file; its last part becomes the project's name.

    Args:
        folder: is made if it is missing; files in it are left alone.
        template: one of `templates()`.
        language: "en" or "zh", of reports (and of the blank template's comments); default: the template's own.

    Returns:
        The project file.

    Raises:
        SpecError: the name can't be a project's, the template does not exist, or a project is there already.
    """
    name = folder.resolve().name
    if not _NAME.fullmatch(name):
        raise SpecError(
            f"{name!r} can't be a project's name",
            expected="letters, digits, dots, dashes and underscores, at most 100",
            where=str(folder),
            remedy="For example: modelwright new my-project",
        )
    if template not in templates():
        close = difflib.get_close_matches(template, templates(), n=1, cutoff=0.5)
        raise SpecError(
            f"template {template!r} does not exist",
            expected=f"one of: {', '.join(templates())}",
            where="--template",
            remedy=f"Did you mean {close[0]}?" if close else "Leave it out for the blank one.",
        )
    file = folder / FILE_NAME
    if file.exists():
        raise SpecError(
            "a project is there already",
            expected=f"a folder without {FILE_NAME}",
            where=str(file),
            remedy=f"Edit it, or choose another name; to run it: modelwright run {folder}",
        )
    source = f"blank.{language or 'en'}.yaml" if template == "blank" else f"{template}.yaml"
    text = (_TEMPLATES / source).read_text(encoding="utf-8")
    text = re.sub(r"(?m)^project: \S+", f"project: {_quoted(name)}", text, count=1)
    if language is not None:
        text = re.sub(r"(?m)^language: \S+", f"language: {language}", text, count=1)
    store.write_text(file, text)
    for beside in _TEMPLATES.glob(f"{template}.*.jsonl"):  # rows that come with the example
        target = folder / beside.name.removeprefix(f"{template}.")
        if not target.exists():
            store.write_text(target, beside.read_text(encoding="utf-8"))
    return file


def _quoted(name: str) -> str:
    """Names that YAML would take for a number, a date or a truth are quoted: 2026, 1.5, no."""
    return name if re.fullmatch(r"[^\W\d_][\w]*(?:-\w+)+", name) else f'"{name}"'
