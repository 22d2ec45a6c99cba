"""Both languages say everything, with the same places to fill; no sentence hides in a template."""

from __future__ import annotations

import importlib.resources
import re
from pathlib import Path
from string import Formatter

import pytest
from markupsafe import Markup

import modelwright.report
from modelwright.report.words import TABLE, Words
from modelwright.report.words_cards import CARDS, DATA_CARD
from modelwright.report.words_charts import CHARTS
from modelwright.report.words_checks import CHECKS
from modelwright.report.words_language import LANGUAGE
from modelwright.report.words_market import MARKET
from modelwright.report.words_page import PAGE
from modelwright.report.words_questions import QUESTIONS
from modelwright.report.words_reasons import REASONS
from modelwright.report.words_room import ROOM
from modelwright.report.words_series import SERIES
from modelwright.report.words_tables import TABLES

FOLDER = Path(modelwright.report.__file__).parent
EVERY = {**TABLE, **{f"card:{key}": pair for key, pair in {**CARDS, **DATA_CARD, **ROOM}.items()}}
SAME_IN_BOTH = {"name.roc-auc", "team.several"}


@pytest.mark.parametrize("key", EVERY)
def test_both_languages_say_it_with_the_same_places(key):
    english, chinese = EVERY[key]
    assert english.strip() and chinese.strip()
    places = [sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None) for text in (english, chinese)]
    assert places[0] == places[1]
    assert "<" not in english + chinese, "sentences hold no markup"
    if key not in SAME_IN_BOTH and key != "html.language":
        assert re.search(r"[\u4e00-\u9fff]", chinese), "not Chinese"
        assert not re.search(r"[\u4e00-\u9fff]", english), "not English"


def test_no_key_stands_in_two_tables():
    assert sum(map(len, (PAGE, CHARTS, MARKET, CHECKS, QUESTIONS, TABLES, SERIES, REASONS, LANGUAGE))) == len(TABLE)


def sources() -> str:
    files = [path for path in FOLDER.rglob("*") if path.suffix in (".py", ".html") and not path.name.startswith("words_")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def test_every_key_that_is_used_exists():
    used = set(re.findall(r"""(?<![\w.])(?:t|words|words\.plain)\(\s*["']([a-z][\w.-]*)["']\s*[,)]""", sources()))
    assert len(used) > 100
    assert used - set(TABLE) == set()


def test_every_key_is_used():
    """A key is used by its name, or by a name that is put together: its first part then stands before a brace or a tilde."""
    text = sources()
    unused = []
    for key in TABLE:
        parts = [key[: found.start() + 1] for found in re.finditer(r"[.\-]", key)]
        built = any(re.search(rf"""["']{re.escape(part)}(?:\{{|["'] ?[~+])""", text) for part in parts)
        if f'"{key}"' not in text and f"'{key}'" not in text and not built:
            unused.append(key)
    assert unused == []


def test_templates_hold_no_sentence():
    """What a reader sees comes from the table: outside of tags and expressions a template has no letters but these names."""
    known = {"Modelwright", "SHA-256"}
    for file in (importlib.resources.files("modelwright.report") / "templates").iterdir():
        for path in [file] if file.is_file() else list(file.iterdir()):
            if not path.name.endswith(".html"):
                continue
            text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<style>.*?</style>|<[^>]*>", " ", path.read_text("utf-8"), flags=re.S)
            assert set(re.findall(r"[A-Za-z][\w-]+", text)) <= known, path.name


def test_what_is_filled_in_is_escaped():
    words = Words("en")
    assert words("headline.take", route="<b>") == "Take &lt;b&gt;."
    assert words("headline.take", route=Markup("<b>")) == "Take <b>."
    assert words.plain("headline.take", route="<b>") == "Take <b>."
    assert words.get("name.no-such-metric", "mine") == "mine"


def test_unknown_languages_and_keys_are_refused():
    with pytest.raises(ValueError, match="no page in 'de'"):
        Words("de")
    with pytest.raises(KeyError):
        Words("en")("no.such.key")
