"""Sentences in another language: found by their template, and every error's Chinese has the places of its English."""

from __future__ import annotations

import json
import time
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from string import Formatter

import pytest
from pydantic import BaseModel, Field, ValidationError

import modelwright.base.zh
from modelwright.base.errors import DataError
from modelwright.base.phrases import Phrases
from modelwright.base.zh import chinese
from modelwright.cli import main

TABLES = [entry.name for entry in iter_modules(modelwright.base.zh.__path__)]


def places(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def test_a_sentence_is_found_by_its_template() -> None:
    known = Phrases([("{0} rows of {1}", "{1} 的 {0} 行"), ("no rows", "没有行"), ("{one} and {two}", "{two} 与 {one}")])
    assert known("3 rows of topic\nand more") == "topic\nand more 的 3 行"
    assert known("no rows") == "没有行"
    assert known("a and b") == "b 与 a"
    assert known("nothing like it") is None


def test_the_template_with_more_words_wins_whatever_the_order() -> None:
    short, long = ("{0} rows", "短 {0}"), ("{0} bad rows", "长 {0}")
    assert [Phrases(table)("3 bad rows") for table in ([short, long], [long, short])] == ["长 3", "长 3"]


def test_words_in_a_place_are_translated_if_they_are_a_phrase() -> None:
    known = Phrases([("{0} of {1}", "{1} 的 {0}"), ("no rows", "没有行"), ("{0} bad rows", "{0} 坏行"), ("topic", "题目")])
    assert known("no rows of topic") == "topic 的 没有行"
    assert known("3 bad rows of topic") == "topic 的 3 坏行"


def test_braces_that_are_meant_stay() -> None:
    known = Phrases([("write ${{{0}}}", "写作 ${{{0}}}"), ("give {{}}", "写 {{}}")])
    assert known("write ${env.KEY}") == "写作 ${env.KEY}"
    assert known("give {}") == "写 {}"


@pytest.mark.parametrize("table", TABLES)
def test_every_error_is_put_into_its_own_chinese(table: str) -> None:
    for english, other in import_module(f"modelwright.base.zh.{table}").PHRASES.items():
        assert places(english) == places(other), english
        filled = [f"⟨{place}⟩" for place in places(english)]
        assert chinese(english.format(*filled)) != english.format(*filled), english
        assert all(mark in chinese(english.format(*filled)) for mark in filled), english


def test_an_error_in_chinese_keeps_its_place_and_its_names() -> None:
    error = DataError(
        "the reference ${data.sorce} names nothing",
        expected="a key of this file, or env.NAME",
        where="modelwright.yaml:4",
        remedy="Write 'sorce' first, or mend the name.",
    )
    head, expected, remedy = error.told("zh").splitlines()
    assert head.startswith("modelwright.yaml:4  ")
    assert "${data.sorce}" in head
    assert expected.startswith("  应为：")
    assert "env.NAME" in expected
    assert "'sorce'" in remedy
    assert not {"reference", "names", "Expected", "first"} & set(error.told("zh").split())
    assert error.told("en") == str(error)


def test_what_no_phrase_knows_stays_and_the_sentences_beside_it_are_translated() -> None:
    error = DataError("xyzzy", expected="plugh (a text)", where="", remedy="Plugh it. Send plain characters.")
    assert error.told("zh").splitlines()[0] == "xyzzy"
    assert "Plugh it." in error.told("zh")
    assert "Send plain characters." not in error.told("zh")
    assert "a text" not in error.told("zh")


def test_a_part_that_quotes_pages_stays_as_it_is_and_takes_no_time() -> None:
    began = time.process_time()
    assert chinese("a text " * 100_000) == "a text " * 100_000
    chinese("column of rows is not " * 90)
    assert time.process_time() - began < 2.0


def test_tables_are_loaded_only_for_chinese(tmp_path: Path) -> None:
    import subprocess
    import sys

    program = (
        "import sys; from modelwright.base.errors import DataError\n"
        "error = DataError('a', expected='b', where='c', remedy='d'); str(error), error.told('en')\n"
        "print([name for name in sys.modules if name.startswith('modelwright.base.zh')])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_validation_says_is_put_into_chinese_too() -> None:
    class Section(BaseModel):
        rows: int = Field(ge=1)
        share: float = Field(gt=0, lt=1)
        names: list[str] = Field(min_length=2)
        on: bool = True

    wrong = [
        {"rows": "x"},
        {"rows": 1.5},
        {"rows": 0},
        {"share": 0},
        {"share": 1},
        {"share": "y"},
        {"names": ["a"]},
        {"names": 3},
    ]
    for values in [*wrong, {"on": "perhaps"}]:
        with pytest.raises(ValidationError) as caught:
            Section.model_validate({"rows": 1, "share": 0.5, "names": ["a", "b"], **values})
        said = caught.value.errors()[0]["msg"].removeprefix("Input should be ")
        assert chinese(said) != said, said
        assert chinese(f"{said} (rows per step)").endswith("（rows per step）")


def test_tasks_routes_and_settings_are_told_in_the_language_of_whoever_asks(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for locale, task, setting in (
        ("zh_CN.UTF-8", "clustering: 把相似的行分成组，不需要标签\n  路线: ", 'clusters = "auto"  聚类数，或 auto：'),
        ("C.UTF-8", "clustering: groups of rows that are alike", 'clusters = "auto"  how many, or auto: '),
    ):
        monkeypatch.setenv("LC_ALL", locale)
        assert main(["tasks"]) == 0
        assert task in capsys.readouterr().out
        assert main(["tasks", "clustering"]) == 0
        assert setting in capsys.readouterr().out
    assert main(["schema", "--language", "zh"]) == 0
    assert json.loads(capsys.readouterr().out)["properties"]["project"]["description"] == "项目名称"
    assert main(["tasks", "--json"]) == 0
    assert "groups of rows" in capsys.readouterr().out, "for scripts: English whoever runs them"
