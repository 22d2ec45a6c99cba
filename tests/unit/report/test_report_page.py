"""The page as a document: every number has its source, nothing hostile runs, what is missing is said to be missing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from tests.report_run import HOSTILE, build

from modelwright.base.errors import DataError, MachineError
from modelwright.base.evidence import Ledger, Source
from modelwright.report import page as page_module
from modelwright.report.answers import QUESTIONS
from modelwright.report.blocks import DEFAULTS
from modelwright.report.page import SECTIONS, write
from modelwright.report.words import TABLE

LIBRARY = page_module._library
VOID = {"meta", "link", "br", "img", "input", "hr"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parent: Element | None
    parts: list[str] = field(default_factory=list)

    @property
    def classes(self) -> set[str]:
        return set(self.attributes.get("class", "").split())

    @property
    def text(self) -> str:
        return " ".join("".join(self.parts).split())

    def inside(self, test) -> bool:
        return test(self) or (self.parent is not None and self.parent.inside(test))


class Page(HTMLParser):
    """Every element, and every piece of text with the element it lies in."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.texts: list[tuple[Element, str]] = []
        self.open: list[Element] = []
        start = content.index('id="plotly">') + len('id="plotly">')  # the library is 5 MB of no interest here
        self.feed(content[:start] + content[content.index("</script>", start) :])
        assert not self.open, f"unclosed: {[item.tag for item in self.open]}"

    def handle_starttag(self, tag, attributes):
        element = Element(tag, {name: value or "" for name, value in attributes}, self.open[-1] if self.open else None)
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1].tag == tag, f"</{tag}> closes {self.open[-1].tag if self.open else 'nothing'}"
        self.open.pop()

    def handle_data(self, data):
        if self.open:
            self.texts.append((self.open[-1], data))
            for element in self.open:
                element.parts.append(data)

    def having(self, name: str) -> list[Element]:
        return [element for element in self.elements if name in element.classes]

    @property
    def ids(self) -> list[str]:
        return [element.attributes["id"] for element in self.elements if "id" in element.attributes]


@pytest.fixture(autouse=True)
def small_library(monkeypatch):
    """Most tests need no 5 MB of plotly.js; `written`, made once per language, has the real one."""
    monkeypatch.setattr(page_module, "_library", lambda: "window.Plotly = {}")


def page_of(folder: Path, language: str = "en", **settings) -> tuple[str, Page]:
    run = build(folder / "run", language, **settings)
    content = write(run, folder / "out", language).read_text(encoding="utf-8")
    return content, Page(content)


@pytest.fixture(scope="module", params=["en", "zh"])
def written(request, tmp_path_factory) -> tuple[str, str, Page]:
    return request.param, *page_of(tmp_path_factory.mktemp(request.param), request.param)


def test_every_figure_links_to_a_ledger_record_of_the_same_basis(written):
    _, _, page = written
    rows = {element.attributes["id"]: element for element in page.having("record-row")}
    figures = page.having("figure")
    assert len(figures) > 60
    for figure in figures:
        assert figure.tag == "a"
        target = unquote(figure.attributes["href"].removeprefix("#"))
        assert target in rows, f"{figure.text} has no record"
        words = {TABLE[f"basis.{figure.attributes['data-basis']}"][0], TABLE[f"basis.{figure.attributes['data-basis']}"][1]}
        assert any(word in rows[target].text for word in words)


def test_the_ledger_is_shown_whole(written, tmp_path):
    _, _, page = written
    records = list(Ledger(build(tmp_path / "again") / "evidence.jsonl"))
    assert len(page.having("record-row")) == len(records)
    text = " ".join(row.text for row in page.having("record-row"))
    for record in records:
        assert record.name in text


def test_no_number_stands_without_a_source(written):
    """A digit in the page belongs to a figure, to a number derived from figures that are named, to a block drawn from a named
    artefact, to a name, to the appendix, or to our own words."""
    language, _, page = written
    ids = set(page.ids)
    column = ("en", "zh").index(language)
    ours = {piece.strip() for pair in TABLE.values() for piece in re.split(r"\{\w+\}", pair[column])}

    def sourced(element: Element) -> bool:
        named = element.attributes.get("data-artefact") or element.attributes.get("data-from")
        if named is not None:
            return all(unquote(name) in ids for name in named.split())
        known = {"figure", "name", "ledger"} & element.classes or element.tag in (
            "script",
            "style",
            "cite",
            "title",
            "h1",
            "code",
        )
        return bool(known)

    loose = []
    for element, text in page.texts:
        if not re.search(r"\d", text) or element.inside(sourced):
            continue
        rest = text
        for words in sorted(ours, key=len, reverse=True):
            for piece in [words, *words.split("  ")]:
                rest = rest.replace(piece, " ") if piece else rest
        if re.search(r"\d", rest) and not element.inside(lambda item: item.tag in ("th", "caption", "strong")):
            loose.append((element.tag, element.attributes, text))
    assert not [item for item in loose if not _limits_of_the_project(item[2])]


def _limits_of_the_project(text: str) -> bool:
    """Sentences of checks around their linked figures: the project's own limits."""
    return bool(re.fullmatch(r".*(at least|asked|floor|loss|至少|要求|下限|损失).*", text.strip(), re.S))


def test_links_resolve_and_ids_are_unique(written):
    _, _, page = written
    ids = page.ids
    assert len(ids) == len(set(ids))
    links = [element.attributes["href"] for element in page.elements if element.tag == "a"]
    assert {link for link in links if not link.startswith("#")} == set()
    assert not [link for link in links if unquote(link[1:]) not in ids]
    assert [item for item in ids if item in SECTIONS] == list(SECTIONS)


def test_nothing_comes_from_elsewhere(written):
    _, content, page = written
    for element in page.elements:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            assert element.attributes.get(name, "#").startswith(("#", "data:")), (element.tag, name)
    style = next(element for element in page.elements if element.tag == "style")
    assert "url(" not in "".join(style.parts) and "@import" not in "".join(style.parts)
    policy = next(e.attributes["content"] for e in page.elements if e.attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.partition("style-src")[0] and "unsafe-eval" not in policy
    scripts = re.findall(r'<script(?: type="text/plain" id="plotly")?>(.*?)</script>', content, re.S)
    assert len(scripts) == 2
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_each_of_the_ten_questions_is_answered_in_its_section(written):
    """A number and an answer that is not the sentence for want of evidence; the same answer on the first page."""
    language, _, page = written
    column = ("en", "zh").index(language)
    sections = [element for element in page.elements if element.tag == "section" and element.attributes.get("id") in QUESTIONS]
    assert [section.attributes["id"] for section in sections] == list(QUESTIONS)
    overview = [item for item in page.elements if item.tag == "li" and item.inside(lambda one: "answers" in one.classes)]
    assert len(overview) == 10
    for number, (section, first) in enumerate(zip(sections, overview, strict=True), 1):
        name = section.attributes["id"]
        said = [item for item in page.having("answer") if item.inside(lambda one, section=section: one is section)]
        assert len(said) == 1 and said[0].text and said[0].text in first.text, name
        assert TABLE[f"answer.{name}.none"][column] != said[0].text
        assert TABLE["answers.number"][column].format(number=number) in section.text
        assert [item for item in page.elements if item.inside(lambda one, answer=said[0]: one is answer) and item.tag == "a"], (
            name
        )


def test_the_running_service_is_shown_with_its_alarms(written):
    language, _, page = written
    (section,) = (element for element in page.elements if element.tag == "section" and element.attributes.get("id") == "risk")
    assert "operate/error-share" in section.text and "operate/latency-p95" in section.text
    for key in ("alarm", "quiet", "missing"):
        assert TABLE[f"alarms.{key}"][language == "zh"] in section.text


def test_numbers_read_from_artefacts_carry_basis_and_file(written):
    language, _, page = written
    rows = {
        element.attributes["id"]: element.text for element in page.elements if element.attributes.get("id", "").startswith("a-")
    }
    reads = page.having("read")
    assert len(reads) > 40
    for element in reads:
        target = unquote(element.attributes["href"].removeprefix("#"))
        assert target in rows and target == unquote(element.attributes["data-artefact"])
        assert TABLE[f"basis.{element.attributes['data-basis']}"][language == "zh"] in element.text
        assert element.attributes["title"].rpartition(" · ")[2] in rows[target]


def test_every_drawn_block_names_its_basis_and_its_file(written):
    """What is no link to the ledger shows a mark and the file, inside the block or straight behind the list it belongs to."""
    _, _, page = written
    sources = page.having("source")
    assert len(sources) > 40
    for element in sources:
        assert "/" in element.text and [one for one in page.having("mark") if one.parent is element], element.text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_key_that_was_not_stated_is_asked_for(tmp_path, language):
    run = build(tmp_path / "run", language)
    plan = json.loads((run / "plan/plan.json").read_text())
    plan["missing"] = ["venture.customers.churn", "venture.cash", "venture.team"]
    (run / "plan/plan.json").write_text(json.dumps(plan))
    page = Page(write(run, tmp_path / "out", language).read_text())
    asked = " ".join(element.text for element in page.having("asked"))
    keys = [item["key"] for item in plan["asked"]] + plan["missing"] + plan["team"]["asked"] + plan["pricing"]["asked"]
    assert keys and not [key for key in keys if key not in asked]
    for name, key in (("market", "venture.customers.churn"), ("financing", "venture.cash"), ("team", "venture.team")):
        assert [
            one
            for one in page.having("asked")
            if key in one.text and one.inside(lambda e, name=name: e.attributes.get("id") == name)
        ]


def test_without_a_plan_each_question_says_what_to_state(tmp_path):
    gone = tuple(f"plan/{name}.json" for name in ("plan", "risks", "compliance", "capacity", "route", "learning", "financing"))
    _, page = page_of(tmp_path, "en", without=(*gone, "evidence.jsonl"))
    for name, keys in DEFAULTS.items():
        asked = [one for one in page.having("asked") if one.inside(lambda e, name=name: e.attributes.get("id") == name)]
        assert asked, name
        assert not [key for key in keys if key not in asked[0].text], name


@pytest.mark.parametrize("language", ["en", "zh"])
def test_hostile_text_stays_text(tmp_path, language):
    """Markup in labels, texts, row ids, notes, the project's name, assumptions and citations never becomes an element."""
    content, page = page_of(tmp_path, language, hostile=True)
    _, innocent = page_of(tmp_path / "other", language)
    assert HOSTILE not in content
    assert [e.tag for e in page.elements].count("script") == [e.tag for e in innocent.elements].count("script")
    assert HOSTILE in next(e for e in page.elements if e.tag == "title").text
    assert any(HOSTILE in element.text for element in page.having("mistakes"))
    specs = [e for e in page.elements if e.attributes.get("type") == "application/json"]
    for spec in specs:
        drawn = json.dumps(json.loads("".join(spec.parts)))
        assert "<script" not in drawn  # plotly reads a little HTML in labels


def test_the_chinese_page_speaks_chinese(tmp_path):
    """No English sentence of the table is left on it; what others wrote (names, notes, licences) stays as they wrote it."""
    _, page = page_of(tmp_path, "zh")
    visible = "\n".join(text for element, text in page.texts if element.tag not in ("script", "style"))
    for key, (english, chinese) in TABLE.items():
        if english == chinese or len(english) < 4 or key.startswith(("clause.", "class.")):  # classes are also names in reasons
            continue
        for piece in re.split(r"\{\w+\}", english):
            piece = piece.strip(" .,;:()")
            if len(piece) > 14 and piece not in chinese:
                assert piece not in visible, f"{key}: {piece!r}"
    for heading in [element for element in page.elements if element.tag in ("h2", "h3", "caption", "summary")]:
        assert re.search(r"[\u4e00-\u9fff]", heading.text), heading.text


ARTEFACTS = {
    "data/card.json": "absent.data",
    "choose/decision.json": "absent.choose",
    "compress/variants.json": "absent.compress",
    "rehearse/load.json": "absent.rehearse",
    "plan/plan.json": "absent.plan",
    "plan/risks.json": "absent.risks",
    "plan/compliance.json": "absent.compliance",
    "plan/capacity.json": "absent.capacity",
    "plan/route.json": "absent.ways",
    "plan/learning.json": "absent.learning",
    "plan/financing.json": "absent.financing",
    "evidence.jsonl": "absent.ledger",
}


@pytest.mark.parametrize("gone", ARTEFACTS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_missing_is_said_to_be_missing(tmp_path, gone, language):
    _, page = page_of(tmp_path, language, without=(gone,))
    said = " ".join(element.text for element in page.having("absent"))
    assert TABLE[ARTEFACTS[gone]][language == "zh"] in said
    ids = page.ids
    assert all(unquote(e.attributes["href"][1:]) in ids for e in page.elements if e.tag == "a")


def test_an_empty_run_folder_gives_a_page_without_a_figure(tmp_path):
    (tmp_path / "run").mkdir()
    page = Page(write(tmp_path / "run", tmp_path / "out", "en").read_text())
    assert page.having("figure") == []
    assert len(page.having("absent")) >= 8
    assert "No route has been chosen yet." in next(e for e in page.elements if e.tag == "h1").text
    assert [e.text for e in page.having("range")] == [TABLE["card.missing"][0]] * 4


def test_a_superseded_record_is_kept_and_the_newest_is_shown(tmp_path):
    run = build(tmp_path / "run")
    source = Source("r", "rehearse", "modelwright run", "2 cores", "2026-11-23T00:00:00Z")
    Ledger(run / "evidence.jsonl", source).record("rehearse/cold-start", 0.51, "s", "measured")
    page = Page(write(run, tmp_path / "out", "en").read_text())
    shown = [e.text for e in page.having("figure") if e.attributes["href"] == "#e-rehearse-cold-start"]
    assert shown and all("0.51 s" in text for text in shown)
    rows = [e for e in page.having("record-row") if "rehearse/cold-start" in e.text]
    assert [("superseded" in row.classes, "0.62 s" in row.text) for row in rows] == [(True, True), (False, False)]


def test_names_that_give_one_anchor_get_two(tmp_path):
    run = build(tmp_path / "run")
    ledger = Ledger(run / "evidence.jsonl", Source("r", "plan", "modelwright run", "2 cores", "2026-11-23T00:00:00Z"))
    ledger.record("plan/a-b", 1.0, "USD", "assumed")
    ledger.record("plan/a/b", 2.0, "USD", "assumed")
    page = Page(write(run, tmp_path / "out", "en").read_text())
    assert {"e-plan-a-b", "e-plan-a-b-2"} <= set(page.ids)
    by_link = {e.attributes["href"]: e.text for e in page.having("figure") if "plan-a-b" in e.attributes["href"]}
    assert by_link["#e-plan-a-b"].startswith("$1") and by_link["#e-plan-a-b-2"].startswith("$2")


def test_the_shipped_variant_gives_the_quality_of_the_headline(tmp_path):
    _, page = page_of(tmp_path)
    card = page.having("card")[0]
    assert "0.973" in card.text and "0.960–0.985" in card.text  # int8, not the 0.974 it was made from


def test_a_floor_inside_the_test_interval_is_not_met(tmp_path):
    run = build(tmp_path / "run")
    decision = json.loads((run / "choose/decision.json").read_text())
    decision["conditions"]["at_least"] = 0.965
    (run / "choose/decision.json").write_text(json.dumps(decision))
    page = Page(write(run, tmp_path / "out", "en").read_text())
    item = next(e for e in page.elements if e.tag == "li" and TABLE["check.floor-test"][0] in e.text)
    assert "not met" in item.text and "0.965" in item.text


def test_forecast_stands_beside_actual_with_its_error(tmp_path):
    _, page = page_of(tmp_path)
    row = next(e for e in page.elements if e.tag == "tr" and e.text.startswith("finetune") and "2 min 20 s" in e.text)
    assert "2 min 11 s" in row.text and "+6.7%" in row.text


def test_the_same_run_gives_the_same_bytes_fast(tmp_path, monkeypatch):
    monkeypatch.setattr(page_module, "_library", LIBRARY)
    run = build(tmp_path / "run")
    first = write(run, tmp_path / "a", "en").read_bytes()
    started = time.process_time()
    assert write(run, tmp_path / "b", "en").read_bytes() == first
    assert time.process_time() - started < 1.5


def test_wrong_folders_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such run folder"):
        write(tmp_path / "nowhere", tmp_path / "out", "en")
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError):
        write(build(tmp_path / "run"), tmp_path / "file", "en")
    with pytest.raises(ValueError, match="no page in 'fr'"):
        write(tmp_path / "run", tmp_path / "out", "fr")


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        (
            "plan/plan.json",
            (
                "sensitivity",
                "unit",
                "asked",
                "fan",
                "missing",
                "assumptions",
                "tiers",
                "pricing",
                "funnel",
                "cohorts",
                "team",
                "statements",
            ),
        ),
        ("plan/financing.json", ("need", "steps", "exits", "money_in", "cash", "figures", "missing")),
        ("plan/risks.json", ("responses", "counts", "risks", "sensitivity", "alarms")),
        ("plan/capacity.json", ("scale", "reserve", "server")),
        ("plan/route.json", ("ways", "break_even", "choice")),
        ("plan/learning.json", ("curve", "cost", "may_cost", "worth_it")),
        ("plan/compliance.json", ("not_applicable",)),
        ("data/card.json", ("provenance", "lengths", "languages", "quarantine", "duplicates", "splits")),
        ("evaluate/tfidf-linear/evaluation.json", ("calibration", "confusion", "slices", "mistakes")),
        ("compress/variants.json", ("variants", "reason")),
        ("rehearse/load.json", ("levels", "server", "best")),
        ("choose/decision.json", ("candidates", "conditions", "reason", "confirmed_on_test")),
    ],
)
def test_parts_of_an_artefact_may_be_missing(tmp_path, path, keys):
    run = build(tmp_path / "run")
    whole = json.loads((run / path).read_text())
    for key in keys:
        (run / path).write_text(json.dumps({name: value for name, value in whole.items() if name != key}))
        page = Page(write(run, tmp_path / "out", "en").read_text())
        assert len(page.having("figure")) > 60, key


def test_no_route_and_no_venture_are_said(tmp_path):
    run = build(tmp_path / "run")
    decision = json.loads((run / "choose/decision.json").read_text())
    (run / "choose/decision.json").write_text(json.dumps({**decision, "route": None}))
    empty = {"currency": "USD", "months": [], "fan": {}, "figures": [], "assumptions": [], "unit": {}, "sensitivity": {}}
    (run / "plan/plan.json").write_text(json.dumps({**empty, "missing": ["venture"], "asked": []}))
    page = Page(write(run, tmp_path / "out", "en").read_text())
    assert "No route meets the conditions." in next(e for e in page.elements if e.tag == "h1").text
    assert {TABLE["absent.unit"][0], TABLE["absent.tornado"][0]} <= {e.text for e in page.having("absent")}


def test_a_variant_without_an_interval_shows_the_one_from_before(tmp_path):
    run = build(tmp_path / "run")
    source = Source("r", "compress", "modelwright run", "2 cores", "2026-11-23T00:00:00Z")
    Ledger(run / "evidence.jsonl", source).record("compress/int8/test/macro-f1", 0.9728, "1", "measured")
    page = Page(write(run, tmp_path / "out", "en").read_text())
    card = page.having("card")[0]
    assert "0.973" in card.text and "interval before int8: 0.961–0.986" in card.text
    link = next(e for e in page.having("quiet") if "before int8" in e.text)
    assert link.attributes["href"] == "#e-evaluate-tfidf-linear-test-macro-f1"


def test_half_characters_in_rows_do_not_stop_the_page(tmp_path):
    run = build(tmp_path / "run")
    path = run / "evaluate/tfidf-linear/evaluation.json"
    path.write_text(path.read_text().replace("Shares in the", "Shares \\udc80 in the"))
    assert "Shares ? in the" in write(run, tmp_path / "out", "en").read_text(encoding="utf-8")


def test_artefacts_that_hold_only_what_they_lack_ask_for_it(tmp_path):
    run = build(tmp_path / "run")
    for name, key in (("route", "compute.api"), ("capacity", "choose.latency_ms_p95"), ("learning", "train.learning_curve")):
        (run / f"plan/{name}.json").write_text(json.dumps({"currency": "USD", "missing": [key]}))
    page = Page(write(run, tmp_path / "out", "en").read_text())
    for name, key in (("route", "compute.api"), ("compute", "choose.latency_ms_p95"), ("data", "train.learning_curve")):
        assert [
            one
            for one in page.having("asked")
            if key in one.text and one.inside(lambda e, name=name: e.attributes.get("id") == name)
        ]
