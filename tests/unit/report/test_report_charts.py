"""Charts: specs that plotly accepts, colours that the style sheet has, captions with the numbers, foreign words without markup."""

from __future__ import annotations

import importlib.resources
import json
import re
from pathlib import Path
from typing import Any

import plotly.graph_objects
import pytest
from tests.report_run import HOSTILE, build

from modelwright.report.charts import draw
from modelwright.report.charts.style import decades, rounds, safe, sampled
from modelwright.report.numbers import Numbers
from modelwright.report.read import read_run
from modelwright.report.words import Words

EXPECTED = {
    "trials-bilstm",
    "importance-bilstm",
    "labels", "lengths", "curves", "forecast", "pareto", "variants", "load", "cash", "customers", "revenue", "tornado", "unit",
    "confusion", "reliability", "slices", "payroll", "ways", "learning", "scale", "flow", "pricing", "money", "ownership", "exits",
    "funnel", "survival", "cohorts", "matrix", "responses",
}  # fmt: skip


def drawn(folder: Path, language: str = "en", **settings: Any) -> dict[str, Any]:
    run = read_run(build(folder, language, **settings))
    return draw(run, Words(language), Numbers(language), "tfidf-linear", "macro-f1")


def resolved(value: Any) -> Any:
    """As the page's script does it: "@name" becomes a colour or a font."""
    if isinstance(value, str) and value.startswith("@"):
        return "#123456"
    if isinstance(value, list):
        return [resolved(item) for item in value]
    return {key: resolved(item) for key, item in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_chart_is_drawn_and_plotly_accepts_it(tmp_path, language):
    charts = drawn(tmp_path, language)
    assert set(charts) == EXPECTED
    for name, chart in charts.items():
        assert chart is not None, name
        figure = plotly.graph_objects.Figure(resolved(chart.spec))  # raises on any unknown or wrong setting
        assert figure.data, name


def test_colours_are_names_of_the_style_sheet(tmp_path):
    style = (importlib.resources.files("modelwright.report") / "templates" / "style.css").read_text(encoding="utf-8")
    light, dark = style.split("prefers-color-scheme: dark", 1)
    specs = json.dumps([chart.spec for chart in drawn(tmp_path).values()])
    names = set(re.findall(r'"@([\w-]+)"', specs))
    assert {"ink", "muted", "grid", "route-0", "route-0-soft", "heat-2", "font"} <= names
    for name in names:
        assert f"--{name}:" in light, name
        assert name == "font" or f"--{name}:" in dark, name
    assert not re.search(r'"#[0-9a-f]{3,8}"', specs), "a colour that dark mode and print can't change"


def test_each_chart_has_its_numbers_in_words(tmp_path):
    for name, chart in drawn(tmp_path).items():
        assert chart.title and chart.sources, name
        assert re.search(r"\d", chart.caption), name
        assert chart.rows and all(len(row) == len(chart.columns) for row in chart.rows), name
    charts = drawn(tmp_path / "again")
    assert "sport, has 504 rows (24%)" in charts["labels"].caption
    assert "412 of 426" in charts["confusion"].caption
    assert "2,150 requests per second at 64 connections, with p95 41 ms" in charts["load"].caption
    assert "runs out of cash in month 20" in charts["cash"].caption
    assert "finetune: forecast 2 min 20 s, actual 2 min 11 s (+6.7%)" in charts["forecast"].caption
    assert "Of $19 a customer brings in a month" in charts["unit"].caption


def test_hostile_words_reach_no_spec(tmp_path):
    for name, chart in drawn(tmp_path, hostile=True).items():
        assert "<script" not in json.dumps(chart.spec), name
    assert safe(HOSTILE) == "&lt;script&gt;document.title='owned'&lt;…"
    assert safe("a\n\tb") == "a b"


def test_names_never_become_numbers_or_dates(tmp_path):
    run = read_run(build(tmp_path))
    card = {**run.card, "labels": {"2020-01-01": 5, "1e3": 4, "10": 3, "10 ": 2}, "rows_kept": 14}
    from modelwright.report.charts.of_data import labels

    chart = labels(card, Words("en"), Numbers("en"))
    axis = chart.spec["layout"]["yaxis"]
    assert axis["type"] == "linear" and axis["ticktext"] == ["2020-01-01", "1e3", "10", "10"]
    assert chart.spec["data"][0]["y"] == [0, 1, 2, 3]


def test_many_labels_are_cut_and_the_table_keeps_them_all(tmp_path):
    from modelwright.report.charts.of_data import labels
    from modelwright.report.charts.of_quality import confusion

    words, numbers = Words("en"), Numbers("en")
    names = [f"label {number}" for number in range(60)]
    chart = labels({"labels": {name: 60 - place for place, name in enumerate(names)}, "rows_kept": 1830}, words, numbers)
    assert len(chart.spec["data"][0]["x"]) == 20 and sum(chart.spec["data"][0]["x"]) == 1830
    assert chart.spec["layout"]["yaxis"]["ticktext"][-1] == "41 others"
    assert len(chart.rows) == 60
    counts = [[10 if truth == answer else 0 for answer in range(60)] for truth in range(60)]
    counts[59][58] = 7
    chart = confusion({"confusion": {"labels": names, "counts": counts}}, "evaluate/x/evaluation.json", words, numbers)
    assert "label 59" in chart.spec["layout"]["yaxis"]["ticktext"], "the label with mistakes is drawn"
    assert "600 of 607" in chart.caption and "label 59 taken for label 58, 7 times" in chart.caption
    assert "Only the 16 labels" in chart.caption


def test_quality_without_a_mistake(tmp_path):
    from modelwright.report.charts.of_quality import confusion

    perfect = {"confusion": {"labels": ["a", "b"], "counts": [[3, 0], [0, 4]]}}
    chart = confusion(perfect, "e", Words("en"), Numbers("en"))
    assert chart.caption == "All of the 7 held-out rows are right." and chart.rows == ()


def test_pareto_marks_the_route_taken_the_front_and_the_floor(tmp_path):
    chart = drawn(tmp_path)["pareto"]
    front, *routes = chart.spec["data"]
    assert front["x"] == [0.00021, 0.0084] and front["line"]["dash"] == "dash"
    assert [trace["text"] for trace in routes] == [["<b>tfidf-linear (taken)</b>"], ["bilstm"], ["finetune"]]
    assert all(trace["error_y"]["array"][0] > 0 for trace in routes)
    assert chart.spec["layout"]["xaxis"]["type"] == "log"
    assert chart.spec["layout"]["shapes"][0]["y0"] == 0.95


def test_pareto_without_costs_shows_latency(tmp_path):
    run = build(tmp_path)
    decision = json.loads((run / "choose/decision.json").read_text())
    for item in decision["candidates"]:
        item["cost_per_1000"] = None
    (run / "choose/decision.json").write_text(json.dumps(decision))
    chart = draw(read_run(run), Words("en"), Numbers("en"), None, None)["pareto"]
    assert chart.title == "Quality against latency" and "0.42 ms" in chart.caption


def test_cash_that_lasts_has_no_month_of_ruin(tmp_path):
    run = build(tmp_path)
    plan = json.loads((run / "plan/plan.json").read_text())
    plan["fan"]["cash"] = {key: [1000.0] * 36 for key in ("p10", "p50", "p90")}
    (run / "plan/plan.json").write_text(json.dumps(plan))
    chart = draw(read_run(run), Words("zh"), Numbers("zh"), None, None)["cash"]
    assert "36 个月内现金不会耗尽" in chart.caption
    assert chart.spec["layout"]["shapes"], "the zero line"


def test_tornado_bars_start_at_the_middle_and_reach_the_results(tmp_path):
    low, high = drawn(tmp_path)["tornado"].spec["data"]
    assert low["base"] == -211_000 and [low["base"] + step for step in low["x"]] == [-262_000, -160_000, -219_000]
    assert [high["base"] + step for step in high["x"]] == [61_000, -243_000, -203_000]


def test_waterfall_ends_at_the_margin(tmp_path):
    trace = drawn(tmp_path)["unit"].spec["data"][0]
    assert trace["measure"] == ["absolute", "relative", "relative", "total"]
    assert sum(trace["y"][:3]) == pytest.approx(trace["y"][3], abs=1e-3)


def test_nothing_to_draw_is_no_chart(tmp_path):
    tmp_path.joinpath("run").mkdir()
    charts = draw(read_run(tmp_path / "run"), Words("en"), Numbers("en"), None, None)
    of_searches = {"trials-bilstm", "importance-bilstm"}  # one a search
    assert set(charts) == EXPECTED - of_searches and set(charts.values()) == {None}


def test_sampling_keeps_ends_and_means():
    points = [(float(x), float(x % 2)) for x in range(10_000)]
    few = sampled(points, 100)
    assert len(few) == 100 and all(value == pytest.approx(0.5) for _, value in few)
    assert few[0][0] < 100 and few[-1][0] > 9_900
    assert sampled(points[:5], 100) == points[:5]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(-260.0, 130.0, [-200, -100, 0, 100]), (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1.0]), (5.0, 5.0, [5])],
)
def test_round_ticks(low, high, expected):
    assert rounds(low, high, 5) == pytest.approx(expected)


def test_decades_have_steps_only_where_there_is_room():
    assert decades(0.0008, 0.03) == pytest.approx([0.001, 0.002, 0.005, 0.01, 0.02])
    assert decades(1e-5, 2.0) == pytest.approx([1e-5, 1e-4, 1e-3, 0.01, 0.1, 1])
