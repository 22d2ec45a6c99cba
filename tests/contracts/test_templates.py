"""What `modelwright new` gives is what is shipped, loads at once, and travels in the wheel."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from modelwright.base.errors import SpecError
from modelwright.pipeline.new import new, templates
from modelwright.spec.load import load
from modelwright.tasks.contract import TASKS

ROOT = Path(__file__).parents[2]
SHIPPED = {path.parent.name: path for path in sorted((ROOT / "examples").glob("*/modelwright.yaml"))}


def test_every_example_is_a_template_and_the_other_way_round() -> None:
    assert set(templates()) == {"blank", *SHIPPED}


@pytest.mark.parametrize("name", SHIPPED)
def test_template_and_example_are_the_same(name: str) -> None:
    template = ROOT / "src" / "modelwright" / "templates" / f"{name}.yaml"
    assert template.read_text(encoding="utf-8") == SHIPPED[name].read_text(encoding="utf-8"), "run: make docs"


def test_every_kind_of_file_is_package_data() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    named = {item.removeprefix("**/*.") for item in settings["tool"]["setuptools"]["package-data"]["modelwright"]}
    files = [path for path in (ROOT / "src" / "modelwright").rglob("*.*") if path.is_file() and "__pycache__" not in path.parts]
    assert {path.suffix.removeprefix(".") for path in files} - {"py"} <= named | {"typed"}


def test_rows_that_come_with_an_example_come_with_its_template(tmp_path: Path) -> None:
    new(tmp_path / "chat", "own-chat")
    for beside in (ROOT / "examples" / "own-chat").glob("*.jsonl"):
        assert (tmp_path / "chat" / beside.name).read_bytes() == beside.read_bytes()


@pytest.mark.parametrize("template", templates())
@pytest.mark.parametrize("language", [None, "en", "zh"])
def test_a_new_project_loads(template: str, language: str | None, tmp_path: Path) -> None:
    file = new(tmp_path / "my-desk", template, language)
    project = load(file.parent, TASKS).project
    assert project.project == "my-desk"
    own = load(SHIPPED[template], TASKS).project.language if template in SHIPPED else "en"
    assert project.language == (language or own)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_the_blank_template_shows_commented_out_is_right_too(language: str, tmp_path: Path) -> None:
    """Every commented setting is switched on at once, as an editor's user would do one by one."""
    file = new(tmp_path / "desk", "blank", language)
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        body = line.lstrip()
        setting = body.removeprefix("# ") if body.startswith("# ") else ""
        is_setting = (
            bool(setting) and setting.lstrip()[:1].isascii() and ":" in setting.split(" ")[0] + setting.lstrip().split(" ")[0]
        )
        starts_lower = setting.lstrip()[:1].islower()
        lines.append(line.replace("# ", "", 1) if is_setting and starts_lower else line)
    file.write_text("\n".join(lines), encoding="utf-8")
    project = load(file.parent, TASKS).project
    assert project.venture is not None
    assert project.data.limit == 2000
    assert set(project.routes) >= {"tfidf-linear", "fasttext", "finetune"}
    assert project.choose.at_least == 0.9


@pytest.mark.parametrize("name", ["2026", "1.5", "no", "null", "新闻台", "a", "x_y", "2026-01-01"])
def test_names_stay_names(name: str, tmp_path: Path) -> None:
    assert load(new(tmp_path / name), TASKS).project.project == name


@pytest.mark.parametrize("name", ["with space", "-dash", "a" * 101, "semi;colon"])
def test_names_that_can_not_be(name: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="can't be a project's name"):
        new(tmp_path / name)
    assert not (tmp_path / name).exists()


def test_an_unknown_template_lists_them(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        new(tmp_path / "desk", "news-dest")
    assert "news-desk" in caught.value.expected
    assert caught.value.remedy == "Did you mean news-desk?"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    file = new(tmp_path / "desk")
    file.write_text("mine")
    with pytest.raises(SpecError, match="there already"):
        new(tmp_path / "desk")
    assert file.read_text() == "mine"
